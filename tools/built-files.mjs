// The names of the built files, which contain digests.

import { readdirSync } from "node:fs";

const PATTERNS = {
  loader: /^zulip-presence\.js$/,
  glue: /^zulip-presence-widget.*\.js$/,
  wasm: /^zulip-presence-widget.*\.wasm$/,
};

/** The names of the loader, of the glue and of the WebAssembly in a directory with one build. `suffix`: of their compressed copies. */
export function builtFiles(directory = "dist", suffix = "") {
  const names = readdirSync(directory);
  return Object.fromEntries(
    Object.entries(PATTERNS).map(([kind, pattern]) => {
      const name = names.find(
        (name) => name.endsWith(suffix) && pattern.test(name.slice(0, name.length - suffix.length)),
      );
      if (name === undefined) throw new Error(`${directory} has no ${kind}: make dist`);
      return [kind, name];
    }),
  );
}
