// The flags with which `make check` calls Clippy refuse unsafe code, also in a crate that does not inherit the workspace's lints.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Cleanup } from "../tests/processes.mjs";

const cleanup = new Cleanup();
after(() => cleanup.stop());

const calls = [...readFileSync("Makefile", "utf8").matchAll(/^\tcargo clippy .* -- (.*)$/gm)];

/** The exit status and messages of Clippy, with these flags, about a crate of this code. */
async function clippy(flags, code) {
  const cwd = await cleanup.directory();
  mkdirSync(join(cwd, "src"));
  writeFileSync(join(cwd, "src/lib.rs"), code);
  const manifest = '[package]\nname = "planted"\nversion = "0.0.0"\nedition = "2024"\n';
  writeFileSync(join(cwd, "Cargo.toml"), manifest);
  const args = ["clippy", "--quiet", "--offline", "--", ...flags.split(" ")];
  return spawnSync("cargo", args, { cwd, encoding: "utf8" });
}

test("Clippy runs on the native crates and on the widget", () => assert.equal(calls.length, 2));

for (const [index, [, flags]] of calls.entries()) {
  test(`call ${index + 1} refuses unsafe code`, async () => {
    const { status, stderr } = await clippy(
      flags,
      "pub fn f() { unsafe { std::hint::assert_unchecked(true) } }\n",
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /`-F unsafe-code`/);
  });

  test(`call ${index + 1} refuses what Clippy only warns about`, async () => {
    const { status, stderr } = await clippy(
      flags,
      "pub fn f(a: &Vec<u8>) -> bool { a.len() == 0 }\n",
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /clippy::len_zero/);
  });

  test(`call ${index + 1} accepts other code`, async () => {
    const { status, stderr } = await clippy(flags, "pub fn f() {}\n");
    assert.equal(status, 0, stderr);
  });
}
