// deploy/compose.yaml and deploy/kubernetes.yaml, checked by their own schemas and against the image.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Cleanup, run } from "../processes.mjs";
import { NAME, VERSION } from "./release.mjs";

const TOOLS = ".tools/manifests/bin";
const CHECKS = {
  compose: [["check-jsonschema", "--builtin-schema", "vendor.compose-spec"]],
  kubernetes: ["1.29.0", "1.37.0"].map((version) => [
    ...["kubernetes-validate", "--strict", "--kubernetes-version"],
    version,
  ]),
};
/** Mistakes that only a schema finds. */
const MISTAKES = {
  compose: ["read_only: true", "readonly: true"],
  kubernetes: ["replicas: ", "replicas: two # "],
};

const cleanup = new Cleanup();
after(() => cleanup.stop());

for (const [name, checks] of Object.entries(CHECKS))
  for (const [tool, ...options] of checks) {
    const check = (file) => run(join(TOOLS, tool), [...options, file]);

    test(`${name}.yaml follows the schema: ${options.at(-1)}`, () => check(`deploy/${name}.yaml`));

    test(`a mistake in ${name}.yaml is found: ${options.at(-1)}`, async () => {
      const right = readFileSync(`deploy/${name}.yaml`, "utf8");
      const wrong = right.replace(...MISTAKES[name]);
      assert.notEqual(wrong, right);
      const file = join(await cleanup.directory(), `${name}.yaml`);
      writeFileSync(file, wrong);
      assert.throws(() => check(file));
    });
  }

test("both run the image as it is: unprivileged, read-only, with settings that exist", () => {
  const compose = readFileSync("deploy/compose.yaml", "utf8");
  const kubernetes = readFileSync("deploy/kubernetes.yaml", "utf8");
  assert.match(compose, /^ +read_only: true$/m);
  assert.match(compose, new RegExp(`^ +test: \\[CMD, /${NAME}, healthcheck\\]$`, "m"));
  assert.match(kubernetes, /^ +readOnlyRootFilesystem: true$/m);
  assert.match(kubernetes, new RegExp(`^ +image: .*/${NAME}:${VERSION}$`, "m"));
  const help = run(`target/x86_64-unknown-linux-musl/gateway/${NAME}`, ["--help"]);
  const names = [compose, kubernetes].flatMap((text) => text.match(/ZULIP_PRESENCE_\w+/g));
  assert.ok(names.length >= 5);
  for (const name of names) assert.ok(help.includes(`[env: ${name}=`), name);
});
