// The demo page's own script: search, and the counts in the legend. The badges need none of it.
"use strict";

{
  document.addEventListener("DOMContentLoaded", () => {
    directory(document.querySelector(".search"), document.querySelector(".legend"));
  });

  function directory(search, legend) {
    const main = document.querySelector("main");
    const nobody = document.querySelector(".nobody");
    const input = search.querySelector("input");
    const output = search.querySelector("output");
    const filters = [...legend.querySelectorAll("button")];
    /** Rows that have been on screen: nobody asks after the others, so they are not counted as unknown. */
    const seen = new Set();
    const departments = [...main.querySelectorAll(".department")].map((section) => ({
      section,
      list: section.querySelector(".people"),
      people: [...section.querySelectorAll(".person")].map((row) => ({
        row,
        words: fold(`${row.textContent} ${section.querySelector("h2").textContent}`),
      })),
    }));

    search.addEventListener("submit", (event) => event.preventDefault());
    input.addEventListener("input", show);
    legend.addEventListener("click", (event) => only(event.target.closest("button")));
    nobody.querySelector("button").addEventListener("click", () => {
      input.value = "";
      only(null);
      show();
    });
    // Bubbles from every badge, and only on change.
    const recount = soon(count);
    document.addEventListener("presence-change", recount);
    customElements.whenDefined("zulip-presence").then(count);
    count();

    const watcher = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) seen.add(target);
      recount();
    });
    for (const { people } of departments) for (const { row } of people) watcher.observe(row);

    /** Rows that do not match leave the document; the badges in them come back with what they knew. */
    function show() {
      const words = fold(input.value).split(/\s+/);
      const matches = (person) => words.every((word) => person.words.includes(word));
      for (const { section, list, people } of departments) {
        const rows = people.filter(matches).map((person) => person.row);
        const isSame = rows.length === list.children.length && rows.every((row) => row.isConnected);
        if (!isSame) list.replaceChildren(...rows);
        section.hidden = rows.length === 0;
      }
      count();
      output.value = `${main.querySelectorAll(".person").length} people`;
    }

    function only(button) {
      const pressed = button?.getAttribute("aria-pressed") === "false" ? button : null;
      for (const filter of filters) filter.setAttribute("aria-pressed", filter === pressed);
      if (pressed) main.dataset.only = pressed.dataset.status;
      else delete main.dataset.only;
      if (pressed) askAfterAll();
      count();
    }

    /** A filter is about everybody, on screen or not. */
    function askAfterAll() {
      for (const row of main.querySelectorAll(".person")) {
        if (seen.has(row)) continue;
        seen.add(row);
        row.querySelector("zulip-presence").refresh?.();
      }
    }

    function count() {
      const counts = { active: 0, idle: 0, offline: 0, unknown: 0 };
      for (const badge of main.querySelectorAll(".person zulip-presence")) {
        const status = badge.status ?? "unknown";
        if (status !== "unknown" || seen.has(badge.closest(".person"))) counts[status] += 1;
      }
      for (const filter of filters) {
        filter.querySelector("i").textContent = counts[filter.dataset.status];
      }
      nobody.hidden = main.dataset.only
        ? main.querySelector(`.person :state(${main.dataset.only})`) !== null
        : main.querySelector(".person") !== null;
    }
  }

  /** Lower case, without accents. */
  function fold(text) {
    return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
  }

  /** Many calls within one frame make one. */
  function soon(work) {
    let due = false;
    return () => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        work();
      });
    };
  }
}
