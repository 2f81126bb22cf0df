// The glue: the JavaScript that wasm-bindgen generates, and the scripts that are smaller or faster than the same code in WebAssembly.
// "wasm-bindgen" stands for the generated file; BADGE_STYLE is a constant of the build: the rules of badge.css.

export {
  configure,
  connectPage,
  freeWatcher,
  initSync,
  presenceOf,
  refreshUser,
  refreshWatcher,
  stopWaiting,
  updateWatchers,
} from "wasm-bindgen";
export { takeOver } from "../client/browser.js";
export { setRetry } from "../i18n/catalogs.js";
export { scan } from "./scan.js";

export const STYLE = BADGE_STYLE;
