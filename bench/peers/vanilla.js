// The baseline: an element written by hand for this one purpose. It requests the same groups, draws the same shapes, and polls.
// It has no back-off, no clock, no pause off screen or in a hidden tab, no language but English.
"use strict";

{
  const OFFLINE_AFTER_S = 200;
  const SHAPES = {
    active: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z",
    idle: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 2a4 4 0 0 0 0 8z",
    offline: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 2.2a3.8 3.8 0 1 0 0 7.6a3.8 3.8 0 0 0 0-7.6z",
    unknown:
      "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z",
  };
  const { src, dataset } = document.currentScript;
  const group_size = Number(dataset.group);
  const interval_s = Number(dataset.interval ?? 30);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    svg { width: .8em; height: .8em; margin-inline-start: .3em; vertical-align: -.04em; fill: #767c90 }
    :host([status=active]) svg { fill: #2e9150 }
    :host([status=idle]) svg { fill: #b87a08 }
    @media (forced-colors: active) { svg { fill: CanvasText !important } }`);
  const template = document.createElement("template");
  template.innerHTML = `<slot></slot><svg part="badge" viewBox="0 0 16 16" role="img"><path fill-rule="evenodd"/></svg>`;

  /** The elements of each user. */
  const badges = new Map();

  class Badge extends HTMLElement {
    constructor() {
      super();
      const shadow = this.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet];
      shadow.append(template.content.cloneNode(true));
    }

    connectedCallback() {
      const user = this.getAttribute("user");
      if (badges.has(user)) badges.get(user).add(this);
      else badges.set(user, new Set([this]));
      this.show("unknown");
    }

    disconnectedCallback() {
      const user = this.getAttribute("user");
      badges.get(user)?.delete(this);
      if (!badges.get(user)?.size) badges.delete(user);
    }

    show(status) {
      if (this.getAttribute("status") === status) return;
      this.setAttribute("status", status);
      const svg = this.shadowRoot.lastChild;
      svg.setAttribute("aria-label", `${this.getAttribute("name")}: ${status}`);
      svg.firstChild.setAttribute("d", SHAPES[status]);
    }
  }

  async function poll() {
    const users = [...badges.keys()];
    for (let at = 0; at < users.length; at += group_size) {
      const group = users.slice(at, at + group_size).sort();
      const url = new URL("api/v1/realm/presence", src);
      url.searchParams.set("users", JSON.stringify(group));
      url.searchParams.set("slim_presence", "true");
      fetch(url)
        .then((response) => response.json())
        .then((body) => {
          for (const user of group) {
            const status = judge(body.presences[user], body.server_timestamp);
            for (const badge of badges.get(user) ?? []) badge.show(status);
          }
        })
        .catch(console.warn);
    }
  }

  function judge(presence, now_s) {
    if (!presence?.idle_timestamp) return "unknown";
    if (now_s - presence.active_timestamp < OFFLINE_AFTER_S) return "active";
    return now_s - presence.idle_timestamp < OFFLINE_AFTER_S ? "idle" : "offline";
  }

  customElements.define("vanilla-presence", Badge);
  const start = () => {
    poll();
    setInterval(poll, interval_s * 1000);
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
}
