// The npm package and the crates, used as they were packed.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { Cleanup, Program, run } from "../processes.mjs";
import { NAME, OUT, VERSION, packaged } from "./release.mjs";

const cleanup = new Cleanup();
let directory;

before(async () => {
  directory = await cleanup.directory();
});
after(() => cleanup.stop());

test("npm: it installs, can be imported where there is no browser, and its types are there", () => {
  const project = join(directory, "npm");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{"private":true,"type":"module"}');
  run(
    "npm",
    ["install", "--offline", "--no-audit", "--no-fund", packaged(/^zulip-presence-[\d.]+\.tgz$/)],
    {
      cwd: project,
    },
  );
  const installed = join(project, "node_modules/zulip-presence");
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  assert.equal(manifest.version, VERSION);
  const imported = run(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      'console.log(Object.keys(await import("zulip-presence")).join())',
    ],
    { cwd: project },
  );
  assert.match(imported, /\bzulipPresence\b/);
  const paths = JSON.stringify(manifest.exports).match(/\.\/[^"]+\.[a-z.]+/g);
  assert.ok(paths.length > 3);
  for (const path of paths) readFileSync(join(installed, path));
});

test("crates: gateway and widget are built from what was packed, and the gateway runs", async () => {
  const crates = ["presence-core", "presence-gateway", "presence-widget", "simulator"];
  for (const crate of crates)
    run("tar", ["-xzf", packaged(new RegExp(`^zulip-${crate}-.*\\.crate$`)), "-C", directory]);
  const path = (crate) => join(directory, `zulip-${crate}-${VERSION}`);
  const env = { ...process.env, CARGO_TARGET_DIR: resolve("target/release-crates") };
  const cargo = (crate, needs, ...args) => {
    const patches = needs.flatMap((name) => [
      "--config",
      `patch.crates-io.zulip-${name}.path="${path(name)}"`,
    ]);
    run("cargo", [...args, "--offline", ...patches], { cwd: path(crate), env });
  };
  const check = ["check", "--target", "wasm32-unknown-unknown", "--lib"];
  cargo("presence-widget", ["presence-core"], ...check);
  cargo("presence-gateway", ["presence-core", "simulator"], "build");

  const gateway = new Program(join(env.CARGO_TARGET_DIR, "debug", NAME), [
    "--demo",
    "--listen=127.0.0.1:0",
    `--dist=${resolve("dist")}`,
  ]);
  cleanup.add(() => gateway.stop());
  const [, port] = await gateway.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
  const reply = await fetch(`http://127.0.0.1:${port}/api/v1/users/12/presence`);
  assert.equal(reply.status, 200);
});

test("sums and lists of components are complete", () => {
  run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: OUT });
  const listed = readFileSync(join(OUT, "SHA256SUMS"), "utf8").trim().split("\n");
  const files = run("ls", [OUT]).trim().split("\n");
  assert.equal(listed.length, files.length - 1, "all but SHA256SUMS itself");
  for (const [crate, manifest, target] of [
    ["gateway", "gateway/Cargo.toml", "x86_64-unknown-linux-musl"],
    ["widget", "Cargo.toml", "wasm32-unknown-unknown"],
  ]) {
    const bom = JSON.parse(
      readFileSync(packaged(new RegExp(`^zulip-presence-${crate}-.*\\.cdx\\.json$`)), "utf8"),
    );
    assert.equal(bom.bomFormat, "CycloneDX");
    const components = new Set(bom.components.map(({ name, version }) => `${name} ${version}`));
    const tree = run("cargo", [
      ...["tree", "--offline", "--locked", "--manifest-path", manifest, "--target", target],
      ...["--edges", "normal", "--prefix", "none", "--format", "{p}"],
    ]);
    const names = tree
      .trim()
      .split("\n")
      .map((line) => line.replace(/^(\S+) v(\S+).*$/, "$1 $2"));
    const [own, ...dependencies] = [...new Set(names)];
    assert.match(own, new RegExp(`^zulip-presence-${crate} `));
    for (const name of dependencies) assert.ok(components.has(name), `${crate}: ${name}`);
  }
});
