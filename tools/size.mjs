// Prints the size of the widget on the wire (brotli), and fails if it exceeds the promised limit: of the stable compiler, or with the
// argument "smallest" of the pinned nightly one.

import { statSync } from "node:fs";
import { join } from "node:path";
import { builtFiles } from "./built-files.mjs";

// The promised limits (docs/design.md §8).
const LIMITS = { loader: 5_900, total: process.argv[2] === "smallest" ? 88_500 : 96_500 };

const sizes = {};
for (const [kind, name] of Object.entries(builtFiles("dist", ".br")))
  sizes[kind] = statSync(join("dist", name)).size;
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
