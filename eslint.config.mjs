// Lints of the JavaScript. They also guard what pages load: its scripts import only each other, and no package.

import js from "@eslint/js";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import globals from "globals";

/** They have a package.json of their own, whose packages `make check` does not install. */
const PROJECTS = ["bench", "tests/hosts", "tests/vite"];
/** Constants that the build substitutes (tools/loader.mjs, tools/postbuild.mjs). */
const CONSTANTS = ["BADGE_STYLE", "CRITICAL_STYLE", "FILES", "IS_PACKAGE", "WASM_URL"];

/** Rules for scripts that pages load: each imports only files of `folders`, and what the patterns of `provided` match. */
function shipped(folders, provided) {
  return {
    files: folders.map((folder) => `${folder}/**`),
    languageOptions: {
      globals: {
        ...globals.browser,
        ...Object.fromEntries(CONSTANTS.map((name) => [name, "readonly"])),
      },
    },
    rules: {
      "import-x/no-nodejs-modules": "error",
      "import-x/no-restricted-paths": [
        "error",
        { zones: [{ target: folders, from: ".", except: folders }] },
      ],
      "import-x/no-unresolved": ["error", { ignore: provided }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "ImportExpression[source.type!='Literal']",
          message: "What a computed specifier imports cannot be checked.",
        },
      ],
      "no-undef": "error",
    },
  };
}

export default [
  { ignores: ["dist/", "target/", ".tools/", "test-results/", "tests/vite/dist/"] },
  js.configs.recommended,
  {
    plugins: { "import-x": importX },
    settings: { "import-x/resolver-next": [createNodeResolver()] },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "import-x/named": "error",
      "import-x/no-cycle": "error",
      "import-x/no-extraneous-dependencies": "error",
      "import-x/no-self-import": "error",
      "import-x/no-unresolved": "error",
      // Playwright's fixtures name what they use in a pattern, also where that is nothing.
      "no-empty-pattern": ["error", { allowObjectPatternsAsParameters: true }],
      // Tests contain functions that run in a page, with its globals.
      "no-undef": "off",
    },
  },
  ...PROJECTS.map((folder) => ({
    files: [`${folder}/**`],
    rules: {
      "import-x/no-extraneous-dependencies": ["error", { packageDir: [".", folder] }],
      "import-x/no-unresolved": "off",
    },
  })),
  {
    // MediaWiki's gadgets are written for ECMAScript 5, where `catch` needs a name.
    files: ["integrations/mediawiki/**"],
    rules: { "no-unused-vars": ["error", { caughtErrors: "none" }] },
  },
  // wasm-bindgen generates the glue; the build provides what begins with "built:".
  shipped(["src", "demo"], ["^wasm-bindgen$", "^built:"]),
  // The app that uses the npm package brings its framework.
  shipped(["npm"], ["^(react|preact/hooks|vue)$"]),
];
