// Checks that no page loads code of an npm package: npm packages are only for building and testing.
//
// What pages load is src/*.js, demo/, what wasm-bindgen generates, and the wasm. All of these scripts import only files beside themselves;
// esbuild minifies them one by one, and never bundles.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

const SCRIPTS = [
  "zulip-presence.js",
  "zulip-presence-widget.js",
  "configure.js",
  "configure-code.js",
  "configure-input.js",
  "configure-languages.js",
  "directory.js",
  "gallery.js",
  "theme.js",
];
/** A specifier in `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`, minified or not. */
const SPECIFIER = /(?:\bfrom|\bimport\s*\(|\bimport)\s*["'`]([^"'`]+)["'`]/g;

const faults = [];

const { dependencies, peerDependencies, optionalDependencies } = await json("package.json");
for (const name of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })) {
  faults.push(`package.json: ${name} must be among the devDependencies`);
}
for (const [place, entry] of Object.entries((await json("package-lock.json")).packages)) {
  if (place && !entry.dev && !entry.devOptional)
    faults.push(`package-lock.json: ${place} is no tool`);
}

const sources = [...(await scripts("src")), ...(await scripts("demo"))];
const built = await scripts("dist");
for (const path of [...sources, ...built]) {
  for (const [, specifier] of (await readFile(path, "utf8")).matchAll(SPECIFIER)) {
    if (!/^\.{0,2}\//.test(specifier)) faults.push(`${path}: imports ${specifier}`);
  }
}
for (const path of built) {
  if (!SCRIPTS.some((name) => path === join("dist", name))) faults.push(`${path}: whose is that?`);
}

for (const fault of faults) console.error(`shipped: ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function json(path) {
  return JSON.parse(await readFile(path, "utf8"));
}

async function scripts(directory) {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => /\.[cm]?js$/.test(name)).map((name) => join(directory, name));
}
