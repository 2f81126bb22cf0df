// zulip-presence.js, the one file that pages include: a classic script. It reads the configuration from its own tag, defines
// <zulip-presence>, draws the unknown badge at once, and loads the WebAssembly that does all the rest with the first badge.
"use strict";

{
  const NAME = "zulip-presence";
  // Constants that tools/dist.mjs gives: VERSION, a digest of what is loaded, so that an upgrade never mixes versions; GLUE_DIGEST and
  // WASM_DIGEST, what integrity is checked by; IS_PACKAGE, whether a bundler finds and checks the files.
  const STYLE = String.raw`
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
/* A word joiner: no line ends between a name and its badge. */
.zulip-presence-badge::before { content: "\2060" }
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
.zulip-presence-badge [part=label] { margin-inline-start: .3em; unicode-bidi: isolate; white-space: normal }
:host([overlay]) .zulip-presence-badge, .zulip-presence-overlay > .zulip-presence-badge {
  --size: var(--zulip-presence-size, 1em);
  position: absolute; inset-block-end: 0; inset-inline-end: 0; line-height: 0;
}
:host([overlay]) svg, .zulip-presence-overlay > .zulip-presence-badge svg {
  margin: 0; background: var(--zulip-presence-ring, Canvas);
}
:host([overlay]) [part=label], .zulip-presence-overlay [part=label] { display: none }
@media (forced-colors: active) {
  .zulip-presence-badge svg { fill: CanvasText !important }
}
`;
  /** The core's drawing of "unknown". */
  const UNKNOWN =
    "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z";

  // A second tag, of whatever version, does nothing.
  if ((!IS_PACKAGE || globalThis.customElements) && !customElements.get(NAME))
    start(document.currentScript);

  function start(script) {
    const here = script?.src || document.baseURI;
    const dataset = { ...script?.dataset };
    const drawing = draw();
    let sheet;
    try {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
    } catch {
      // A browser from before 2023. It shows this badge and never another, as it cannot check what it would run.
      drawing.prepend(make("style", null, STYLE));
    }

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
        #isNew = true;

        constructor() {
          super();
          const shadow = this.attachShadow({ mode: "open" });
          if (sheet) shadow.adoptedStyleSheets = [sheet];
          shadow.append(drawing.cloneNode(true));
        }

        connectedCallback() {
          // What a clone or a saved page says was somebody else's.
          if (this.#isNew) this.setAttribute("status", "unknown");
          this.#isNew = false;
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

    // Not ??=: an element with this ID is a property of window too.
    window.zulipPresence = {
      get ready() {
        return load();
      },
      get: (user) =>
        wasm?.get(`${user}`) ?? { user: `${user}`, status: "unknown", lastActive: null },
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
        if (wasm) configure();
        else scan();
      },
    };

    scan();

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
          (end) => new URL(`zulip-presence-widget${end}?v=${VERSION}`, here).href,
        );
        try {
          // Both at once: the one need not wait for the other.
          const [exports, response] = await Promise.all(
            IS_PACKAGE
              ? [
                  import("./zulip-presence-widget.js"),
                  fetch(new URL("./zulip-presence-widget_bg.wasm", import.meta.url)),
                ]
              : [importChecked(glue), fetch(binary, { integrity: WASM_DIGEST })],
          );
          // Not the response: its bytes are whole and checked by now, and no type of file is wrong for them.
          await exports.default({ module_or_path: await response.arrayBuffer() });
          wasm = exports;
          configure();
        } catch (error) {
          wasm = null;
          console.warn(
            `zulip-presence: badges stay unknown, as ${glue} or ${binary} did not load. Needed: a browser of 2023, both files unchanged, as text/javascript and application/wasm, with Access-Control-Allow-Origin, Content-Security-Policy script-src ${new URL(here).origin} 'wasm-unsafe-eval' and connect-src.`,
            error,
          );
        }
        settle();
        return !!wasm;
      })());
    }

    /** Runs a module that is what it was when this file was made. A failed check does not keep import() from running it. */
    function importChecked(href) {
      return new Promise((resolve, reject) => {
        const link = make("link");
        // Where it is not known, nothing would come of it.
        if (!link.relList.supports("modulepreload")) reject();
        Object.assign(link, {
          rel: "modulepreload",
          href,
          integrity: GLUE_DIGEST,
          crossOrigin: "",
          nonce: script?.nonce,
          onload: () => resolve(import(href)),
          onerror: reject,
        });
        document.head.append(link);
      });
    }

    function configure() {
      wasm.configure(dataset, new URL("api/v1", here).href);
      for (const element of numbers.keys()) touch(element);
      scan();
    }

    /** Marked elements get a badge each, if the page wants that: what finds them is no part of this file. */
    function scan() {
      if ("scan" in dataset) wasm ? wasm.scan() : load();
    }
  }

  function draw() {
    const drawing = document.createDocumentFragment();
    const badge = make("span");
    badge.className = "zulip-presence-badge";
    badge.append(
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
    );
    drawing.append(make("slot"), badge);
    return drawing;
  }

  /** What has attributes is SVG. */
  function make(name, attributes, ...children) {
    const element = attributes
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const attribute in attributes) element.setAttribute(attribute, attributes[attribute]);
    element.append(...children);
    return element;
  }
}
