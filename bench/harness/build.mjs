// Builds every page's script with esbuild, minified, and puts it on the server.

import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { build } from "esbuild";

const BENCH = new URL("..", import.meta.url).pathname;
const DIST = process.env.DIST ?? join(BENCH, "../dist");
const OURS = ["zulip-presence.js", "zulip-presence-widget.js", "zulip-presence-widget_bg.wasm"];

/** Bytes of the page's script on the wire, or why it cannot be built. */
export async function lay(server, name, page) {
  try {
    if (name === "ours") {
      const sizes = OURS.map(async (file) =>
        server.add(`/${name}/${file}`, await readFile(join(DIST, file))),
      );
      return total(await Promise.all(sizes));
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
    const sizes = outputFiles.map(({ path, contents }) =>
      server.add(`/${name}/${relative(BENCH, path)}`, contents),
    );
    return total(await Promise.all(sizes));
  } catch (error) {
    return { failure: error.errors?.[0]?.text ?? error.message };
  }
}

function total(files) {
  return { files, bytes: files.reduce((sum, size) => sum + size) };
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
