// Builds every page's script with esbuild, minified, and puts it on the server.

import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { build } from "esbuild";
import { builtFiles } from "../../tools/built-files.mjs";

const BENCH = new URL("..", import.meta.url).pathname;
const DIST = process.env.DIST ?? join(BENCH, "../dist");

/** Bytes of the page's script on the wire, together and by file, or why it cannot be built. */
export async function lay(server, name, page) {
  try {
    if (name === "ours") {
      const files = Object.values(builtFiles(DIST));
      return total(
        files.map(async (file) => [
          file,
          await server.add(`/${name}/${file}`, await readFile(join(DIST, file))),
        ]),
      );
    }
    const { outputFiles } = await build({
      entryPoints: { app: join(BENCH, "peers", page.entry) },
      absWorkingDir: BENCH,
      outdir: BENCH,
      bundle: true,
      write: false,
      minify: true,
      format: page.module ? "esm" : "iife",
      splitting: page.module,
      target: "es2022",
      jsx: "automatic",
      legalComments: "none",
      logLevel: "silent",
      define: { "process.env.NODE_ENV": '"production"' },
      alias: page.alias,
    });
    return total(
      outputFiles.map(async ({ path, contents }) => {
        const file = relative(BENCH, path);
        return [file, await server.add(`/${name}/${file}`, contents)];
      }),
    );
  } catch (error) {
    return { failure: error.errors?.[0]?.text ?? error.message };
  }
}

async function total(files) {
  const sizes = Object.fromEntries(await Promise.all(files));
  return { files: sizes, bytes: Object.values(sizes).reduce((sum, size) => sum + size, 0) };
}

export async function versions(pages) {
  const found = await Promise.all(
    [...new Set(pages.flatMap((page) => page.package ?? []))].map(async (name) => {
      const { version } = JSON.parse(
        await readFile(join(BENCH, "node_modules", name, "package.json"), "utf8"),
      );
      return `${name} ${version}`;
    }),
  );
  const lock = JSON.parse(await readFile(join(BENCH, "package.json"), "utf8")).dependencies;
  return [...found, `react ${lock.react} and ${lock["react-18"].split("@").at(-1)}`];
}
