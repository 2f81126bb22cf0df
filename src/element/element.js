// <zulip-presence>. The element never changes its own attributes or children: its markup belongs to the page.

import { observeVisibility, unobserveVisibility } from "../client/browser.js";
import { langOf } from "../i18n/browser.js";
import { adopt, emptyRoot, fill, unknownBadge } from "./template.js";
import { forPage, preloadOnce, UNKNOWN, Watcher } from "./watchers.js";

export const NAME = "zulip-presence";
const TEXTS = ["user", "name", "label", "endpoint"];
const SWITCHES = ["details", "overlay"];
/** Number of elements that show the unknown badge immediately. */
const MAX_DRAWN_AT_ONCE = 100;
/** How long further elements, once near the screen, wait for their status, so that they need not be drawn twice. */
const MAX_UNDRAWN_MS = 250;

let drawnAtOnce = 0;
/** Badges near the screen that wait for their status; undefined if there are none. */
let undrawn;

export function defineElement() {
  class ZulipPresence extends HTMLElement {
    static observedAttributes = [...TEXTS, ...SWITCHES, "lang"];

    #badge = new Badge(this, this.attachInternals?.().states);

    connectedCallback() {
      // Properties that a framework set before the class was defined hide those of the class.
      for (const name of [...TEXTS, ...SWITCHES]) {
        if (!Object.hasOwn(this, name)) continue;
        const value = this[name];
        delete this[name];
        this[name] = value;
      }
      this.#badge.observe();
      this.#badge.connect();
    }

    disconnectedCallback() {
      this.#badge.unobserve();
      this.#badge.disconnect();
    }

    adoptedCallback() {
      this.#badge.adopt();
    }

    attributeChangedCallback(name) {
      if (name === "overlay") this.#badge.applyOverlay();
      else this.#badge.update();
    }

    get status() {
      return this.#badge.view.status;
    }

    get lastActive() {
      return forPage(this.#badge.view).lastActive;
    }

    get message() {
      return this.#badge.view.message;
    }

    refresh() {
      this.#badge.refresh();
    }
  }
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

  customElements.define(NAME, ZulipPresence);
}

/** The badge of an element: its shadow root, its states and its events. */
class Badge extends Watcher {
  isVisible = false;
  #element;
  #states;
  /** The element around slot and badge; undefined until it is drawn. */
  #wrapper;

  constructor(element, states) {
    super();
    this.#element = element;
    this.#states = states;
    this.#setView(UNKNOWN);
    if (drawnAtOnce++ < MAX_DRAWN_AT_ONCE) this.draw();
  }

  get watched() {
    const element = this.#element;
    const [user, name, label, endpoint] = TEXTS.map((name) => element.getAttribute(name) ?? "");
    const details = element.hasAttribute("details");
    return { user, name, label, endpoint, details, lang: langOf(element) };
  }

  observe(target = this.#element) {
    // Visibility in another window cannot be observed from this one. Nor does a window that is closed disconnect its elements.
    if (target.ownerDocument !== document) {
      target.ownerDocument.defaultView?.addEventListener("pagehide", this);
      return this.show();
    }
    observeVisibility(target, (isVisible, hasBox) => {
      if (!hasBox && target === this.#element) {
        // With `display: contents` its badge may be on screen.
        this.draw();
        this.unobserve();
        return this.observe(this.#wrapper);
      }
      if (isVisible && !this.#wrapper) drawSoon(this);
      if (isVisible !== this.isVisible) {
        this.isVisible = isVisible;
        this.update();
      }
      preloadOnce();
    });
  }

  unobserve() {
    unobserveVisibility(this.#element);
    if (this.#wrapper) unobserveVisibility(this.#wrapper);
  }

  /** Another window is left, for good unless it `persisted`. */
  handleEvent({ target, persisted }) {
    if (target === this.#element.ownerDocument && !persisted) this.disconnect();
  }

  /** For pages that are printed without having been scrolled. */
  show() {
    this.unobserve();
    this.isVisible = true;
    this.draw();
    this.update();
  }

  /** Shows `badge`; without one the unknown badge, unless there is one already. */
  draw(badge) {
    if (this.#wrapper) {
      if (badge) this.#wrapper.lastChild.replaceWith(badge);
      return;
    }
    this.#wrapper = fill(this.#element.attachShadow({ mode: "open" }), badge);
    this.#addState("drawn");
    if (this.#element.hasAttribute("overlay")) this.applyOverlay();
  }

  applyOverlay() {
    const isOverlay = this.#element.hasAttribute("overlay");
    this.#wrapper?.classList.toggle("zulip-presence-overlay", isOverlay);
  }

  /** The element is in another document now. */
  adopt() {
    if (this.#wrapper) adopt(this.#element.shadowRoot);
  }

  /** An empty element to draw the badge in. */
  rootOf() {
    return emptyRoot((badge) => this.draw(badge));
  }

  free() {
    super.free();
    this.#setView(UNKNOWN);
    // Its badge is gone, and it may come back before a reply.
    if (this.#wrapper) this.draw(unknownBadge());
  }

  /** The browser reports errors of listeners. */
  onView(view) {
    const { status: previous, message } = this.view;
    this.#setView(view);
    if (view.status === previous && view.message === message) return;
    const detail = { user: this.#element.getAttribute("user"), ...forPage(view), previous };
    this.#element.dispatchEvent(
      new CustomEvent("presence-change", { bubbles: true, composed: true, detail }),
    );
  }

  #setView(view) {
    const previous = this.view?.status;
    this.view = view;
    if (view.status === previous) return;
    this.#states?.delete(previous);
    this.#addState(view.status);
  }

  #addState(state) {
    try {
      this.#states?.add(state);
    } catch {
      // A browser from before 2024, where the badge stays unknown.
    }
  }
}

/** Shows the unknown badge near the screen, unless the status arrives first. */
function drawSoon(badge) {
  if (!undrawn) {
    undrawn = new Set();
    setTimeout(() => {
      for (const badge of undrawn) if (badge.isConnected && badge.isVisible) badge.draw();
      undrawn = undefined;
    }, MAX_UNDRAWN_MS);
  }
  undrawn.add(badge);
}
