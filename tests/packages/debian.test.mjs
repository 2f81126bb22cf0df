// The Debian package, in a scratch root of Debian's stable release.

import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cleanup, Program, freePort, run, startGateway } from "../processes.mjs";
import { ACCOUNT, NAME, VERSION, packaged, serves } from "./release.mjs";

const UNIT = `/usr/lib/systemd/system/${NAME}.service`;
const CONFIG = "/etc/zulip-presence/gateway.env";

const cleanup = new Cleanup();
const deb = packaged(/\.deb$/);
let root;
const inRoot = (...command) =>
  run("chroot", [root, ...command], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
const dpkg = (...args) => inRoot("dpkg", ...args);

before(async () => {
  assert.equal(process.getuid(), 0, "to install in a scratch root, this test runs as root");
  root = join(await cleanup.directory(), "root");
  const suite = /^VERSION_CODENAME=(.+)$/m.exec(readFileSync("/etc/os-release", "utf8"))[1];
  // The machine's own sources of packages.
  run("mmdebstrap", [
    "--quiet",
    "--variant=apt",
    "--include=ca-certificates",
    suite,
    root,
    ...sources(),
  ]);
  copyFileSync(deb, join(root, "gateway.deb"));
});
after(() => cleanup.stop());

function sources() {
  return ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"].filter(
    (path) => existsSync(path) && /^(deb |Types: deb)/m.test(readFileSync(path, "utf8")),
  );
}

test("lintian finds no error", () => {
  // lintian's exit status is 0 without errors; --fail-on error is the default.
  run("lintian", ["--fail-on", "error", "--allow-root", "--no-tag-display-limit", deb]);
});

test("it installs, and starts nothing before it is configured", () => {
  dpkg("--install", "/gateway.deb");
  assert.match(
    dpkg("--status", NAME),
    new RegExp(`^Status: install ok installed[^]*^Version: ${VERSION}-1$`, "m"),
  );
  assert.equal(inRoot(NAME, "--version").trim(), `${NAME} ${VERSION}`);
  assert.ok(!existsSync(join(root, `/etc/systemd/system/multi-user.target.wants/${NAME}.service`)));
  // The password of a proxy may be in it.
  const { uid, mode } = statSync(join(root, CONFIG));
  assert.deepEqual([uid, mode & 0o777], [0, 0o640]);
});

test("the unit starts the installed program and hands over the zuliprc", async () => {
  const unit = readFileSync(join(root, UNIT), "utf8");
  const value = (name) => new RegExp(`^${name}=(.*)$`, "m").exec(unit)[1];
  assert.equal(value("ExecStart"), `/usr/bin/${NAME}`);
  assert.equal(value("EnvironmentFile"), `-${CONFIG}`);
  const copy = join(root, `${NAME}.service`);
  writeFileSync(copy, unit.replace(`/usr/bin/${NAME}`, join(root, `/usr/bin/${NAME}`)));
  run("systemd-analyze", ["verify", "--man=no", copy]);

  // As systemd starts it: with a copy of the zuliprc, and the settings of the configuration file.
  const zulip = await freePort();
  await startDemo(zulip);
  const credentials = join(root, "credentials");
  mkdirSync(credentials);
  writeFileSync(join(credentials, "zuliprc"), `${ACCOUNT}site=http://127.0.0.1:${zulip}\n`);
  writeFileSync(join(root, CONFIG), "ZULIP_PRESENCE_LISTEN=127.0.0.1:0\n", { flag: "a" });
  const env = {};
  for (const [, name, set] of unit.matchAll(/^Environment=([^=]+)=(.*)$/gm))
    env[name] = set.replace("%d", "/credentials");
  for (const [, name, set] of readFileSync(join(root, CONFIG), "utf8").matchAll(
    /^([A-Z_]+)=(.*)$/gm,
  ))
    env[name] = set;
  const gateway = new Program("chroot", ["--userspec=65534:65534", root, value("ExecStart")], {
    env,
  });
  cleanup.add(() => gateway.stop());
  const [, port] = await gateway.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
  await serves(port);
  await gateway.stop();
});

async function startDemo(port) {
  return startGateway(cleanup, ["--demo", "--demo-listen", `127.0.0.1:${port}`]);
}

test("it installs over itself, and a changed configuration stays", () => {
  const before = readFileSync(join(root, CONFIG), "utf8");
  assert.match(before, /^ZULIP_PRESENCE_LISTEN=127\.0\.0\.1:0$/m);
  dpkg("--install", "/gateway.deb");
  assert.equal(readFileSync(join(root, CONFIG), "utf8"), before);
});

test("removal keeps the configuration, purge does not", () => {
  dpkg("--remove", NAME);
  assert.ok(!existsSync(join(root, `/usr/bin/${NAME}`)));
  assert.ok(existsSync(join(root, CONFIG)));
  dpkg("--purge", NAME);
  assert.ok(!existsSync(join(root, CONFIG)));
});
