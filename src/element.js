// zulip-presence.js, the one file that pages include: a classic script. It reads the configuration from its own tag, defines
// <zulip-presence>, draws the unknown badge at once, and loads the WebAssembly that does all the rest with the first badge.
"use strict";

{
  const NAME = "zulip-presence";
  // Constants that tools/loader.mjs gives: STYLE, of unknown.css; VERSION, a digest of what is loaded, so that an upgrade never mixes versions; GLUE_DIGEST and
  // WASM_DIGEST, what integrity is checked by; IS_PACKAGE, whether a bundler finds and checks the files.
  /** The core's drawing of "unknown". */
  const UNKNOWN =
    "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z";

  // A second tag, of whatever version, does nothing.
  if ((!IS_PACKAGE || globalThis.customElements) && !customElements.get(NAME))
    start(document.currentScript);

  function start(script) {
    const here = script?.src || document.baseURI;
    const api = new URL("api/v1", here).href;
    const dataset = { ...script?.dataset };
    const drawing = draw();
    const style = STYLE;
    let sheet;
    try {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(style);
    } catch {
      // A browser from before 2023. It shows this badge and never another, as it cannot check what it would run.
      drawing.prepend(make("style", null, style));
    }

    /** Connected elements with their badges' numbers in the WebAssembly. */
    const numbers = new Map();
    /** Elements that are on screen, or so close to it that scrolling is to find them answered. */
    const seen = new WeakSet();
    const screen = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const element = target.getRootNode().host;
          seen[isIntersecting ? "add" : "delete"](element);
          if (numbers.has(element)) wasm.screen(numbers.get(element), isIntersecting);
        }
      },
      { rootMargin: "200px" },
    );
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
        static observedAttributes = ["user", "name", "label", "endpoint", "details", "lang"];
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
          screen.observe(drawn(this));
          touch(this);
        }

        disconnectedCallback() {
          screen.unobserve(drawn(this));
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
        const subscribed = load().then(() =>
          wasm?.subscribe(`${user}`, (detail) => callback?.(detail)),
        );
        return () => {
          if (callback) subscribed.then((number) => number >= 0 && wasm.unsubscribe(number));
          callback = null;
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
          numbers.set(
            element,
            wasm.mount(element, element.shadowRoot.lastChild, seen.has(element)),
          );
        }
      }
      touched.clear();
    }

    function load() {
      return (ready ??= (async () => {
        const [glue, binary] = ["zulip-presence-widget.js", "zulip-presence-widget_bg.wasm"].map(
          // Where a bundler puts them is its own affair.
          (name) => (IS_PACKAGE ? name : new URL(`${name}?v=${VERSION}`, here).href),
        );
        try {
          // Both at once: the one need not wait for the other, and the first question for neither.
          const [exports, response] = await Promise.all([
            (IS_PACKAGE ? import("./zulip-presence-widget.js") : importChecked(glue)).then(
              (exports) => {
                exports.ask(dataset, api, seen);
                return exports;
              },
            ),
            IS_PACKAGE
              ? fetch(new URL("./zulip-presence-widget_bg.wasm", import.meta.url))
              : fetch(binary, { integrity: WASM_DIGEST }),
          ]);
          // Not the response: its bytes are whole and checked by now, and no type of file is wrong for them.
          await exports.default({ module_or_path: await response.arrayBuffer() });
          wasm = exports;
          // Rule by rule: a browser then looks only at what each is about, not at every badge again.
          for (const rule of wasm.STYLE) sheet.insertRule(rule, sheet.cssRules.length);
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
      wasm.configure(dataset, api);
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

  function drawn(element) {
    return element.shadowRoot.querySelector("svg");
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
