// Makes what the build of a page author would make: scripts with the libraries in this folder.

import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));

/** A classic script of pages/`name`, with the checks of development builds. `alias` chooses versions, `define` constants. */
export async function bundle(name, { alias = {}, define = {} } = {}) {
  const [{ text }] = (
    await build({ ...options(name, alias, define), format: "iife", write: false })
  ).outputFiles;
  return text;
}

/** The exports of pages/`name`, built for a server. */
export async function importForServer(name, { alias = {}, define = {} } = {}) {
  // Beside the libraries, so that imports of them and of Node's own modules resolve.
  const outfile = join(
    HERE,
    "node_modules",
    `.server-${process.pid}-${name}-${Object.values(alias)[0] ?? ""}.cjs`,
  );
  await build({ ...options(name, alias, define), platform: "node", format: "cjs", outfile });
  const exports = await import(pathToFileURL(outfile).href);
  await rm(outfile);
  return exports.default;
}

/** A file of an installed library, as pages include it. */
export async function library(path) {
  return readFile(join(HERE, "node_modules", path), "utf8");
}

function options(name, alias, define) {
  return {
    entryPoints: [join(HERE, "pages", name)],
    absWorkingDir: HERE,
    bundle: true,
    alias,
    define: { "process.env.NODE_ENV": '"development"', ...define },
    jsx: "automatic",
    loader: { ".js": "jsx" },
    logLevel: "error",
  };
}

/** Serves a text at `path` of `site`; its URL. */
export function serve(site, path, text, type = "text/javascript") {
  return site.route(path, (_request, response) =>
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` }).end(text),
  );
}
