// Builds: the files of `make dist` that pages load, and others like them.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const LOADER = "zulip-presence.js";
const FILES = /\{"interface":\d.*?\}/;

/** The files of `make dist` that pages load, as a map from name to bytes. */
export function build() {
  const names = readdirSync("dist").filter((name) =>
    /^zulip-presence.*\.(js|wasm|txt)$/.test(name),
  );
  return new Map(names.map((name) => [name, readFileSync(join("dist", name))]));
}

/** The names of what the loader of a build loads: `{ glue, wasm }`. */
export function loaded(files) {
  const { glue, wasm } = JSON.parse(FILES.exec(files.get(LOADER))[0]);
  return { glue: glue[0], wasm: wasm[0] };
}

/** Another build, whose glue sets `globalThis.build` to `name`. */
export function anotherBuild(name, { isCompatible = true } = {}) {
  const files = build();
  const { glue, wasm } = loaded(files);
  const other = {
    glue: Buffer.concat([Buffer.from(`globalThis.build = "${name}";`), files.get(glue)]),
    // A custom section with the name.
    wasm: Buffer.concat([
      files.get(wasm),
      Buffer.from([0, name.length + 1, name.length, ...Buffer.from(name)]),
    ]),
  };
  files.delete(glue);
  files.delete(wasm);
  const manifest = JSON.parse(FILES.exec(files.get(LOADER))[0]);
  if (!isCompatible) manifest.interface += 1;
  for (const [kind, extension] of [
    ["glue", "js"],
    ["wasm", "wasm"],
  ]) {
    const hash = createHash("sha256").update(other[kind]).digest();
    const file = `zulip-presence-widget-${hash.toString("hex").slice(0, 16)}.${extension}`;
    files.set(file, other[kind]);
    manifest[kind] = [file, `sha256-${hash.toString("base64")}`];
  }
  const text = files.get(LOADER).toString().replace(FILES, JSON.stringify(manifest));
  files.set(LOADER, Buffer.from(text));
  return files;
}
