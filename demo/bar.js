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

  const WAVE =
    "M16 2a14 14 0 1 0 0 28 14 14 0 0 0 0-28zM4.5 17.5c3.8-3 7.7-3 11.5 0s7.7 3 11.5 0a11.5 11.5 0 0 1-23 0z";
  const HALF_DISC = "M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16zm0 2v12a6 6 0 0 1 0-12z";

  customElements.define(
    "demo-bar",
    class extends HTMLElement {
      connectedCallback() {
        const home = Object.assign(document.createElement("a"), {
          className: "brand",
          href: "./#top",
        });
        home.append(drawing(32, WAVE), "Brightwater");

        const button = Object.assign(document.createElement("button"), {
          className: "theme",
          type: "button",
        });
        const label = document.createElement("span");
        button.append(drawing(20, HALF_DISC), label);
        const tell = () => (label.textContent = isDark() ? "Light" : "Dark");
        button.addEventListener("click", () => {
          root.dataset.theme = isDark() ? "light" : "dark";
          localStorage.setItem("theme", root.dataset.theme);
          tell();
        });
        dark.addEventListener("change", tell);
        tell();
        this.replaceChildren(home, button);
      }
    },
  );

  function drawing(side, d) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
    svg.ariaHidden = "true";
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", d);
    svg.append(path);
    return svg;
  }
}
