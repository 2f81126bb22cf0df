// The gateway in a company's network: Zulip is reached only through a forward proxy (Squid) that requires a password,
// and its certificate is from a private CA.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { Cleanup, GATEWAY, Program, certificates, freePort, program } from "../processes.mjs";
import { run, startGateway, until } from "../processes.mjs";

/** Only Squid can resolve it. */
const ZULIP = "zulip.invalid";
const PASSWORD = "s3cret of the proxy";

const cleanup = new Cleanup();
/** The gateways of the current test. */
const gateways = new Cleanup();
let directory, tls, zulip, squid;

before(async () => {
  directory = await cleanup.directory();
  tls = certificates(directory, [ZULIP, "127.0.0.1"]);
  zulip = await startZulip();
  squid = await startSquid(await freePort());
});
afterEach(() => gateways.stop());
after(() => cleanup.stop());

/** The simulated Zulip, behind TLS. */
async function startZulip() {
  const port = await freePort();
  await startGateway(cleanup, ["--demo", "--demo-listen", `127.0.0.1:${port}`]);
  const options = { cert: await readFile(tls.certificate), key: await readFile(tls.key) };
  const server = createTlsServer(options, (socket) => {
    const upstream = connect(port, "127.0.0.1");
    socket.pipe(upstream).pipe(socket);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ])
      one.on("error", () => other.destroy());
  });
  // Clients that do not trust the certificate close the connection.
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.add(() => server.close());
  return { port: server.address().port };
}

async function startSquid(port) {
  // Squid drops root's privileges.
  const own = await cleanup.directory();
  await chmod(own, 0o777);
  const path = (name) => join(own, name);
  const hash = run("openssl", ["passwd", "-apr1", PASSWORD]).trim();
  await writeFile(path("passwords"), `gateway:${hash}\n`);
  await writeFile(path("hosts"), `127.0.0.1 ${ZULIP}\n`);
  await writeFile(
    path("squid.conf"),
    `http_port 127.0.0.1:${port}
     auth_param basic program /usr/lib/squid/basic_ncsa_auth ${path("passwords")}
     auth_param basic realm proxy
     acl authenticated proxy_auth REQUIRED
     http_access allow authenticated
     http_access deny all
     hosts_file ${path("hosts")}
     dns_nameservers 127.0.0.1
     access_log stdio:${path("access.log")}
     cache_log ${path("cache.log")}
     pid_filename ${path("pid")}
     coredump_dir ${own}
     cache deny all
     netdb_filename none
     pinger_enable off
     shutdown_lifetime 0 seconds
     via off\n`,
  );
  const child = new Program(program("squid"), ["-N", "-f", path("squid.conf")]);
  cleanup.add(() => child.stop("SIGKILL"));
  await child.listening(port);
  const log = () => readFile(path("access.log"), "utf8");
  const tunnel = new RegExp(`/200 .* CONNECT ${ZULIP}:${zulip.port} gateway `, "g");
  return { port, log, tunnels: async () => ((await log()).match(tunnel) ?? []).length };
}

const proxyUrl = (password = PASSWORD) =>
  `http://gateway:${encodeURIComponent(password)}@127.0.0.1:${squid.port}`;

let zuliprcs = 0;
async function zuliprc({ host = ZULIP, bundle = tls.ca } = {}) {
  zuliprcs += 1;
  const path = join(directory, `zuliprc-${zuliprcs}`);
  await writeFile(
    path,
    "[api]\nemail=presence-bot@example.com\nkey=simulated\n" +
      `site=https://${host}:${zulip.port}\n${bundle ? `cert_bundle=${bundle}\n` : ""}`,
  );
  return path;
}

/** A gateway by this zuliprc and environment, and the status of its first reply about somebody. */
async function gatewayWith(env, account) {
  const args = ["--config-file", await zuliprc(account)];
  const gateway = await startGateway(gateways, args, { env });
  return { gateway, status: await statusOf(gateway) };
}

async function statusOf(gateway) {
  const url = `http://127.0.0.1:${gateway.port}/api/v1/users/12/presence`;
  const reply = await fetch(url);
  const body = await reply.text();
  if (reply.status === 200) assert.match(body, /"active_timestamp"/);
  return reply.status;
}

async function doctor(env, account) {
  const args = ["doctor", "--config-file", await zuliprc(account)];
  const child = new Program(GATEWAY, args, { env });
  return { status: await child.ended(), report: child.output };
}

for (const name of ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
  test(`Zulip is reached through ${name}`, async () => {
    const { gateway, status } = await gatewayWith({ [name]: proxyUrl() });
    assert.equal(status, 200);
    // Squid logs a tunnel when it ends.
    const before = await squid.tunnels();
    await gateway.stop();
    await until(async () => (await squid.tunnels()) > before, "the tunnel in Squid's log");
    const examined = await doctor({ [name]: proxyUrl() });
    assert.equal(examined.status, 0, examined.report);
  });

for (const [what, url] of [
  ["no password", () => `http://127.0.0.1:${squid.port}`],
  ["a wrong password", () => proxyUrl("wr0ng of the proxy")],
])
  test(`${what} for the proxy: 407 is in the log and in doctor's report`, async () => {
    const { gateway, status } = await gatewayWith({ HTTPS_PROXY: url() });
    assert.equal(status, 503);
    await gateway.match(/407/);
    const examined = await doctor({ HTTPS_PROXY: url() });
    assert.equal(examined.status, 1);
    assert.match(examined.report, /407/);
    for (const output of [gateway.output, examined.report])
      assert.doesNotMatch(output, /wr0ng|Z2F0ZXdheT/, "the password, plain or in base64");
  });

test("a Zulip on this machine is not asked through the proxy", async () => {
  const before = await squid.log();
  const { status } = await gatewayWith({ HTTPS_PROXY: proxyUrl() }, { host: "127.0.0.1" });
  assert.equal(status, 200);
  assert.equal(await squid.log(), before);
});

test("NO_PROXY names what is asked without the proxy", async () => {
  const before = await squid.log();
  const { status } = await gatewayWith({ HTTPS_PROXY: proxyUrl(), NO_PROXY: ".invalid" });
  assert.equal(status, 503, "only the proxy can resolve the name");
  assert.equal(await squid.log(), before);
});

test("a proxy that was down is used once it is there", async () => {
  const port = await freePort();
  const url = `http://gateway:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`;
  const { gateway, status } = await gatewayWith({ HTTPS_PROXY: url });
  assert.equal(status, 503);
  await startSquid(port);
  await until(async () => (await statusOf(gateway)) === 200, "a reply");
});

for (const [what, env, bundle, expected] of [
  ["nobody vouches for the private CA", () => ({}), null, 503],
  ["the zuliprc's cert_bundle does", () => ({}), () => tls.ca, 200],
  ["the system's certificates do (SSL_CERT_FILE)", () => ({ SSL_CERT_FILE: tls.ca }), null, 200],
])
  test(`private CA: ${what}`, async () => {
    const account = { host: "127.0.0.1", bundle: bundle?.() };
    const { gateway, status } = await gatewayWith(env(), {
      ...account,
      bundle: account.bundle ?? "",
    });
    assert.equal(status, expected, gateway.output);
    const examined = await doctor(env(), { ...account, bundle: account.bundle ?? "" });
    assert.equal(examined.status, expected === 200 ? 0 : 1, examined.report);
    if (expected !== 200)
      for (const output of [gateway.output, examined.report]) assert.match(output, /certificate/i);
  });
