// deploy/compose.yaml and deploy/kubernetes.yaml, checked by their own schemas and against the image.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { run } from "../processes.mjs";
import { NAME, VERSION } from "./release.mjs";

const TOOLS = ".tools/manifests/bin";
const KUBERNETES = ["1.29.0", "1.37.0"];

test("compose.yaml follows the Compose specification", () => {
  run(`${TOOLS}/check-jsonschema`, [
    "--builtin-schema",
    "vendor.compose-spec",
    "deploy/compose.yaml",
  ]);
});

for (const version of KUBERNETES)
  test(`kubernetes.yaml follows the schemas of Kubernetes ${version}`, () => {
    run(`${TOOLS}/kubernetes-validate`, [
      "--strict",
      "--kubernetes-version",
      version,
      "deploy/kubernetes.yaml",
    ]);
  });

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
