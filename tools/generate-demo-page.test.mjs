import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const PAGE = "index.html";
const PEOPLE = "zulip-simulator/demo-people.tsv";

/** Runs the generator in a copy of its files, of which `change` changes one. Returns its exit status, and the page as it is then. */
function run([path, change] = [], args = []) {
  const directory = mkdtempSync(join(tmpdir(), "zulip-presence-"));
  try {
    for (const file of [PAGE, PEOPLE]) cpSync(file, join(directory, file));
    if (path) {
      const before = readFileSync(path, "utf8");
      const changed = change(before);
      assert.notEqual(changed, before, "the fault is planted");
      writeFileSync(join(directory, path), changed);
    }
    const script = resolve("tools/generate-demo-page.mjs");
    const { status } = spawnSync(process.execPath, [script, ...args], { cwd: directory });
    return { status, page: readFileSync(join(directory, PAGE), "utf8") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("the page lists the people of the demo", () => {
  assert.equal(run([], ["--check"]).status, 0);
});

for (const [what, path, change] of [
  [
    "a person is missing in the page",
    PAGE,
    (text) => text.replace(/^ +<li class="person">[^]*?<\/li>\n/m, ""),
  ],
  ["a person has another ID in the page", PAGE, (text) => text.replace('user="12"', 'user="13"')],
  ["a person was added", PEOPLE, (text) => `${text}${text.trimEnd().split("\n").at(-1)}\n`],
  ["a role has changed", PEOPLE, (text) => text.replace("Principal Engineer", "Pilot")],
]) {
  test(`--check fails if ${what}; without it the page is mended`, () => {
    assert.equal(run([path, change], ["--check"]).status, 1);
    const { status, page } = run([path, change]);
    assert.equal(status, 0);
    if (path === PAGE) assert.equal(page, readFileSync(PAGE, "utf8"));
  });
}
