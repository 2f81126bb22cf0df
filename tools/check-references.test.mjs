import assert from "node:assert/strict";
import { test } from "node:test";
import { brokenReferences } from "./check-references.mjs";

const REPOSITORY = {
  Makefile: "check: tools ## Lints\n",
  "docs/design.md": "# Design\n\n## 1. Rooms and `arrows`\n",
  "src/badge/view.rs": "",
};

/** The broken references in a repository of these files and `REPOSITORY`. */
function found(files) {
  return brokenReferences(new Map(Object.entries({ ...REPOSITORY, ...files })));
}

for (const [what, path, text] of [
  ["a relative link", "README.md", "[design](docs/design.md)"],
  ["a link with an anchor", "docs/a.md", "[rooms](design.md#1-rooms-and-arrows) [here](#b)\n\n# B"],
  ["a link to a folder", "docs/a.md", "[src](../src/)"],
  ["a link to another host", "README.md", "[x](https://example.com/none.md)"],
  ["a path from the root", "README.md", "`src/badge/view.rs`"],
  ["the end of a path", "README.md", "`view.rs`, `badge/view.rs` and `badge/`"],
  ["a section", "src/a.rs", "// docs/design.md §1"],
  ["a make target", "README.md", "`make check`"],
  ["a path that a build makes", "README.md", "`dist/none.js`"],
  ["code, not a comment", "src/a.rs", 'let path = "docs/none.md";'],
  ["a wide table", "README.md", `| ${"x".repeat(130)} |`],
  ["a wide code block", "README.md", `\`\`\`\n${"x ".repeat(70)}\n\`\`\``],
]) {
  test(`accepts ${what}`, () => assert.deepEqual(found({ [path]: text }), []));
}

for (const [what, path, text, expected] of [
  ["a link to a missing file", "docs/a.md", "\n[x](none.md)", "docs/a.md:2: no file none.md"],
  [
    "a link to a missing heading",
    "README.md",
    "[x](docs/design.md#2-none)",
    "README.md:1: no heading #2-none in docs/design.md",
  ],
  ["a missing file in code font", "README.md", "`src/none.rs`", "README.md:1: no file src/none.rs"],
  ["a missing folder", "README.md", "`none/`", "README.md:1: no file none/"],
  [
    "a missing file in a comment",
    "src/a.rs",
    "\n// (docs/none.md)",
    "src/a.rs:2: no file docs/none.md",
  ],
  [
    "a missing file in a script",
    "tools/a.sh",
    "# see src/none.rs",
    "tools/a.sh:1: no file src/none.rs",
  ],
  [
    "a missing file in a style",
    "src/a.css",
    "/* src/none.rs */",
    "src/a.css:1: no file src/none.rs",
  ],
  ["a missing page in capitals", "src/a.rs", "// NOTES.md has it", "src/a.rs:1: no file NOTES.md"],
  [
    "a missing section",
    "src/a.rs",
    "/// docs/design.md §7",
    "src/a.rs:1: no section 7 in docs/design.md",
  ],
  ["a missing make target", "README.md", "`make none`", "README.md:1: no make target none"],
  ["wide prose", "README.md", "x ".repeat(61), "README.md:1: beyond 120 columns"],
]) {
  test(`reports ${what}`, () => assert.deepEqual(found({ [path]: text }), [expected]));
}
