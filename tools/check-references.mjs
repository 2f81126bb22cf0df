// Finds broken references: links, anchors, files, sections and make targets that Markdown and comments name but that do not exist. Also
// finds Markdown prose beyond 120 columns. Reads only files of the repository, never the network.

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

const PROSE_WIDTH = 120;
/** Written by `make bench`, not by hand. */
const GENERATED = new Set(["bench/RESULTS.md"]);
/** Contains broken references on purpose. */
const FIXTURES = "tools/check-references.test.mjs";
/** Made by a build, or files of other projects: nothing in the repository has these names. */
const NOT_OURS = [
  /^(dist|target|node_modules|\.tools|fuzz\/(artifacts|corpus))\//,
  /^zulip-presence(-[a-z-]+)?(_bg)?\.(js|wasm)(\.br)?$/,
  /^zulip\/__init__\.py$/, // Zulip's Python client
  /^presence\.ts$/, // Zulip's web app
  /^dom_bundle\/subtree_root\.rs$/, // Yew
];
const EXTENSIONS =
  "rs|mjs|js|ts|tsx|vue|css|md|txt|tsv|toml|lock|sh|html|json|conf|service|path|yml|yaml|lua|py|png|svg";
const FILE = new RegExp(String.raw`^[\w.-]+(/[\w.-]+)*\.(${EXTENSIONS})$`);
const DIRECTORY = /^[\w.-]+(\/[\w.-]+)*\/$/;
const PATH_IN_TEXT = new RegExp(
  String.raw`(?<![\w/.:-])(?:[\w-]+/)+[\w.-]+\.(?:${EXTENSIONS})\b`,
  "g",
);
const COMMENT = {
  rs: /\/\/.*/g,
  mjs: /\/\/.*|^\s*(\/\*)?\*.*/gm,
  js: /\/\/.*|^\s*(\/\*)?\*.*/gm,
  css: /\/\*[^]*?\*\//g,
  html: /<!--[^]*?-->/g,
};
const HASH_COMMENT = /(^|\s)#.*/gm;
const TEXT = /\.(rs|mjs|js|css|html|toml|sh|ya?ml|conf|service|path|md)$|(^|\/)Makefile$/;

/** @param {Map<string, string>} files The text of each file by its path; empty for those without. */
export function brokenReferences(files) {
  const paths = [...files.keys()];
  const directories = new Set(paths.flatMap(parents));
  const roots = new Set([...directories].filter((directory) => !directory.includes("/")));
  const targets = makeTargets(files.get("Makefile") ?? "");
  const found = [];
  for (const [path, text] of files) {
    if (!TEXT.test(path) || path === FIXTURES) continue;
    const isMarkdown = path.endsWith(".md");
    const report = (index, what) =>
      found.push(`${path}:${text.slice(0, index).split("\n").length}: ${what}`);
    if (isMarkdown) {
      checkLinks(path, text, report);
      if (!GENERATED.has(path)) checkWidth(text, report);
    }
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

  function checkLinks(path, text, report) {
    for (const match of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      const [target, anchor] = match[1].split("#");
      if (/^[a-z]+:/.test(target)) continue;
      const file = target ? posix.normalize(posix.join(posix.dirname(path), target)) : path;
      const directory = file.replace(/\/$/, "");
      if (!files.has(file) && !directories.has(directory)) report(match.index, `no file ${target}`);
      else if (anchor && !anchors(files.get(file) ?? "").has(anchor))
        report(match.index, `no heading #${anchor} in ${file}`);
    }
  }
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

/** Same length, with fenced and inline code blanked. */
function withoutCode(text) {
  return text.replace(/^ *```[^]*?^ *```|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, " "));
}

/** The anchors of a page's headings, by GitHub's rules. */
function anchors(markdown) {
  const found = new Set();
  for (const [, heading] of withoutFences(markdown).matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-");
    let name = anchor;
    for (let again = 1; found.has(name); again++) name = `${anchor}-${again}`;
    found.add(name);
  }
  return found;
}

function withoutFences(text) {
  return text.replace(/^ *```[^]*?^ *```/gm, (code) => code.replace(/[^\n]/g, " "));
}

function checkWidth(text, report) {
  let index = 0;
  for (const line of withoutFences(text).split("\n")) {
    const isProse = !/^\s*(\||<|!?\[[^\]]*\]\([^)]*\)$|#)/.test(line);
    if (isProse && [...line.trimEnd()].length > PROSE_WIDTH)
      report(index, `beyond ${PROSE_WIDTH} columns`);
    index += line.length + 1;
  }
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
