// Finds broken references: files, sections, tests and make targets that Markdown, comments and scripts name but that do not exist. Links are
// checked by markdownlint (.markdownlint-cli2.mjs).

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Contain broken references on purpose. */
const FIXTURES = /^tools\/[\w-]+\.test\.mjs$/;
/** Made by a build, or files of other projects: nothing in the repository has these names. */
const NOT_OURS = [
  /^(dist|target|node_modules|\.tools|fuzz\/(artifacts|corpus))\//,
  /^zulip-presence(-[a-z-]+)?\.(js|wasm)(\.br)?$/,
  /^zulip\/__init__\.py$/, // Zulip's Python client
  /^presence\.ts$/, // Zulip's web app
  /^wp-config\.php$/, // WordPress
  /^dom_bundle\/subtree_root\.rs$/, // Yew
];
const EXTENSIONS =
  "rs|mjs|js|jsx|ts|tsx|vue|css|md|txt|tsv|toml|lock|sh|html|json|conf|service|path|yml|yaml|lua|php|py|png|svg";
const FILE = new RegExp(String.raw`^[\w.-]+(/[\w.-]+)*\.(${EXTENSIONS})$`);
const DIRECTORY = /^[\w.-]+(\/[\w.-]+)*\/$/;
const PATH_IN_TEXT = new RegExp(
  String.raw`(?<![\w/.:-])(?:[\w-]+/)+[\w.-]+\.(?:${EXTENSIONS})\b`,
  "g",
);
const SLASHES = /\/\/.*|^\s*(\/\*)?\*.*/gm;
const COMMENT = {
  ...Object.fromEntries(["mjs", "js", "jsx", "ts", "tsx", "vue", "php"].map((it) => [it, SLASHES])),
  rs: /\/\/.*/g,
  css: /\/\*[^]*?\*\//g,
  html: /<!--[^]*?-->/g,
  lua: /--.*/g,
};
const HASH_COMMENT = /(^|\s)#.*/gm;
const TEXT =
  /\.(rs|[mj]?jsx?|tsx?|vue|php|css|html|lua|toml|sh|ya?ml|conf|service|path|md)$|(^|\/)(Makefile|run)$/;
/** Where commands are: blocks of Markdown, and files of these names. */
const FENCED = /^ *```[^]*?^ *```/gm;
const SCRIPT = /\.(sh|ya?ml)$|(^|\/)run$/;
const MAKE = /^[ \t]*(?:- run: )?make ([a-z][\w-]*)/gm;
/** Tests, after the file that contains them. */
const TESTS = /`([\w./-]+)`: ((?:`[^`\n]+`(?:, | and )?)+)/g;

/** @param {Map<string, string>} files The text of each file by its path; empty for those without. */
export function brokenReferences(files) {
  const paths = [...files.keys()];
  const directories = new Set(paths.flatMap(parents));
  const roots = new Set([...directories].filter((directory) => !directory.includes("/")));
  const targets = makeTargets(files.get("Makefile") ?? "");
  const found = [];
  for (const [path, text] of files) {
    if (!TEXT.test(path) || FIXTURES.test(path)) continue;
    const isMarkdown = path.endsWith(".md");
    const report = (index, what) =>
      found.push(`${path}:${text.slice(0, index).split("\n").length}: ${what}`);
    for (const { index, content } of commands(path, text)) {
      for (const match of content.matchAll(MAKE))
        if (!targets.has(match[1]))
          report(index + match.index + match[0].search(/\S/), `no make target ${match[1]}`);
    }
    if (isMarkdown) checkTests(text, report);
    for (const { index, content } of isMarkdown
      ? [{ index: 0, content: text }]
      : comments(path, text)) {
      for (const match of content.matchAll(/`([^`\n]+)`/g)) {
        const name = match[1];
        const target = /^make ([a-z][\w-]*)/.exec(name)?.[1];
        if (target && !targets.has(target)) report(index + match.index, `no make target ${target}`);
        if ((FILE.test(name) || DIRECTORY.test(name)) && !exists(name))
          report(index + match.index, `no file ${name}`);
      }
      for (const { 0: name, index: at } of content.matchAll(PATH_IN_TEXT)) {
        const isLinked = isMarkdown && /[`(]/.test(content[at - 1] ?? "");
        if (!isLinked && roots.has(name.split("/")[0]) && !exists(name))
          report(index + at, `no file ${name}`);
      }
      for (const match of content.matchAll(/([\w/.-]+\.md)`?,? §(\d+)/g)) {
        const [, name, number] = match;
        const text = files.get(paths.find((path) => path === name || path.endsWith(`/${name}`)));
        if (!new RegExp(`^#+ ${number}\\. `, "m").test(text ?? ""))
          report(index + match.index, `no section ${number} in ${name}`);
      }
      for (const match of content.matchAll(/(?<![\w/.-])[A-Z]{3,}\.md\b/g)) {
        if (!exists(match[0])) report(index + match.index, `no file ${match[0]}`);
      }
    }
  }
  return found;

  /** The end of a path is enough to name a file. */
  function exists(name) {
    if (NOT_OURS.some((pattern) => pattern.test(name))) return true;
    if (name.endsWith("/")) {
      const directory = name.slice(0, -1);
      return [...directories].some((path) => path === directory || path.endsWith(`/${directory}`));
    }
    return paths.some((path) => path === name || path.endsWith(`/${name}`));
  }

  function checkTests(text, report) {
    for (const match of text.matchAll(TESTS)) {
      const [, path, names] = match;
      if (!files.has(path)) continue;
      for (const [, name] of names.matchAll(/`([^`]+)`/g))
        if (!contains(path, files.get(path), name)) report(match.index, `no ${name} in ${path}`);
    }
  }
}

/** Whether a file has this test or, if it contains no tests, this text. */
function contains(path, text, name) {
  if (!path.endsWith(".rs"))
    return text.replace(COMMENT[path.split(".").at(-1)] ?? /^$/, "").includes(name);
  // The functions of fuzz/ are no tests by themselves.
  const attribute = path.startsWith("fuzz/")
    ? ""
    : String.raw`#\[(?:\w+::)?(?:wasm_bindgen_)?test\b[^{};]*`;
  const [found] = new RegExp(String.raw`${attribute}\bfn ${name}\(`).exec(text) ?? [];
  return found !== undefined && !found.includes("#[ignore");
}

function commands(path, text) {
  if (SCRIPT.test(path)) return [{ index: 0, content: text }];
  if (!path.endsWith(".md")) return [];
  return [...text.matchAll(FENCED)].map(({ 0: content, index }) => ({ index, content }));
}

function parents(path) {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}

function makeTargets(makefile) {
  return new Set(
    [...makefile.matchAll(/^([a-z][\w -]*):/gm)].flatMap(([, names]) => names.split(" ")),
  );
}

function comments(path, text) {
  const pattern = COMMENT[path.split(".").at(-1)] ?? HASH_COMMENT;
  return [...text.matchAll(pattern)].map(({ 0: content, index }) => ({ index, content }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const listed = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    {
      encoding: "utf8",
    },
  );
  const paths = listed.split("\0").filter(Boolean);
  const texts = await Promise.all(
    paths.map((path) => (TEXT.test(path) ? readFile(path, "utf8").catch(() => undefined) : "")),
  );
  const files = new Map(
    paths.map((path, at) => [path, texts[at]]).filter(([, text]) => text !== undefined),
  );
  const found = brokenReferences(files);
  for (const line of found) console.error(line);
  if (found.length > 0) process.exitCode = 1;
}
