// <zulip-presence>. Nothing is ever written onto the element itself, whose markup belongs to the page: no attribute, no child.

import { date } from "./date.js";
import { load, wasm } from "./load.js";
import { preload } from "./preload.js";
import { defaultEndpoint, settings } from "./script-tag.js";
import { adoptStyle, fill, resetBadge } from "./template.js";

export const NAME = "zulip-presence";
const TEXTS = ["user", "name", "label", "endpoint"];
const SWITCHES = ["details", "overlay"];
/** Elements that are drawn as soon as they are there. Each further one is when it comes near the screen. */
const MAX_DRAWN_AT_ONCE = 100;

/** Connected elements. */
const elements = new Set();
/** Elements to look at when the current task is over. */
const dirty = new Set();
let parsing;
let drawnAtOnce = 0;
let hasPreloaded = false;
/** What the class below gives to the functions here. */
let settle, isVisible;

export function defineElement() {
  class ZulipPresence extends HTMLElement {
    static observedAttributes = [...TEXTS, ...SWITCHES, "lang"];

    /** Around slot and badge; undefined until the element is drawn. */
    #wrapper;
    /** What the badge is drawn into. A handle has one of its own. */
    #root;
    /** On screen, or so close to it that scrolling is to find the badge answered. */
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

      /** A property that mirrors the attribute of its name, which `toAttribute` gives; null for none. */
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
          // What has no box itself (display: contents) may have a badge on screen.
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

    /** Those that a framework set before the class was there hide the class's own. */
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
      // The screen of another window is out of this one's sight.
      this.#isVisible = true;
      this.#draw();
      this.#tellVisible();
    }

    #unobserve() {
      ZulipPresence.#observer.unobserve(this.#wrapper ?? this);
    }

    /** Makes the shadow root with the unknown badge in it, once. */
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

    /** What is added and removed at once is never followed; what is moved keeps its badge. */
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

    /** Listeners that throw are the browser's to report. */
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

/** Tells the WebAssembly, which has just been loaded or configured, of every element. */
export function updateAll() {
  for (const element of elements) scheduleFlush(element);
}

function scheduleFlush(element) {
  if (!dirty.size) {
    // The parser ends a task after every element: while it works, what it made in one of its own is gathered.
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

/** Once it is known who is on screen, and the document is whole. A bundler's page may tell its endpoint later. */
function preloadOnce() {
  if (IS_PACKAGE || hasPreloaded) return;
  hasPreloaded = true;
  const begin = () => {
    if (wasm === undefined) preload(settings, defaultEndpoint(), isVisible);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
}
