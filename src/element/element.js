// <zulip-presence>. Nothing is ever written onto the element itself, whose markup belongs to the page: no attribute, no child.

import { date } from "./date.js";
import { load, wasm } from "./load.js";
import { fill, resetBadge } from "./template.js";
import { isVisible, setVisible } from "./visibility.js";

export const NAME = "zulip-presence";
const TEXTS = ["user", "name", "label", "endpoint"];
const SWITCHES = ["details", "overlay"];

/** Connected elements. */
const elements = new Set();
/** Elements to look at when the current task is over. */
const dirty = new Set();
/** What the class below gives to the functions here: settles an element, tells it whether it is visible. */
let settle, tellVisible;

export function defineElement() {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const element = target.getRootNode().host;
        setVisible(element, isIntersecting);
        tellVisible(element);
      }
    },
    { rootMargin: "200px" },
  );

  class ZulipPresence extends HTMLElement {
    static observedAttributes = [...TEXTS, ...SWITCHES, "lang"];

    /** Around slot and badge. */
    #wrapper = fill(this.attachShadow({ mode: "open" }));
    /** What the badge is drawn into. A handle has one of its own. */
    #root = this.#wrapper.lastChild;
    #states = this.attachInternals?.().states;
    #handle;
    #status;

    constructor() {
      super();
      this.#setStatus("unknown");
    }

    static {
      settle = (element) => element.#settle();
      tellVisible = (element) => element.#handle?.setVisible(isVisible(element));
    }

    connectedCallback() {
      elements.add(this);
      observer.observe(this.#wrapper);
      scheduleFlush(this);
    }

    disconnectedCallback() {
      elements.delete(this);
      observer.unobserve(this.#wrapper);
      scheduleFlush(this);
    }

    attributeChangedCallback(name) {
      if (name === "overlay")
        this.#wrapper.classList.toggle("zulip-presence-overlay", this.hasAttribute(name));
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

    /** What is added and removed at once is never followed; what is moved keeps its badge. */
    #settle() {
      if (!this.isConnected) {
        this.#handle?.free();
        this.#handle = undefined;
        this.#root = undefined;
        this.#setStatus("unknown");
      } else if (wasm) {
        if (!this.#handle) {
          this.#root ??= resetBadge(this.#wrapper);
          this.#handle = new wasm.ElementHandle(this.#root, (status, lastActive_ms) =>
            this.#onPresence(status, lastActive_ms),
          );
        }
        const [user, name, label, endpoint] = TEXTS.map(
          (name) => this.getAttribute(name) ?? undefined,
        );
        this.#handle.update(user, name, label, this.hasAttribute("details"), endpoint);
        tellVisible(this);
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
      try {
        this.#states?.add(status);
      } catch {
        // A browser from before 2024, where the badge stays unknown.
      }
    }
  }
  customElements.define(NAME, ZulipPresence);
}

/** Tells the WebAssembly, which has just been loaded or configured, of every element. */
export function updateAll() {
  for (const element of elements) scheduleFlush(element);
}

function scheduleFlush(element) {
  if (!dirty.size) queueMicrotask(flush);
  dirty.add(element);
}

function flush() {
  const settled = [...dirty];
  dirty.clear();
  if (wasm === undefined && settled.some((element) => element.isConnected)) load();
  for (const element of settled) settle(element);
}
