// The demo page's own script: theme, search, and the counts in the legend. The badges need none of it.
"use strict";

{
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // At once, before anything is painted in the wrong colours.
  const stored = localStorage.getItem("theme");
  if (stored) root.dataset.theme = stored;

  document.addEventListener("DOMContentLoaded", () => {
    theme(document.querySelector(".theme"));
    directory(document.querySelector(".search"), document.querySelector(".legend"));
  });

  function theme(button) {
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
    const tell = () => (button.querySelector("span").textContent = isDark() ? "Light" : "Dark");
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
      tell();
    });
    dark.addEventListener("change", tell);
    tell();
  }

  function directory(search, legend) {
    const main = document.querySelector("main");
    const nobody = document.querySelector(".nobody");
    const input = search.querySelector("input");
    const output = search.querySelector("output");
    const filters = [...legend.querySelectorAll("button")];
    const departments = [...main.querySelectorAll(".department")].map((section) => ({
      section,
      list: section.querySelector(".people"),
      people: [...section.querySelectorAll(".person")].map((row) => ({
        row,
        words: fold(`${row.textContent} ${section.querySelector("h2").textContent}`),
      })),
    }));

    search.hidden = false;
    search.addEventListener("submit", (event) => event.preventDefault());
    input.addEventListener("input", show);
    legend.addEventListener("click", (event) => only(event.target.closest("button")));
    nobody.querySelector("button").addEventListener("click", () => {
      input.value = "";
      only(null);
      show();
    });
    // Bubbles from every badge, and only on change.
    document.addEventListener("presence-change", soon(count));
    customElements.whenDefined("zulip-presence").then(count);
    count();

    /** Rows that do not match leave the document; the badges in them come back with what they knew. */
    function show() {
      const words = fold(input.value).split(/\s+/);
      const matches = (person) => words.every((word) => person.words.includes(word));
      for (const { section, list, people } of departments) {
        const rows = people.filter(matches).map((person) => person.row);
        if (rows.length !== list.children.length) list.replaceChildren(...rows);
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
      count();
    }

    function count() {
      const shown = (status) => main.querySelectorAll(`.person [status="${status}"]`).length;
      for (const filter of filters) {
        filter.querySelector("i").textContent = shown(filter.dataset.status);
      }
      nobody.hidden = main.dataset.only
        ? shown(main.dataset.only) > 0
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
