// eslint.config.mjs finds planted faults, in every script that pages load.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { posix } from "node:path";
import { test } from "node:test";
import { ESLint } from "eslint";

const eslint = new ESLint();
const shipped = execFileSync("git", ["ls-files", "src/*.js", "demo/*.js", "npm/*.js"], {
  encoding: "utf8",
})
  .trim()
  .split("\n");

/** The rules that this code breaks as the content of the file `filePath`. */
async function broken(filePath, code) {
  const [{ messages }] = await eslint.lintText(code, { filePath });
  return messages.map(({ ruleId }) => ruleId);
}

test("the scripts in subfolders are among those that pages load", () => {
  for (const path of ["src/client/browser.js", "src/element/element.js", "demo/gallery.js"])
    assert.ok(shipped.includes(path), path);
});

for (const [what, code] of [
  ["a package of package.json", `import "esbuild";`],
  ["a package, by a name", `import { build } from "esbuild"; build();`],
  ["a package, minified", `import{build}from"esbuild";build()`],
  ["a package, exported again", `export * from "esbuild";`],
  ["a package, by a dynamic import", `import("esbuild");`],
  ["a package, by a template", "import(`esbuild`);"],
  ["a package, by a computed name", `const name = "esb" + "uild"; import(name);`],
  ["a package by its path", `import "ROOT/node_modules/esbuild/lib/main.js";`],
  ["a package that is not installed", `import "left-pad";`],
  ["a script of a server", `import "https://cdn.example.com/left-pad.js";`],
  ["a script of a server, by its scheme", `import "//cdn.example.com/left-pad.js";`],
  ["a module of Node.js", `import "node:fs";`],
  ["a tool of ours", `import "ROOT/tools/loader.mjs";`],
]) {
  test(`no script that pages load may import ${what}`, async () => {
    for (const path of shipped) {
      const root = posix.relative(posix.dirname(path), ".");
      assert.notDeepEqual(await broken(path, code.replace("ROOT", root)), [], path);
    }
  });
}

for (const [what, path, code, rule] of [
  [
    "a circle of imports",
    "src/element/watchers.js",
    `import { NAME } from "./element.js";\n\nexport class Watcher {\n  name = NAME;\n}`,
    "import-x/no-cycle",
  ],
  [
    "a name that the other module does not export",
    "src/element/page-api.js",
    `import { none } from "./load.js";\n\nnone();`,
    "import-x/named",
  ],
  [
    "an unused import",
    "src/element/page-api.js",
    `import { wasm } from "./load.js";`,
    "no-unused-vars",
  ],
  ["a global that no browser has", "src/client/browser.js", `process.exit();`, "no-undef"],
  [
    "a package that package.json does not name",
    "tools/package.mjs",
    `import "acorn";`,
    "import-x/no-extraneous-dependencies",
  ],
]) {
  test(`reports ${what}`, async () => assert.deepEqual(await broken(path, code), [rule]));
}
