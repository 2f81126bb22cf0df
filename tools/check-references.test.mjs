import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { brokenReferences } from "./check-references.mjs";

const REPOSITORY = {
  Makefile: "check: tools ## Lints\n",
  "Cargo.toml": `unsafe_code = "forbid"\n`,
  "src/client/settings.rs": "#[wasm_bindgen_test]\nfn in_a_browser() {}\n",
  "presence/tests/status.rs": [
    "#[test]",
    "fn decays() {}",
    "#[test]",
    "#[ignore]",
    "fn is_ignored() {}",
    "#[tokio::test]",
    "async fn waits() {}",
    "fn no_test() {}",
  ].join("\n"),
  "tests/e2e/a.spec.mjs": 'test("a badge shows", () => {});\n// a badge hides\n',
  "fuzz/src/users.rs": "pub fn check() {}",
  "docs/design.md": "# Design\n\n## 1. Rooms and `arrows`\n",
  "src/badge/view.rs": "",
};

/** The broken references in a repository of these files and `REPOSITORY`. */
function found(files) {
  return brokenReferences(new Map(Object.entries({ ...REPOSITORY, ...files })));
}

for (const [what, path, text] of [
  ["a path from the root", "README.md", "`src/badge/view.rs`"],
  ["the end of a path", "README.md", "`view.rs`, `badge/view.rs` and `badge/`"],
  ["a section", "src/a.rs", "// docs/design.md §1"],
  ["a make target", "README.md", "`make check`"],
  ["a path that a build makes", "README.md", "`dist/none.js`"],
  ["a make target in a block", "README.md", "```sh\nmake check\n```"],
  ["the word make in prose", "README.md", "You\nmake none of it"],
  ["a make target in a workflow", ".github/workflows/ci.yml", "      - run: make check"],
  ["tests", "SECURITY.md", "`presence/tests/status.rs`: `decays`, `waits`; `x`"],
  ["a test in a browser", "SECURITY.md", "`src/client/settings.rs`: `in_a_browser`"],
  ["a test of Playwright", "SECURITY.md", "`tests/e2e/a.spec.mjs`: `a badge shows`"],
  ["a property of the fuzzer", "SECURITY.md", "`fuzz/src/users.rs`: `check`"],
  ["a line of a file", "SECURITY.md", '`Cargo.toml`: `unsafe_code = "forbid"`'],
  ["code, not a comment", "src/a.rs", 'let path = "docs/none.md";'],
]) {
  test(`accepts ${what}`, () => assert.deepEqual(found({ [path]: text }), []));
}

for (const [what, path, text, expected] of [
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
  [
    "a missing make target in a block",
    "README.md",
    "```sh\nmake none # does it\n```",
    "README.md:2: no make target none",
  ],
  [
    "a missing make target in a workflow",
    ".github/workflows/ci.yml",
    "steps:\n  - run: make none",
    ".github/workflows/ci.yml:2: no make target none",
  ],
  ["a missing make target in CI", ".ci/run", "make none", ".ci/run:1: no make target none"],
  ["a missing file in a type", "npm/a.d.ts", "// src/none.rs", "npm/a.d.ts:1: no file src/none.rs"],
  ...[
    ["a missing test", "presence/tests/status.rs", "decay"],
    ["a test whose name only begins so", "presence/tests/status.rs", "wait"],
    ["a function that is no test", "presence/tests/status.rs", "no_test"],
    ["a test that is ignored", "presence/tests/status.rs", "is_ignored"],
    ["a test that is only a comment", "tests/e2e/a.spec.mjs", "a badge hides"],
    ["a missing line", "Cargo.toml", `missing_docs = "warn"`],
  ].map(([what, path, name]) => [
    what,
    "SECURITY.md",
    `\n| a measure | \`${path}\`: \`${name}\` |`,
    `SECURITY.md:2: no ${name} in ${path}`,
  ]),
  [
    "a missing test after others",
    "SECURITY.md",
    "`presence/tests/status.rs`: `decays`, `none`",
    "SECURITY.md:1: no none in presence/tests/status.rs",
  ],
]) {
  test(`reports ${what}`, () => assert.deepEqual(found({ [path]: text }), [expected]));
}

test("every measure of SECURITY.md names a file that tests it", () => {
  const [, section] = readFileSync("SECURITY.md", "utf8").split("## Tests of these measures");
  const [, , ...rows] = section.match(/^\|.*$/gm);
  assert.ok(rows.length > 20);
  for (const row of rows) assert.match(row, /\| `[\w./-]+\.(rs|mjs|toml)`/);
});
