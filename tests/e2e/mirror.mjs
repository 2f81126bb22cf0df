// A copy of the built files on another server, complete or damaged.

import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const TYPES = { js: "text/javascript", wasm: "application/wasm", html: "text/html" };

/**
 * Serves dist/ below `path`. `change(file, name)` may alter each file, `{ body, type, headers }`.
 * @returns The URL of the loader.
 */
export function mirror(site, path, change = () => {}) {
  site.route(`${path}/`, ({ url }, response) => {
    const name = basename(new URL(url, site.origin).pathname);
    if (!existsSync(join("dist", name))) return response.writeHead(404).end();
    const file = {
      body: readFileSync(join("dist", name)),
      type: TYPES[name.split(".").at(-1)],
      headers: {},
    };
    change(file, name);
    response.writeHead(200, { "Content-Type": file.type, ...file.headers });
    response.end(file.body);
  });
  return `${site.origin}${path}/zulip-presence.js`;
}
