// Prints what the widget weighs on the wire (brotli), and fails when it is more than was promised: by the stable compiler, or with the
// argument "smallest" by the pinned nightly one.

import { stat } from "node:fs/promises";

// What was promised; by the nightly compiler as measured, and 0.2 % for what the length of the project's own path changes.
const LIMITS = { loader: 3_850, total: process.argv[2] === "smallest" ? 77_900 : 86_000 };
const FILES = {
  loader: "dist/zulip-presence.js.br",
  glue: "dist/zulip-presence-widget.js.br",
  wasm: "dist/zulip-presence-widget_bg.wasm.br",
};

const sizes = {};
for (const [name, file] of Object.entries(FILES)) sizes[name] = (await stat(file)).size;
sizes.total = sizes.loader + sizes.glue + sizes.wasm;

for (const [name, bytes] of Object.entries(sizes)) {
  const limit = LIMITS[name];
  const over = limit !== undefined && bytes > limit;
  if (over) process.exitCode = 1;
  console.log(
    `size: ${name.padEnd(6)} ${String(bytes).padStart(6)} bytes` +
      (limit === undefined ? "" : ` (at most ${limit}${over ? ": TOO BIG" : ""})`),
  );
}
