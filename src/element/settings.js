// Hands the settings of the page to the WebAssembly.

import { load, wasm } from "./load.js";
import { preloaded } from "./preload.js";
import { defaultEndpoint, SETTING_NAMES, settings, wantsScan } from "./script-tag.js";

export function applySettings() {
  const texts = SETTING_NAMES.map((name) =>
    settings[name] == null ? undefined : `${settings[name]}`,
  );
  wasm.configure(defaultEndpoint(), ...texts);
  wasm.updateSubscriptions();
  if (wantsScan()) wasm.scan();
}

/** Every element must be updated then. */
export function changeSettings(options) {
  Object.assign(settings, options);
  // What was requested by the old settings is not what the new ones ask for.
  preloaded.clear();
  if (wasm) applySettings();
  else if (wantsScan()) load();
}
