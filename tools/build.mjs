// Builds dist/ with cargo and wasm-bindgen: byte for byte what `trunk build --release` makes, so that only who develops the page needs Trunk
// (`make test-trunk` compares). index.html says what belongs to dist/, in Trunk's own terms; tools/postbuild.mjs does the rest for both.
// Usage: node tools/build.mjs [FOLDER [FLAG OF RUSTC...]]   (dist/ without arguments)

import { spawnSync } from "node:child_process";
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const [DIST = "dist", ...FLAGS] = process.argv.slice(2);
const TARGET = process.env.CARGO_TARGET_DIR ?? "target";
/** Complete before it gets its name: no folder is ever half a build. */
const STAGE = join(TARGET, "build-stage");
const WASM_TARGET = "wasm32-unknown-unknown";
const ASSET = /<link data-trunk rel="([^"]+)"([^>]*)>/g;

const page = await readFile("index.html", "utf8");
const assets = [...page.matchAll(ASSET)].map(([, rel, attributes]) => ({
  rel,
  ...Object.fromEntries(
    [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  ),
}));

await rm(STAGE, { recursive: true, force: true });
await mkdir(STAGE, { recursive: true });
for (const asset of assets) {
  if (asset.rel === "rust") widget(asset["data-bin"]);
  else if (asset.rel === "copy-file") await cp(asset.href, join(STAGE, basename(asset.href)));
  else throw new Error(`index.html: rel="${asset.rel}" is Trunk's alone`);
}
await writeFile(join(STAGE, "index.html"), page.replaceAll(ASSET, ""));
run("node", ["tools/postbuild.mjs"], {
  TRUNK_PROFILE: "release",
  TRUNK_STAGING_DIR: STAGE,
  TRUNK_DIST_DIR: DIST,
});
await rm(DIST, { recursive: true, force: true });
await mkdir(dirname(DIST), { recursive: true });
await rename(STAGE, DIST);

/** Compiles the WebAssembly, and writes its glue. */
function widget(bin) {
  run("cargo", ["rustc", "--release", "--target", WASM_TARGET, "--bin", bin, "--", ...FLAGS]);
  const wasm = join(TARGET, WASM_TARGET, "release", `${bin}.wasm`);
  run("wasm-bindgen", ["--target", "web", "--no-typescript", "--out-dir", STAGE, wasm]);
}

function run(command, args, env) {
  const { status, error } = spawnSync(command, args, {
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (error) throw error;
  if (status !== 0) process.exit(1);
}
