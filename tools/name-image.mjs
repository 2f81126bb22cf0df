// Gives the only image of an OCI layout these names, under which podman and docker load it: in index.json, and in
// manifest.json, which Docker reads where it keeps images in its own store.
// Usage: node tools/name-image.mjs LAYOUT NAME...

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [layout, ...names] = process.argv.slice(2);
const path = join(layout, "index.json");
const index = JSON.parse(await readFile(path, "utf8"));
const [image] = index.manifests;
index.manifests = names.map((name) => ({
  ...image,
  annotations: {
    "org.opencontainers.image.ref.name": name,
    "io.containerd.image.name": name,
  },
}));
await writeFile(path, JSON.stringify(index));

const blob = ({ digest }) => `blobs/${digest.replace(":", "/")}`;
const { config, layers } = JSON.parse(await readFile(join(layout, blob(image)), "utf8"));
const list = [{ Config: blob(config), RepoTags: names, Layers: layers.map(blob) }];
await writeFile(join(layout, "manifest.json"), JSON.stringify(list));
