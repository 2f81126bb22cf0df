import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "esbuild";
import { ownFiles } from "./own-files.mjs";

/** Bundles a module as if it stood in src/client/. */
function bundle(contents) {
  return build({
    stdin: { contents, resolveDir: "src/client" },
    bundle: true,
    write: false,
    logLevel: "silent",
    plugins: [ownFiles],
  });
}

for (const [what, code] of [
  ["imported", `import axe from "axe-core"; axe.run();`],
  ["by its path", `import axe from "../../node_modules/axe-core/axe.js"; axe.run();`],
  ["required", `require("axe-core").run();`],
  ["at run time", `import("axe-core");`],
]) {
  test(`a bundle with a package in it is not built: ${what}`, async () => {
    await assert.rejects(bundle(code), /axe-core.*no package may be part of what pages load/);
  });
}

test("a bundle of our own files is built", async () => {
  const { outputFiles } = await bundle(`import { send } from "./browser.js"; send();`);
  assert.equal(outputFiles.length, 1);
});
