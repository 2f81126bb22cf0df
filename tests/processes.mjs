// Programs under test: each on free ports of 127.0.0.1, in a directory of its own, stopped by its own process ID.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const GATEWAY = process.env.ZULIP_PRESENCE_GATEWAY ?? "target/debug/zulip-presence-gateway";
export const SIMULATOR = "target/debug/zulip-simulator";

/** Longer than everything that the tests wait for. */
const TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 20;

/** Waits until `condition` returns something, and returns that. */
export async function until(condition, what) {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** What the tests of one file started, stopped in reverse order by `stop()`. */
export class Cleanup {
  #tasks = [];

  add(task) {
    this.#tasks.push(task);
  }

  async directory() {
    const directory = await mkdtemp(join(tmpdir(), "zulip-presence-"));
    // Servers started by root drop its privileges.
    await chmod(directory, 0o755);
    this.add(() => rm(directory, { recursive: true, force: true }));
    return directory;
  }

  async stop() {
    for (const task of this.#tasks.splice(0).reverse()) await task();
  }
}

/** A running program, and its output. */
export class Program {
  #child;
  #output = [];

  constructor(command, args, { env = {}, cwd, stdin = "ignore" } = {}) {
    // Only the search path of the caller's environment: no proxies, no zuliprc.
    this.#child = spawn(command, args, {
      cwd,
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...env },
      stdio: [stdin, "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      createInterface({ input: stream }).on("line", (line) => this.#output.push(line));
    this.#child.on("error", (error) => this.#output.push(String(error)));
  }

  get output() {
    return this.#output.join("\n");
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The first match of `pattern` in the output. */
  async match(pattern) {
    return until(() => {
      const found = pattern.exec(this.output);
      if (!found && this.hasEnded) throw new Error(`ended without ${pattern}:\n${this.output}`);
      return found;
    }, `${pattern} in the output`);
  }

  /** Resolves when something accepts connections at `port`. */
  async listening(port) {
    await until(() => {
      if (this.hasEnded) throw new Error(`ended:\n${this.output}`);
      return accepts(port);
    }, `a listener on ${port}`);
    return this;
  }

  /** To its standard input, which must be a pipe. */
  write(text) {
    this.#child.stdin.write(text);
  }

  kill(signal) {
    this.#child.kill(signal);
  }

  async stop(signal = "SIGTERM") {
    if (this.hasEnded || this.#child.pid === undefined) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }

  /** The exit status. */
  async ended() {
    if (!this.hasEnded) await once(this.#child, "exit");
    return this.#child.exitCode;
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

export async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The gateway; `port` is where it listens. */
export async function startGateway(cleanup, args = ["--demo"], { port = 0, env } = {}) {
  const gateway = new Program(GATEWAY, ["--listen", `127.0.0.1:${port}`, ...args], { env });
  cleanup.add(() => gateway.stop());
  const [, found] = await gateway.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
  gateway.port = Number(found);
  return gateway;
}

/** Runs a command to its end. */
export function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 64 << 20,
    ...options,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** The path of a Debian program, also where /usr/sbin is not on the search path. */
export function program(name) {
  const directories = [...process.env.PATH.split(":"), "/usr/sbin", "/sbin"];
  const found = directories
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));
  if (!found) throw new Error(`${name} is missing: make installs it where there is apt`);
  return found;
}

/** A CA, and a certificate by it for these names. Paths: `ca`, `certificate`, `key`, and `both` in one file. */
export function certificates(directory, names) {
  const openssl = (line) => run("openssl", line.split(" "), { cwd: directory });
  const key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  openssl(`req -x509 ${key} -days 2 -subj /CN=Example-CA -keyout ca.key -out ca.pem`);
  openssl(
    `req -x509 ${key} -days 2 -subj /CN=${names[0]} -CA ca.pem -CAkey ca.key -keyout server.key -out server.pem` +
      ` -addext subjectAltName=${names.map((name) => (/^[\d.]+$/.test(name) ? "IP:" : "DNS:") + name).join(",")}` +
      " -addext basicConstraints=critical,CA:FALSE",
  );
  const path = (name) => join(directory, name);
  run("sh", ["-c", "cat server.pem server.key > both.pem"], { cwd: directory });
  return {
    ca: path("ca.pem"),
    certificate: path("server.pem"),
    key: path("server.key"),
    both: path("both.pem"),
  };
}
