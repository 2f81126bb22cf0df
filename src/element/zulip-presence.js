// zulip-presence.js, the one file that pages include: a classic script. It reads the settings from its own tag, defines <zulip-presence>,
// shows the unknown badge immediately, and loads the WebAssembly, which does all the rest, with the first badge. The build makes one file
// of this module and its imports. It defines these constants: CRITICAL_STYLE, the rules of critical.css; FILES, the names and the digests
// of the files that are loaded, as JSON; IS_PACKAGE, whether a bundler finds and checks the files, and then WASM_URL, the WebAssembly's.

import { defineElement, NAME } from "./element.js";
import { load, onLoad } from "./load.js";
import { applySettings, definePageApi } from "./page-api.js";
import { wantsScan } from "./script-tag.js";
import { connectWatchers, updateAll } from "./watchers.js";

// A second tag, of any version, does nothing.
if ((!IS_PACKAGE || globalThis.customElements) && !customElements.get(NAME)) {
  onLoad(applySettings);
  onLoad(connectWatchers);
  onLoad(updateAll);
  // The page already has badges: the WebAssembly loads while they are drawn.
  if (document.querySelector(NAME) || wantsScan()) load();
  defineElement();
  definePageApi();
}
