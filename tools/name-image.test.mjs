import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cleanup } from "../tests/processes.mjs";

const NAMES = ["localhost/gateway:1.2.3", "localhost/gateway:latest"];

const cleanup = new Cleanup();
after(() => cleanup.stop());

let layout, config, layers, manifest;

/** Writes a blob, and returns what names it. */
function blob(text) {
  const hex = createHash("sha256").update(text).digest("hex");
  writeFileSync(join(layout, "blobs/sha256", hex), text);
  return { digest: `sha256:${hex}`, size: text.length };
}
const json = (name) => JSON.parse(readFileSync(join(layout, name), "utf8"));

before(async () => {
  layout = await cleanup.directory();
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  config = blob("{}");
  layers = [blob("below"), blob("above")];
  manifest = blob(JSON.stringify({ schemaVersion: 2, config, layers }));
  writeFileSync(join(layout, "index.json"), JSON.stringify({ manifests: [manifest] }));
  execFileSync(process.execPath, ["tools/name-image.mjs", layout, ...NAMES]);
});

test("the index has the image under each name", () => {
  const { manifests } = json("index.json");
  const named = manifests.map(({ digest, annotations }) => [
    digest,
    annotations["org.opencontainers.image.ref.name"],
    annotations["io.containerd.image.name"],
  ]);
  assert.deepEqual(
    named,
    NAMES.map((name) => [manifest.digest, name, name]),
  );
});

test("the list that Docker reads has the names, the configuration and the layers in their order", () => {
  const path = ({ digest }) => `blobs/${digest.replace(":", "/")}`;
  assert.deepEqual(json("manifest.json"), [
    { Config: path(config), RepoTags: NAMES, Layers: layers.map(path) },
  ]);
});
