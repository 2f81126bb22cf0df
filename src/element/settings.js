// Hands the settings of the page to the WebAssembly.

import { load, wasm } from "./load.js";
import { defaultEndpoint, settings, wantsScan } from "./script-tag.js";

const NAMES = ["endpoint", "interval", "offlineAfter", "credentials", "email", "apiKey"];

export function applySettings() {
  const texts = NAMES.map((name) => (settings[name] == null ? undefined : `${settings[name]}`));
  wasm.configure(defaultEndpoint(), ...texts);
  if (wantsScan()) wasm.scan();
}

/** Every element must be updated then. */
export function changeSettings(options) {
  Object.assign(settings, options);
  if (wasm) applySettings();
  else if (wantsScan()) load();
}
