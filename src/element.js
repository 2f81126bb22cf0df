// zulip-presence.js, the one file that pages include: a classic script. It reads the configuration from its own tag, defines
// <zulip-presence>, draws the unknown badge at once, and loads the WebAssembly that does all the rest with the first badge.
"use strict";

{
  const NAME = "zulip-presence";
  /** Replaced with a digest of what is loaded, so that an upgrade never mixes versions. */
  const VERSION = "__VERSION__";
  const STYLE = `
:host([overlay]), .zulip-presence-overlay { position: relative; display: inline-block }
:host([hidden]) { display: none }
.zulip-presence-badge {
  --size: var(--zulip-presence-size, .8em);
  --active: #2e9150; --idle: #b87a08; --offline: #767c90; --unknown: #767c90;
  white-space: nowrap;
}
@supports (color: light-dark(red, red)) {
  .zulip-presence-badge {
    --active: light-dark(#2e9150, #43a35e); --idle: light-dark(#b87a08, #c2831a);
    --offline: light-dark(#767c90, #8b91a5); --unknown: light-dark(#767c90, #8b91a5);
  }
}
.zulip-presence-badge svg {
  fill-rule: evenodd;
  width: var(--size); height: var(--size); margin-inline-start: .3em;
  vertical-align: calc(.36em - var(--size) / 2);
  border-radius: 50%; background: var(--zulip-presence-ring, none); overflow: visible;
}
.zulip-presence-badge .active { fill: var(--zulip-presence-active, var(--active)) }
.zulip-presence-badge .idle { fill: var(--zulip-presence-idle, var(--idle)) }
.zulip-presence-badge .offline { fill: var(--zulip-presence-offline, var(--offline)) }
.zulip-presence-badge .unknown { fill: var(--zulip-presence-unknown, var(--unknown)) }
.zulip-presence-badge [part=label] { margin-inline-start: .3em }
:host([overlay]) .zulip-presence-badge, .zulip-presence-overlay > .zulip-presence-badge {
  --size: var(--zulip-presence-size, 1em);
  position: absolute; inset-block-end: 0; inset-inline-end: 0; line-height: 0;
}
:host([overlay]) svg, .zulip-presence-overlay > .zulip-presence-badge svg {
  fill-rule: evenodd;
  margin: 0; background: var(--zulip-presence-ring, Canvas);
}
:host([overlay]) [part=label], .zulip-presence-overlay [part=label] { display: none }
@media (forced-colors: active) {
  .zulip-presence-badge svg.active, .zulip-presence-badge svg.idle,
  .zulip-presence-badge svg.offline, .zulip-presence-badge svg.unknown { fill: CanvasText }
}
`;
  /** The core's drawing of "unknown". */
  const UNKNOWN =
    "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z";

  // A second tag, of whatever version, does nothing.
  if (!customElements.get(NAME)) start(document.currentScript);

  function start(script) {
    const here = script?.src || document.baseURI;
    const dataset = { ...script?.dataset };
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    const drawing = draw();

    /** Connected elements with their badges' numbers in the WebAssembly. */
    const numbers = new Map();
    /** Elements to look at when the current task is over. */
    const touched = new Set();
    let isDue = false;
    let ready;
    /** What the WebAssembly exports; null once it failed to load. */
    let wasm;

    // What is on the page already wants it: it comes while they are drawn.
    if (document.querySelector(NAME)) load();
    customElements.define(
      NAME,
      class extends HTMLElement {
        static observedAttributes = ["user", "name", "label", "endpoint", "details"];

        constructor() {
          super();
          const shadow = this.attachShadow({ mode: "open" });
          shadow.adoptedStyleSheets = [sheet];
          shadow.append(drawing.cloneNode(true));
        }

        connectedCallback() {
          if (!this.hasAttribute("status")) this.setAttribute("status", "unknown");
          touch(this);
        }

        disconnectedCallback() {
          touch(this);
        }

        attributeChangedCallback() {
          touch(this);
        }

        get status() {
          return this.getAttribute("status") ?? "unknown";
        }

        get lastActive() {
          const ms = numbers.has(this) ? wasm.last_active(numbers.get(this)) : undefined;
          return ms === undefined ? null : new Date(ms);
        }

        refresh() {
          if (numbers.has(this)) wasm.refresh(numbers.get(this));
        }
      },
    );

    window.zulipPresence ??= {
      get ready() {
        return load();
      },
      get: (user) => wasm?.get(`${user}`) ?? { user, status: "unknown", lastActive: null },
      subscribe(user, callback) {
        let number;
        let isOver = false;
        load().then(() => {
          if (wasm && !isOver) number = wasm.subscribe(`${user}`, callback);
        });
        return () => {
          isOver = true;
          if (number !== undefined) wasm.unsubscribe(number);
          number = undefined;
        };
      },
      configure(options) {
        Object.assign(dataset, options);
        if (!wasm) return;
        wasm.configure(dataset, endpoint());
        for (const element of numbers.keys()) touch(element);
      },
    };

    /** What is added and removed at once never mounts; what is moved keeps its badge. */
    function touch(element) {
      touched.add(element);
      if (isDue) return;
      isDue = true;
      queueMicrotask(() => {
        isDue = false;
        settle();
      });
    }

    function settle() {
      if (wasm === undefined) {
        for (const element of touched) if (!element.isConnected) touched.delete(element);
        if (touched.size) load();
        return;
      }
      for (const element of touched) {
        const number = numbers.get(element);
        if (!element.isConnected) {
          if (numbers.delete(element)) wasm.unmount(number);
        } else if (number !== undefined) {
          wasm.update(number);
        } else if (wasm) {
          numbers.set(element, wasm.mount(element, element.shadowRoot.lastChild));
        }
      }
      touched.clear();
    }

    function load() {
      return (ready ??= (async () => {
        const [glue, binary] = [".js", "_bg.wasm"].map(
          (end) =>
            new URL(`zulip-presence-widget${end}${VERSION[0] === "_" ? "" : `?v=${VERSION}`}`, here)
              .href,
        );
        try {
          // Both at once: the one need not wait for the other.
          const [exports, response] = await Promise.all([import(glue), fetch(binary)]);
          await exports.default({ module_or_path: response });
          exports.configure(dataset, endpoint());
          wasm = exports;
        } catch (error) {
          wasm = null;
          console.warn(
            `zulip-presence: ${glue} or ${binary} cannot be run, so badges stay unknown. They must be served there, as text/javascript and application/wasm, with Access-Control-Allow-Origin, and the page's Content-Security-Policy must allow them (script-src ${new URL(here).origin} 'wasm-unsafe-eval', and connect-src).`,
            error,
          );
        }
        settle();
      })());
    }

    function endpoint() {
      return new URL("api/v1", here).href;
    }
  }

  function draw() {
    const make = (name, attributes, ...children) => {
      const space =
        name === "svg" || name === "path"
          ? "http://www.w3.org/2000/svg"
          : "http://www.w3.org/1999/xhtml";
      const element = document.createElementNS(space, name);
      for (const attribute in attributes) element.setAttribute(attribute, attributes[attribute]);
      element.append(...children);
      return element;
    };
    const drawing = document.createDocumentFragment();
    drawing.append(
      make("slot"),
      make(
        "span",
        { class: "zulip-presence-badge" },
        make(
          "svg",
          {
            class: "unknown",
            part: "badge",
            viewBox: "0 0 16 16",
            role: "img",
            "aria-label": "Status unknown",
          },
          make("path", { d: UNKNOWN }),
        ),
      ),
    );
    return drawing;
  }
}
