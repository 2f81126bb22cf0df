// The image, unpacked and run as container engines do it.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cleanup, Program, freePort, run, startGateway } from "../processes.mjs";
import { ACCOUNT, NAME, VERSION, packaged, serves } from "./release.mjs";

const cleanup = new Cleanup();
const archive = packaged(/\.oci\.tar$/);
let layout, bundle, state;

before(async () => {
  const directory = await cleanup.directory();
  layout = join(directory, "layout");
  bundle = join(directory, "bundle");
  state = join(directory, "runc");
  run("mkdir", [layout]);
  run("tar", ["-xf", archive, "-C", layout]);
});
after(() => cleanup.stop());

const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const blob = (digest) => join(layout, "blobs", ...digest.split(":"));

test("its digests are right, and its names are those of the release", () => {
  const { manifests } = json(join(layout, "index.json"));
  assert.deepEqual(
    manifests.map(({ annotations }) => annotations["org.opencontainers.image.ref.name"]),
    [`localhost/${NAME}:${VERSION}`, `localhost/${NAME}:latest`],
  );
  const manifest = json(blob(manifests[0].digest));
  for (const { digest, size } of [manifests[0], manifest.config, ...manifest.layers]) {
    const path = blob(digest);
    assert.equal(run("sha256sum", [path]).split(" ")[0], digest.replace("sha256:", ""));
    assert.equal(readFileSync(path).length, size);
  }
  const { config, architecture, os } = json(blob(manifest.config.digest));
  assert.deepEqual([architecture, os], ["amd64", "linux"]);
  assert.equal(config.User, "65534:65534");
  assert.deepEqual(config.Entrypoint, [`/${NAME}`]);
  assert.deepEqual(Object.keys(config.ExposedPorts), ["8640/tcp"]);
  assert.equal(config.Cmd, undefined);
});

test("Docker's own list names the same tags, configuration and layers, which are in the archive", () => {
  const { manifests } = json(join(layout, "index.json"));
  const { config, layers } = json(blob(manifests[0].digest));
  const list = json(join(layout, "manifest.json"));
  assert.equal(list.length, 1);
  const [{ Config, RepoTags, Layers }] = list;
  assert.deepEqual(
    RepoTags,
    manifests.map(({ annotations }) => annotations["org.opencontainers.image.ref.name"]),
  );
  const path = (name) => join(layout, name);
  assert.deepEqual(
    [Config, ...Layers].map(path),
    [config, ...layers].map((one) => blob(one.digest)),
  );
  // Docker refuses an image with another number of layers than its configuration has.
  assert.equal(json(path(Config)).rootfs.diff_ids.length, Layers.length);
});

test("there is nothing in it but the program, certificates and a user", () => {
  // umoci's own tags have no slashes.
  const index = json(join(layout, "index.json"));
  index.manifests = [
    { ...index.manifests[0], annotations: { "org.opencontainers.image.ref.name": "this" } },
  ];
  writeFileSync(join(layout, "index.json"), JSON.stringify(index));
  run("umoci", ["unpack", "--image", `${layout}:this`, bundle]);
  const files = run("find", [join(bundle, "rootfs"), "-type", "f", "-printf", "%P %m\n"]);
  assert.deepEqual(files.trim().split("\n").sort(), [
    "etc/group 644",
    "etc/passwd 644",
    "etc/ssl/certs/ca-certificates.crt 644",
    `${NAME} 755`,
  ]);
});

test("it runs without rights on a read-only root, and says how it is", async () => {
  const port = await freePort();
  const zulip = await freePort();
  await startGateway(cleanup, ["--demo", "--demo-listen", `127.0.0.1:${zulip}`]);
  const zuliprc = join(bundle, "zuliprc");
  writeFileSync(zuliprc, `${ACCOUNT}site=http://127.0.0.1:${zulip}\n`, { mode: 0o444 });

  const path = join(bundle, "config.json");
  const spec = json(path);
  assert.deepEqual([spec.process.user.uid, spec.process.user.gid], [65_534, 65_534]);
  assert.deepEqual(spec.process.args, [`/${NAME}`]);
  spec.process.env.push(
    `ZULIP_PRESENCE_LISTEN=127.0.0.1:${port}`,
    "ZULIP_PRESENCE_CONFIG_FILE=/run/secrets/zuliprc",
  );
  // As deploy/compose.yaml has it; the network is this machine's, so that the test can send requests.
  spec.process.terminal = false;
  spec.process.noNewPrivileges = true;
  spec.process.capabilities = {};
  spec.root.readonly = true;
  spec.mounts.push({
    destination: "/run/secrets/zuliprc",
    type: "bind",
    source: zuliprc,
    options: ["bind", "ro"],
  });
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "network");
  writeFileSync(path, JSON.stringify(spec));

  const id = `zulip-presence-test-${process.pid}`;
  const runc = (...args) => ["--root", state, ...args];
  const container = new Program("runc", runc("run", "--bundle", bundle, id));
  cleanup.add(() => container.stop());
  await container.match(/listening on http:\/\//);
  await serves(port);
  run("runc", runc("exec", id, `/${NAME}`, "healthcheck"));
  container.kill("SIGTERM");
  assert.equal(await container.ended(), 0, container.output);
});
