// Lays out the gallery: status × size × label × overlay × colour scheme × direction, and the languages.
"use strict";

{
  /** One person of each status, who stays so (zulip-simulator/src/people.rs). */
  const PEOPLE = [
    { status: "active", user: 3001, en: "Ines Fonseca", ar: "إينيس فونسيكا" },
    { status: "idle", user: 3002, en: "Jonas Lindqvist", ar: "يوناس ليندكفيست" },
    { status: "offline", user: 3003, en: "Meera Pillai", ar: "ميرا بيلاي" },
    { status: "unknown", user: 3004, en: "Oskar Brandt", ar: "أوسكار براندت" },
  ];
  /** And of each way to say when somebody was last active. */
  const LAST_ACTIVE = [3001, 3002, 3005, 3006, 3003, 3007, 3008, 3009, 3010, 3004];
  const PANES = [
    { scheme: "light", lang: "en", dir: "ltr", caption: "Light" },
    { scheme: "dark", lang: "en", dir: "ltr", caption: "Dark" },
    { scheme: "light", lang: "ar", dir: "rtl", caption: "Light, right to left" },
    { scheme: "dark", lang: "ar", dir: "rtl", caption: "Dark, right to left" },
  ];
  const LANGUAGES = [
    ["en", "English"],
    ["de", "Deutsch"],
    ["fr", "Français"],
    ["es", "Español"],
    ["pt-BR", "Português (Brasil)"],
    ["pl", "Polski"],
    ["ru", "Русский"],
    ["ja", "日本語"],
    ["zh-CN", "简体中文"],
    ["ar", "العربية", "rtl"],
  ];
  const TEXT_SIZES = [0.75, 1, 1.5, 2.5];
  const FACE_SIZES = [1.75, 2.5, 4];
  const STYLES = [
    ["A ring around it", { "--zulip-presence-ring": "gold" }],
    ["Larger", { "--zulip-presence-size": "1.5em" }],
    ["Other colours", { "--zulip-presence-active": "#1769c2", "--zulip-presence-idle": "#a64ac9" }],
  ];

  const fill = { shapes, labels, details };
  for (const panes of document.querySelectorAll("[data-panes]")) {
    panes.append(...PANES.map((pane) => framed(pane, fill[panes.dataset.panes](pane))));
  }
  document.querySelector(".languages").append(...LANGUAGES.map(language));
  document.querySelector(".yours").append(...STYLES.map(styled));

  function framed({ scheme, lang, dir, caption }, content) {
    const pane = make("div", { class: "pane", "data-scheme": scheme, lang, dir }, ...content);
    return make("figure", {}, make("figcaption", {}, caption), pane);
  }

  /** Badges without a word: the visual tests compare these. */
  function shapes() {
    const row = (kind, size, content) =>
      make(
        "div",
        { class: `shapes ${kind}`, style: `--at: ${size}` },
        ...PEOPLE.map((person) => badge(person, content ? { overlay: "" } : {}, content?.())),
      );
    return [
      ...TEXT_SIZES.map((size) => row("inline", size)),
      ...FACE_SIZES.map((size) => row("face", size, () => make("i", { class: "round" }))),
      row("face", FACE_SIZES.at(-1), () => make("i", { class: "photo" })),
    ];
  }

  function labels({ lang }) {
    return [1, 1.5].map((size) =>
      make(
        "ul",
        { class: "labels", style: `--at: ${size}` },
        ...["none", "status", "last-active", "message"].map((label) =>
          make(
            "li",
            {},
            ...PEOPLE.map((person) =>
              make("p", {}, badge(person, { label, name: person[lang] }, person[lang])),
            ),
          ),
        ),
      ),
    );
  }

  function details({ lang }) {
    const faces = PEOPLE.map((person) =>
      badge(
        person,
        { details: "", overlay: "", name: person[lang] },
        make("i", { class: "round", "aria-hidden": "true" }, person[lang][0]),
      ),
    );
    const names = PEOPLE.map((person, i) =>
      badge(
        person,
        { details: "", name: person[lang], label: i % 2 ? "status" : "none" },
        person[lang],
      ),
    );
    return [
      make("div", { class: "faces" }, ...faces),
      make("ul", { class: "names" }, ...names.map((name) => make("li", {}, name))),
    ];
  }

  function language([lang, called, dir = "ltr"]) {
    const list = (label, users) =>
      make("ul", {}, ...users.map((user) => make("li", {}, badge({ user }, { label }))));
    return make(
      "article",
      { lang, dir, class: "language" },
      make("h3", {}, called),
      list(
        "status",
        PEOPLE.map(({ user }) => user),
      ),
      list("last-active", LAST_ACTIVE),
    );
  }

  function styled([what, properties]) {
    const style = Object.entries(properties).map(([name, value]) => `${name}: ${value}`);
    return make(
      "li",
      { style: style.join("; ") },
      make("h3", {}, what),
      make("p", {}, ...PEOPLE.map((person) => badge(person))),
      make("code", {}, style.join("; ")),
    );
  }

  function badge({ user }, attributes = {}, content = "") {
    return make("zulip-presence", { user, ...attributes }, content);
  }

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) {
      // As a property: a strict policy forbids style attributes.
      if (attribute === "style") element.style.cssText = value;
      else element.setAttribute(attribute, value);
    }
    element.append(...children);
    return element;
  }
}
