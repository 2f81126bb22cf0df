// .markdownlint-cli2.mjs finds planted faults.

import assert from "node:assert/strict";
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { main } from "markdownlint-cli2";
import { Cleanup } from "../tests/processes.mjs";

const CONFIG = ".markdownlint-cli2.mjs";
const cleanup = new Cleanup();
let directory;

before(async () => {
  directory = await cleanup.directory();
  await mkdir(join(directory, "docs"));
  await writeFile(join(directory, "docs/design.md"), "# Design\n\n## 1. Rooms and `arrows`\n");
  await copyFile(CONFIG, join(directory, CONFIG));
  await symlink(resolve("node_modules"), join(directory, "node_modules"));
});
after(() => cleanup.stop());

/** The rules that this text breaks as docs/a.md. */
async function broken(text) {
  const path = join(directory, "docs/a.md");
  await writeFile(path, `# A\n\n${text}\n`);
  const found = [];
  await main({
    directory,
    argv: ["docs/a.md"],
    logMessage() {},
    logError: (line) => found.push(/^\S+ error ([\w/-]+)/.exec(line)?.[1] ?? line),
  });
  return found;
}

for (const [what, text] of [
  ["a link to a file", "[design](design.md)"],
  ["a link to a heading", "[rooms](design.md#1-rooms-and-arrows), [this page](#a)"],
  ["a link to a folder", "[docs](../docs/)"],
  ["a link to another host", "[x](https://example.com/none.md)"],
  ["a wide table", `| x |\n|---|\n| ${"x ".repeat(70)} |`],
  ["a wide block of code", `\`\`\`text\n${"x ".repeat(70)}\n\`\`\``],
]) {
  test(`accepts ${what}`, async () => assert.deepEqual(await broken(text), []));
}

for (const [what, text, rule] of [
  ["a link to a missing file", "[x](none.md)", "relative-links"],
  ["a link to a missing heading of another file", "[x](design.md#none)", "relative-links"],
  ["a link to a missing heading", "[x](#none)", "MD051/link-fragments"],
  ["a picture that is missing", "![x](none.png)", "relative-links"],
  ["a reference without its link", "[x][none]", "MD052/reference-links-images"],
  ["wide prose", "x ".repeat(61).trim(), "MD013/line-length"],
  ["text in angle brackets, which no reader sees", "as <asked>", "MD033/no-inline-html"],
]) {
  test(`reports ${what}`, async () => assert.deepEqual(await broken(text), [rule]));
}
