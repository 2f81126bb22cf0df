// What `tools/release.sh` built, and what all packages of the gateway must do.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { builtFiles } from "../../tools/built-files.mjs";

export const OUT = resolve("target/release-packages");
export const NAME = "zulip-presence-gateway";
export const [, VERSION] = /^version = "(.+)"$/m.exec(readFileSync("Cargo.toml", "utf8"));
/** The account of the simulated Zulip. */
export const ACCOUNT = "[api]\nemail=presence-bot@example.com\nkey=simulated\n";

/** The one package whose name matches. */
export function packaged(pattern) {
  const found = readdirSync(OUT).filter((name) => pattern.test(name));
  assert.equal(found.length, 1, `${pattern} in ${OUT}: ${found.join(", ")}`);
  return join(OUT, found[0]);
}

/** Checks that the gateway at this port knows who is active, and serves the built widget. */
export async function serves(port) {
  const url = `http://127.0.0.1:${port}`;
  const presence = await fetch(`${url}/api/v1/users/12/presence`);
  assert.equal(presence.status, 200);
  assert.equal((await presence.json()).presence.aggregated.status, "active");
  for (const file of Object.values(builtFiles())) {
    const reply = await fetch(`${url}/${file}`);
    assert.equal(reply.status, 200, file);
    assert.deepEqual(Buffer.from(await reply.arrayBuffer()), readFileSync(`dist/${file}`), file);
  }
}
