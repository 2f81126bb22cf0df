// The archive with the static binary.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cleanup, Program, run } from "../processes.mjs";
import { NAME, VERSION, packaged, serves } from "./release.mjs";

const cleanup = new Cleanup();
let folder, binary;

before(async () => {
  const directory = await cleanup.directory();
  run("tar", ["-xzf", packaged(/-linux\.tar\.gz$/), "-C", directory]);
  assert.deepEqual(readdirSync(directory), [`${NAME}-${VERSION}-x86_64-linux`]);
  folder = join(directory, readdirSync(directory)[0]);
  binary = join(folder, NAME);
});
after(() => cleanup.stop());

test("the binary needs no library of the system", () => {
  assert.match(run("file", ["--brief", binary]), /^ELF 64-bit .*static/);
  assert.doesNotMatch(run("readelf", ["--program-headers", "--wide", binary]), /INTERP/);
  assert.equal(run(binary, ["--version"]).trim(), `${NAME} ${VERSION}`);
});

test("it serves presence and the widget, and ends when it is told", async () => {
  const gateway = new Program(binary, ["--demo", "--listen", "127.0.0.1:0"], { cwd: folder });
  cleanup.add(() => gateway.stop());
  const [, port] = await gateway.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
  await serves(port);
  gateway.kill("SIGTERM");
  assert.equal(await gateway.ended(), 0);
});

test("doctor finds nothing wrong with the demo", () => {
  assert.doesNotMatch(run(binary, ["doctor", "--demo"]), /✗/);
});

test("licences, documentation and the files for systemd and proxies are with it", () => {
  const files = readdirSync(folder);
  for (const name of ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md", "gateway.md", "deploy"])
    assert.ok(files.includes(name), name);
  for (const name of [`${NAME}.service`, "nginx.conf", "compose.yaml", "kubernetes.yaml"])
    assert.ok(readdirSync(join(folder, "deploy")).includes(name), name);
});
