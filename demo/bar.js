// <demo-bar>, at the top of each of the demo's pages: its name, and the button that turns the page dark, and back.
"use strict";

{
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

  // At once, before anything is painted in the wrong colours or without its controls.
  root.classList.add("scripted");
  const stored = localStorage.getItem("theme");
  if (stored) root.dataset.theme = stored;

  customElements.define(
    "demo-bar",
    class extends HTMLElement {
      connectedCallback() {
        this.innerHTML = `
          <a class="brand" href="./#top">
            <svg viewBox="0 0 32 32" aria-hidden="true"><path d="M16 2a14 14 0 1 0 0 28 14 14 0 0 0 0-28zM4.5 17.5c3.8-3 7.7-3 11.5 0s7.7 3 11.5 0a11.5 11.5 0 0 1-23 0z"/></svg>
            Brightwater
          </a>
          <button class="theme" type="button">
            <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16zm0 2v12a6 6 0 0 1 0-12z"/></svg>
            <span></span>
          </button>`;
        const button = this.querySelector("button");
        const label = this.querySelector("span");
        const tell = () => (label.textContent = isDark() ? "Light" : "Dark");
        button.addEventListener("click", () => {
          root.dataset.theme = isDark() ? "light" : "dark";
          localStorage.setItem("theme", root.dataset.theme);
          tell();
        });
        dark.addEventListener("change", tell);
        tell();
      }
    },
  );
}
