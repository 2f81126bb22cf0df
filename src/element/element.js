// <zulip-presence>. The element never changes its own attributes or children: its markup belongs to the page.

import { date } from "./date.js";
import { load, wasm } from "./load.js";
import { preload } from "./preload.js";
import { defaultEndpoint, settings } from "./script-tag.js";
import { adoptStyle, fill, resetBadge } from "./template.js";

export const NAME = "zulip-presence";
const TEXTS = ["user", "name", "label", "endpoint"];
const SWITCHES = ["details", "overlay"];
/** Number of elements that are drawn immediately. Further elements are drawn when they come near the screen. */
const MAX_DRAWN_AT_ONCE = 100;

/** Connected elements. */
const elements = new Set();
/** Elements to update at the end of the current task. */
const dirty = new Set();
let parsing;
let drawnAtOnce = 0;
let hasPreloaded = false;
/** Functions that the class below gives to the functions here. */
let settle, isVisible;

export function defineElement() {
  class ZulipPresence extends HTMLElement {
    static observedAttributes = [...TEXTS, ...SWITCHES, "lang"];

    /** The element around slot and badge; undefined until the element is drawn. */
    #wrapper;
    /** The root into which the badge is drawn. Each handle has its own. */
    #root;
    /** On screen, or so close to it that the badge must have its status before it is scrolled into view. */
    #isVisible = false;
    #states = this.attachInternals?.().states;
    #handle;
    #status;

    constructor() {
      super();
      this.#setStatus("unknown");
      if (drawnAtOnce++ < MAX_DRAWN_AT_ONCE) this.#draw();
    }

    static {
      settle = (element) => element.#settle();
      isVisible = (element) => element.#isVisible;
      for (const name of TEXTS)
        reflect(
          name,
          (element) => element.getAttribute(name) ?? "",
          (value) => value,
        );
      for (const name of SWITCHES)
        reflect(
          name,
          (element) => element.hasAttribute(name),
          // Frameworks write an attribute without a value as "".
          (value) => (value || value === "" ? "" : null),
        );

      /** Defines a property that reflects the attribute of its name. `toAttribute` gives the attribute's value; null for none. */
      function reflect(name, get, toAttribute) {
        Object.defineProperty(ZulipPresence.prototype, name, {
          enumerable: true,
          configurable: true,
          get() {
            return get(this);
          },
          set(value) {
            const written = toAttribute(value);
            if (written == null) this.removeAttribute(name);
            else if (this.getAttribute(name) !== `${written}`) this.setAttribute(name, written);
          },
        });
      }
    }

    static #observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting, boundingClientRect: box } of entries) {
          const element = target instanceof ZulipPresence ? target : target.getRootNode().host;
          element.#isVisible = isIntersecting;
          // An element without a box (display: contents) may have a badge on screen.
          const hasBox = box.x || box.y || box.width || box.height;
          if (target === element && (isIntersecting || !hasBox)) element.#draw();
          element.#tellVisible();
        }
        preloadOnce();
      },
      { rootMargin: "200px" },
    );

    connectedCallback() {
      elements.add(this);
      this.#takeProperties();
      this.#observe();
      scheduleFlush(this);
    }

    disconnectedCallback() {
      elements.delete(this);
      this.#unobserve();
      scheduleFlush(this);
    }

    adoptedCallback() {
      if (this.#wrapper) adoptStyle(this.shadowRoot);
    }

    attributeChangedCallback(name) {
      if (name === "overlay") this.#applyOverlay();
      else if (name === "lang") wasm?.langChanged();
      else scheduleFlush(this);
    }

    get status() {
      return this.#status;
    }

    get lastActive() {
      return date(this.#handle?.lastActive);
    }

    refresh() {
      this.#handle?.refresh();
    }

    /** Properties that a framework set before the class was defined hide those of the class. */
    #takeProperties() {
      for (const name of [...TEXTS, ...SWITCHES]) {
        if (!Object.hasOwn(this, name)) continue;
        const value = this[name];
        delete this[name];
        this[name] = value;
      }
    }

    #observe() {
      if (this.ownerDocument === document) {
        ZulipPresence.#observer.observe(this.#wrapper ?? this);
        return;
      }
      // Visibility in another window cannot be observed from this one.
      this.#isVisible = true;
      this.#draw();
      this.#tellVisible();
    }

    #unobserve() {
      ZulipPresence.#observer.unobserve(this.#wrapper ?? this);
    }

    /** Creates the shadow root with the unknown badge in it, once. */
    #draw() {
      if (this.#wrapper) return;
      this.#unobserve();
      this.#wrapper = fill(this.attachShadow({ mode: "open" }));
      this.#root = this.#wrapper.lastChild;
      this.#addState("drawn");
      this.#applyOverlay();
      if (this.isConnected) this.#observe();
    }

    #applyOverlay() {
      this.#wrapper?.classList.toggle("zulip-presence-overlay", this.hasAttribute("overlay"));
    }

    #tellVisible() {
      if (!this.#handle || !this.#wrapper) return;
      this.#root ??= resetBadge(this.#wrapper);
      this.#handle.setVisible(this.#isVisible, this.#root);
    }

    /** Runs after the task, so that an element that was added and removed is never subscribed, and a moved one keeps its badge. */
    #settle() {
      if (!this.isConnected) {
        this.#handle?.free();
        this.#handle = undefined;
        this.#root = undefined;
        this.#setStatus("unknown");
      } else if (wasm) {
        this.#handle ??= new wasm.PresenceHandle(this, (status, lastActive_ms) =>
          this.#onPresence(status, lastActive_ms),
        );
        const [user, name, label, endpoint] = TEXTS.map(
          (name) => this.getAttribute(name) ?? undefined,
        );
        this.#handle.update(user, name, label, this.hasAttribute("details"), endpoint);
        this.#tellVisible();
      }
    }

    /** The browser reports errors of listeners. */
    #onPresence(status, lastActive_ms) {
      const previous = this.#status;
      if (status === previous) return;
      this.#setStatus(status);
      this.dispatchEvent(
        new CustomEvent("presence-change", {
          bubbles: true,
          composed: true,
          detail: {
            user: this.getAttribute("user"),
            status,
            previous,
            lastActive: date(lastActive_ms),
          },
        }),
      );
    }

    #setStatus(status) {
      this.#states?.delete(this.#status);
      this.#status = status;
      this.#addState(status);
    }

    #addState(state) {
      try {
        this.#states?.add(state);
      } catch {
        // A browser from before 2024, where the badge stays unknown.
      }
    }
  }
  parsing = new MessageChannel();
  parsing.port1.onmessage = flush;
  customElements.define(NAME, ZulipPresence);
}

/** Passes every element to the WebAssembly, after it was loaded or configured. */
export function updateAll() {
  for (const element of elements) scheduleFlush(element);
}

function scheduleFlush(element) {
  if (!dirty.size) {
    // The parser runs microtasks after every element: a message gathers all elements that it creates in one task.
    if (document.readyState === "loading") parsing.port2.postMessage(null);
    else queueMicrotask(flush);
  }
  dirty.add(element);
}

function flush() {
  const settled = [...dirty];
  dirty.clear();
  if (wasm === undefined && settled.some((element) => element.isConnected)) load();
  for (const element of settled) settle(element);
}

/** Runs once it is known who is on screen, and the document is parsed. Not with a bundler: its page may set the endpoint later. */
function preloadOnce() {
  if (IS_PACKAGE || hasPreloaded) return;
  hasPreloaded = true;
  const begin = () => {
    if (wasm === undefined) preload(settings, defaultEndpoint(), isVisible);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
}
