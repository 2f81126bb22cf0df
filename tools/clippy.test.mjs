// The flags with which `make check` calls Clippy refuse unsafe code, also in a crate that does not inherit the workspace's lints.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const calls = [...readFileSync("Makefile", "utf8").matchAll(/^\tcargo clippy .* -- (.*)$/gm)];

/** The exit status and messages of Clippy, with these flags, about a crate of this code. */
function clippy(flags, code) {
  const directory = mkdtempSync(join(tmpdir(), "zulip-presence-"));
  try {
    mkdirSync(join(directory, "src"));
    writeFileSync(join(directory, "src/lib.rs"), code);
    const manifest = '[package]\nname = "planted"\nversion = "0.0.0"\nedition = "2024"\n';
    writeFileSync(join(directory, "Cargo.toml"), manifest);
    const args = ["clippy", "--quiet", "--offline", "--", ...flags.split(" ")];
    return spawnSync("cargo", args, { cwd: directory, encoding: "utf8" });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("Clippy runs on the native crates and on the widget", () => assert.equal(calls.length, 2));

for (const [index, [, flags]] of calls.entries()) {
  test(`call ${index + 1} refuses unsafe code`, () => {
    const { status, stderr } = clippy(
      flags,
      "pub fn f() { unsafe { std::hint::assert_unchecked(true) } }\n",
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /`-F unsafe-code`/);
  });

  test(`call ${index + 1} refuses what Clippy only warns about`, () => {
    const { status, stderr } = clippy(flags, "pub fn f(a: &Vec<u8>) -> bool { a.len() == 0 }\n");
    assert.notEqual(status, 0);
    assert.match(stderr, /clippy::len_zero/);
  });

  test(`call ${index + 1} accepts other code`, () => {
    const { status, stderr } = clippy(flags, "pub fn f() {}\n");
    assert.equal(status, 0, stderr);
  });
}
