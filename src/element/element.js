// <zulip-presence>. The element never changes its own attributes or children: its markup belongs to the page.

import { observeVisibility, unobserveVisibility } from "../client/browser.js";
import { langOf, observeLang } from "../i18n/browser.js";
import { date } from "./date.js";
import { load, wasm } from "./load.js";
import { preload } from "./preload.js";
import { defaultEndpoint, settings } from "./script-tag.js";
import { adopt, emptyRoot, fill } from "./template.js";

export const NAME = "zulip-presence";
const TEXTS = ["user", "name", "label", "endpoint"];
const SWITCHES = ["details", "overlay"];
/** Number of elements that are drawn immediately. Further elements are drawn when they come near the screen. */
const MAX_DRAWN_AT_ONCE = 100;
/** In the core's order. */
const STATUSES = ["active", "idle", "offline", "unknown"];
/** How long the first people wait for those whom the parser may find. */
const MAX_WAIT_MS = 1_000;

/** Connected elements, by their IDs. */
const elements = new Map();
let lastId = 0;
/** Elements to update at the end of the current task. */
const dirty = new Set();
let parsing;
let drawnAtOnce = 0;
let hasPreloaded = false;
let hasBegun = false;
/** The elements that were there when that wait was over, if it was over before the parser was. */
let first = [];
/** Functions that the class below gives to the functions here. */
let valuesOf, drop, rootOf, onView, isVisible, show, observe;

export function defineElement() {
  class ZulipPresence extends HTMLElement {
    static observedAttributes = [...TEXTS, ...SWITCHES, "lang"];

    /** The element around slot and badge; undefined until the element is drawn. */
    #wrapper;
    #id = ++lastId;
    /** On screen, or so close to it that the badge must have its status before it is scrolled into view. */
    #isVisible = false;
    #states = this.attachInternals?.().states;
    #status;
    #lastActive_ms;
    #message = "";

    constructor() {
      super();
      this.#setStatus("unknown");
      if (drawnAtOnce++ < MAX_DRAWN_AT_ONCE) this.#draw();
    }

    static {
      valuesOf = (element) => element.#values();
      drop = (element) => element.#drop();
      rootOf = (element) => emptyRoot(element.#wrapper);
      onView = (element, ...view) => element.#onView(...view);
      isVisible = (element) => element.#isVisible;
      show = (element) => element.#show();
      observe = (element) => {
        element.#unobserve();
        element.#observe();
      };
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

    connectedCallback() {
      elements.set(this.#id, this);
      this.#takeProperties();
      this.#observe();
      scheduleFlush(this);
    }

    disconnectedCallback() {
      elements.delete(this.#id);
      this.#unobserve();
      scheduleFlush(this);
    }

    adoptedCallback() {
      if (this.#wrapper) adopt(this.shadowRoot);
    }

    attributeChangedCallback(name) {
      if (name === "overlay") this.#applyOverlay();
      else scheduleFlush(this);
    }

    get status() {
      return this.#status;
    }

    get lastActive() {
      return date(this.#lastActive_ms);
    }

    get message() {
      return this.#message;
    }

    refresh() {
      wasm?.refreshElement(this.#id);
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
        observeVisibility(this.#wrapper ?? this, (isVisible, hasBox) => {
          // An element without a box (display: contents) may have a badge on screen.
          if (isVisible || !hasBox) this.#draw();
          if (isVisible !== this.#isVisible) {
            this.#isVisible = isVisible;
            scheduleFlush(this);
          }
          // After all that the observer reports together.
          if (!hasPreloaded) queueMicrotask(preloadOnce);
        });
        return;
      }
      // Visibility in another window cannot be observed from this one.
      this.#show();
    }

    #show() {
      this.#isVisible = true;
      this.#draw();
      scheduleFlush(this);
    }

    #unobserve() {
      unobserveVisibility(this.#wrapper ?? this);
    }

    /** Creates the shadow root with the unknown badge in it, once. */
    #draw() {
      if (this.#wrapper) return;
      this.#unobserve();
      this.#wrapper = fill(this.attachShadow({ mode: "open" }));
      this.#addState("drawn");
      this.#applyOverlay();
      if (this.isConnected) this.#observe();
    }

    #applyOverlay() {
      this.#wrapper?.classList.toggle("zulip-presence-overlay", this.hasAttribute("overlay"));
    }

    /** What the WebAssembly gets of the element, in its order. */
    #values() {
      const flags = (this.#isVisible ? "v" : "") + (this.hasAttribute("details") ? "d" : "");
      const texts = TEXTS.map((name) => this.getAttribute(name) ?? "");
      return [this.#id, flags, ...texts, langOf(this)];
    }

    /** The WebAssembly knows the element no more. */
    #drop() {
      this.#lastActive_ms = undefined;
      this.#message = "";
      this.#setStatus("unknown");
      return this.#id;
    }

    /** The browser reports errors of listeners. */
    #onView(status, lastActive_ms, message) {
      const previous = this.#status;
      const isSame = status === previous && message === this.#message;
      this.#lastActive_ms = lastActive_ms;
      this.#message = message;
      if (isSame) return;
      this.#setStatus(status);
      this.dispatchEvent(
        new CustomEvent("presence-change", {
          bubbles: true,
          composed: true,
          detail: {
            user: this.getAttribute("user"),
            status,
            previous,
            lastActive: this.lastActive,
            message,
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
  // Simulated documents may have no such channel.
  parsing = globalThis.MessageChannel && new MessageChannel();
  if (parsing) parsing.port1.onmessage = flush;
  customElements.define(NAME, ZulipPresence);
}

/** Connects the elements with the WebAssembly, once it is loaded. */
export function connectElements() {
  wasm.connectElements({
    rootOf: (id) => rootOf(elements.get(id)),
    onViews(views, messages) {
      // A copy: what listeners call may move the memory of the WebAssembly.
      views = [...views];
      messages = messages.split("\0");
      for (let at = 0; at < views.length; at += 3) {
        const element = elements.get(views[at]);
        const lastActive_ms = views[at + 2];
        if (element)
          onView(element, STATUSES[views[at + 1]], lastActive_ms || undefined, messages[at / 3]);
      }
    },
  });
  observeLang(updateAll);
}

/** Passes every element to the WebAssembly, after it was loaded or configured. */
export function updateAll() {
  // The same groups as those that were requested early.
  if (first.length) {
    wasm.updateElements(values(first.filter((element) => element.isConnected)));
    wasm.stopWaiting();
    first = [];
  }
  for (const element of elements.values()) scheduleFlush(element);
}

const isParsing = () => document.readyState === "loading";

function scheduleFlush(element) {
  if (!dirty.size) {
    // The parser runs microtasks after every element: a message gathers all elements that it creates in one task.
    if (isParsing() && parsing) parsing.port2.postMessage(null);
    else queueMicrotask(flush);
  }
  dirty.add(element);
}

/** Draws everybody, and asks for their presence: pages are printed without having been scrolled. */
function beforePrint() {
  elements.forEach(show);
  flush();
}

function afterPrint() {
  elements.forEach(observe);
}

function flush() {
  // Again and again, because document.open() removes all listeners.
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  const settled = [...dirty];
  dirty.clear();
  if (wasm === undefined && settled.some((element) => element.isConnected)) load();
  if (wasm) {
    wasm.updateElements(values(settled.filter((element) => element.isConnected)));
    // Afterwards, so that a person whose element was replaced stays watched.
    for (const element of settled) if (!element.isConnected) wasm.freeElement(drop(element));
  }
}

/** The values of elements in one string, separated by NUL, which no attribute of a page needs. */
const values = (elements) =>
  elements
    .flatMap(valuesOf)
    .map((value) => `${value}`.replaceAll("\0", ""))
    .join("\0");

/** Called when it is known who is on screen. Not with a bundler: its page may set the endpoint later. */
function preloadOnce() {
  if (IS_PACKAGE || hasPreloaded) return;
  hasPreloaded = true;
  if (!isParsing()) return begin();
  document.addEventListener("DOMContentLoaded", begin);
  setTimeout(begin, MAX_WAIT_MS);
}

/** Requests the first replies, once the document is parsed, or the parser has had its time. */
function begin() {
  if (hasBegun) return;
  hasBegun = true;
  if (wasm) wasm.stopWaiting();
  else if (wasm === undefined) {
    preload(settings, defaultEndpoint(), isVisible);
    if (isParsing()) first = [...document.querySelectorAll(NAME)];
  }
}
