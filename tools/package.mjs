// Builds the npm package in dist/npm from the output of `make dist` and the files in npm/. Prints what the package contains.

import { cp, mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loader } from "./loader.mjs";

const DIST = "dist";
const PACKAGE = "dist/npm";
const SOURCES = "npm";
/** The files that the module loads. */
const LOADED = /^zulip-presence-.*\.(?:wasm|txt)$/;
/** What tools/postbuild.mjs left for the package. */
const BUILT = "target/npm/dist";
const LICENCES = ["LICENSE-APACHE", "LICENSE-MIT"];

await rm(PACKAGE, { recursive: true, force: true });
await mkdir(PACKAGE, { recursive: true });

const loaded = (await readdir(DIST)).filter((name) => LOADED.test(name));
const written = await readdir(SOURCES);
await Promise.all([
  ...loaded.map((name) => cp(join(DIST, name), join(PACKAGE, name))),
  ...written.map((name) => cp(join(SOURCES, name), join(PACKAGE, name))),
  ...LICENCES.map((name) => cp(name, join(PACKAGE, name))),
]);
await writeFile(join(PACKAGE, "index.js"), await module());
await writeFile(join(PACKAGE, "package.json"), await manifest());

for (const name of (await readdir(PACKAGE)).sort()) {
  const { size } = await stat(join(PACKAGE, name));
  console.log(`package: ${name.padEnd(34)} ${String(size).padStart(7)} bytes`);
}

/**
 * The loader for bundlers, with its exports. It includes the glue: some browsers never try again to import a module that failed to load.
 */
async function module() {
  const files = JSON.parse(await readFile(join(BUILT, "files.json"), "utf8"));
  const code = await loader({ ...files, module: join(BUILT, "glue.js"), isMinified: false });
  return code + (await readFile(join(SOURCES, "index.js"), "utf8"));
}

async function manifest() {
  const { name, description, ...rest } = JSON.parse(
    await readFile(join(SOURCES, "package.json"), "utf8"),
  );
  return `${JSON.stringify({ name, version: await version(), description, ...rest }, null, 2)}\n`;
}

/** One version for crates and package. */
async function version() {
  const [, version] = /^version = "([^"]+)"$/m.exec(await readFile("Cargo.toml", "utf8")) ?? [];
  if (!version) throw new Error("Cargo.toml has no version");
  return version;
}
