import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, test } from "node:test";
import { Cleanup } from "../tests/processes.mjs";

const cleanup = new Cleanup();
after(() => cleanup.stop());

const PAGE = "index.html";
const PEOPLE = "zulip-simulator/demo-people.tsv";

/** Runs the generator in a copy of its files, of which `change` changes one. Returns its exit status, and the page as it is then. */
async function run([path, change] = [], args = []) {
  const cwd = await cleanup.directory();
  for (const file of [PAGE, PEOPLE]) {
    mkdirSync(join(cwd, dirname(file)), { recursive: true });
    cpSync(file, join(cwd, file));
  }
  if (path) {
    const before = readFileSync(path, "utf8");
    const changed = change(before);
    assert.notEqual(changed, before, "the fault is planted");
    writeFileSync(join(cwd, path), changed);
  }
  const { status } = spawnSync(
    process.execPath,
    [resolve("tools/generate-demo-page.mjs"), ...args],
    { cwd },
  );
  return { status, page: readFileSync(join(cwd, PAGE), "utf8") };
}

test("the page lists the people of the demo", async () => {
  assert.equal((await run([], ["--check"])).status, 0);
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
  test(`--check fails if ${what}; without it the page is mended`, async () => {
    assert.equal((await run([path, change], ["--check"])).status, 1);
    const { status, page } = await run([path, change]);
    assert.equal(status, 0);
    if (path === PAGE) assert.equal(page, readFileSync(PAGE, "utf8"));
  });
}
