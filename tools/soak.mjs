// Mixed load on the gateway before a simulated Zulip, for SECONDS (600): Zulip is restarted and stays down, the gateway is killed and
// started under load, 10,000 connections are idle, hostile clients attack. Fails on any error that the fault itself does not explain, and
// on growing memory. Only loopback; it stops everything it started.
// Usage: node tools/soak.mjs SECONDS

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../tests/processes.mjs";

const PROGRAM = process.env.GATEWAY ?? "target/gateway/zulip-presence-gateway";
const SECONDS = Number(process.argv[2] ?? 600);
const CONNECTIONS = 32;
const IDLE = 10_000;
/** Megabytes by which the gateway may grow from its first calm phase to its last: ten bytes a reply. */
const MAX_GROWTH_MB = 12;
/** How often all connections are taken before that, until the allocator has all it needs (observed: no growth after four). */
const REHEARSALS = 6;
/** Seconds in which it must serve again after Zulip is back: it retries after 5 to 10 s. */
const MAX_RECOVERY_S = 30;
const ADA = "/api/v1/users/12/presence";

if (!(SECONDS >= 60)) throw new Error("SECONDS must be 60 at least");
const failures = [];
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

function start(command, args, env = {}) {
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  child.log = "";
  child.stderr.on("data", (text) => (child.log += text));
  child.ended = new Promise((resolve) => child.on("close", resolve)).then(() =>
    running.delete(child),
  );
  return child;
}

const [zulipPort, demoPort, port] = [await freePort(), await freePort(), await freePort()];
const url = `http://127.0.0.1:${port}`;
let zulip, gateway;
const logs = [];

const startZulip = () =>
  (zulip = start(PROGRAM, [
    ...["--demo", "--demo-people", "1000", "--demo-listen", `127.0.0.1:${zulipPort}`],
    ...["--listen", `127.0.0.1:${demoPort}`],
  ]));

function startGateway() {
  const ZULIP_SITE = `http://127.0.0.1:${zulipPort}`;
  gateway = start(
    PROGRAM,
    [
      ...["--listen", `127.0.0.1:${port}`, "--refresh", "10"],
      ...["--allow-origin", "https://wiki.example.com"],
    ],
    { ZULIP_SITE, ZULIP_EMAIL: "presence-bot@example.com", ZULIP_API_KEY: "simulated" },
  );
  logs.push(gateway);
}

async function kill(child) {
  child.kill("SIGKILL");
  await child.ended;
}

async function status(path, timeout = 8_000) {
  try {
    const headers = { connection: "close" };
    const reply = await fetch(url + path, { headers, signal: AbortSignal.timeout(timeout) });
    await reply.arrayBuffer();
    return reply.status;
  } catch {
    return 0;
  }
}

/** Seconds until the gateway answers with presence. */
async function recovery() {
  const since = performance.now();
  while ((await status(ADA)) !== 200) {
    if (performance.now() - since > 1_000 * 2 * MAX_RECOVERY_S)
      throw new Error("it never recovers");
    await sleep(20);
  }
  return (performance.now() - since) / 1_000;
}

async function residentMb() {
  const text = await readFile(`/proc/${gateway.pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function load(seconds) {
  const wrk = spawn(
    "wrk",
    [
      ...["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--timeout", "8s", "--latency"],
      ...["-s", "tools/soak.lua", url],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  running.add(wrk);
  let out = "";
  wrk.stdout.on("data", (text) => (out += text));
  await new Promise((resolve) => wrk.on("close", resolve));
  running.delete(wrk);
  const line = out.split("\n").find((text) => text.startsWith("{"));
  if (!line) throw new Error(`wrk said nothing: ${out}`);
  return JSON.parse(line);
}

/** A new client every quarter of a second; records the longest wait in ms. */
async function probe(state) {
  while (!state.over) {
    const since = performance.now();
    const found = await status(ADA);
    state.slowest = Math.max(state.slowest, performance.now() - since);
    if (found !== 200) state.refused++;
    await sleep(250);
  }
}

const table = new Map();

/** Load for so long, while `trouble` happens. `may`: statuses that it explains; `cuts`: whether it breaks connections. */
async function act(name, seconds, { trouble = async () => {}, may = [], cuts = false } = {}) {
  const state = { over: false, slowest: 0, refused: 0 };
  const probing = probe(state);
  const memory = [];
  const sampling = setInterval(async () => memory.push(await residentMb()), 500);
  const [counts] = await Promise.all([load(Math.max(2, Math.round(seconds))), trouble(seconds)]);
  state.over = true;
  await probing;
  clearInterval(sampling);
  const fail = (what) => failures.push(`${name}: ${what}`);
  for (const [code, count] of Object.entries(counts.came)) {
    if (!(code in counts.asked) && !may.includes(code))
      fail(`${count} replies with status ${code}`);
  }
  if (!cuts) {
    if (counts.socket + counts.timeout > 0)
      fail(`${counts.socket} broken connections, ${counts.timeout} timeouts`);
    if (state.refused > 0) fail(`${state.refused} probes without an answer`);
    for (const [code, count] of Object.entries(counts.asked)) {
      const off = Math.abs(count - (counts.came[code] ?? 0));
      if (off > 2 * CONNECTIONS)
        fail(`${count} requests for a ${code}, ${counts.came[code]} replies with it`);
    }
  }
  const row = table.get(name) ?? {
    seconds: 0,
    replies: 0,
    codes: {},
    broken: 0,
    p99: 0,
    slowest: 0,
    memory: [],
  };
  row.seconds += seconds;
  for (const [code, count] of Object.entries(counts.came)) {
    row.replies += count;
    row.codes[code] = (row.codes[code] ?? 0) + count;
  }
  row.broken += counts.socket + counts.timeout;
  row.p99 = Math.max(row.p99, counts.p99_ms);
  row.slowest = Math.max(row.slowest, state.slowest);
  row.memory.push(...memory);
  table.set(name, row);
  return { memory: median(memory), p99: counts.p99_ms };
}

/** Opens connections, and writes to them what `each` gives; returns a function that ends them. */
async function crowd(count, each) {
  const sockets = [];
  for (let at = 0; at < count; at++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("data", () => {});
    each(socket);
    sockets.push(socket);
    if (at % 50 === 49) await sleep(10);
  }
  return () => sockets.forEach((socket) => socket.destroy());
}

async function openFiles() {
  const limits = await readFile("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
}

const idle = Math.min(IDLE, (await openFiles()) - 500);
const idleCrowd = async (seconds) => {
  const end = await crowd(idle, () => {});
  await sleep(Math.max(0, seconds * 700));
  end();
};

const hostileCrowd = async (seconds) => {
  const dribble = (head, byte) => (socket) => {
    socket.write(head);
    const writing = setInterval(() => (socket.writable ? socket.write(byte) : 0), 500);
    socket.on("close", () => clearInterval(writing));
  };
  const ends = [
    await crowd(200, dribble("GET / HTTP/1.1\r\nX: ", "x")),
    await crowd(50, dribble("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "x")),
    // Sends requests without end, and reads nothing.
    await crowd(20, (socket) => {
      socket.pause();
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20_000));
    }),
  ];
  const floods = [
    "GARBAGE\r\n\r\n",
    "\0".repeat(10_000),
    `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(5_000)}\r\n`,
  ];
  const until = performance.now() + seconds * 700;
  while (performance.now() < until) {
    for (const flood of floods) ends.push(await crowd(20, (socket) => socket.write(flood)));
    ends.push(
      await crowd(20, (socket) =>
        socket.write(`GET /${"../".repeat(5_000)} HTTP/1.1\r\nHost: x\r\n\r\n`),
      ),
    );
    await sleep(100);
    ends.splice(3).forEach((end) => end());
  }
  ends.forEach((end) => end());
};

const zulipOut = (share) => async (seconds) => {
  await sleep(seconds * 150);
  await kill(zulip);
  await sleep(seconds * share * 1_000);
  startZulip();
};

const recoveries = { "gateway killed": [], "gateway killed while Zulip is out": [] };

async function gatewayKilled(seconds) {
  for (let times = 0; times < 3; times++) {
    await sleep(seconds * 150);
    await kill(gateway);
    startGateway();
    recoveries["gateway killed"].push(await recovery());
  }
}

async function bothKilled(seconds) {
  await kill(zulip);
  await kill(gateway);
  startGateway();
  await sleep(seconds * 300);
  startZulip();
  recoveries["gateway killed while Zulip is out"].push(await recovery());
}

const began = performance.now();
startZulip();
startGateway();
await recovery();

// First short runs that end by a kill, then a long one.
const short = Math.max(20, SECONDS * 0.12);
await act("gateway killed", short, { trouble: gatewayKilled, cuts: true });
await act("gateway killed while Zulip is out", short, {
  trouble: bothKilled,
  may: ["503"],
  cuts: true,
});
await kill(gateway);
startGateway();
await recovery();
for (let time = 0; time < REHEARSALS; time++) {
  const end = await crowd(idle, (socket) => socket.write(`GET ${ADA} HTTP/1.1\r\nHost: x\r\n\r\n`));
  await sleep(500);
  end();
  await sleep(500);
}
const left = SECONDS - (performance.now() - began) / 1_000;
const cycles = Math.max(2, Math.floor(left / 75));
const each = left / (5 * cycles + 1);
const calm = [];
for (let cycle = 0; cycle < cycles; cycle++) {
  calm.push(await act("calm", each));
  await act("Zulip restarted", each, { trouble: zulipOut(0.1) });
  await act("Zulip out", each, { trouble: zulipOut(0.7) });
  await act(`${idle} idle connections`, each, { trouble: idleCrowd });
  await act("hostile clients", each, { trouble: hostileCrowd });
}
calm.push(await act("calm", each));

const [first, last] = [calm[0].memory, calm.at(-1).memory];
if (last - first > MAX_GROWTH_MB)
  failures.push(`memory grew from ${first.toFixed(1)} to ${last.toFixed(1)} MB`);
for (const [name, seconds] of Object.entries(recoveries))
  if (Math.max(...seconds) > MAX_RECOVERY_S)
    failures.push(`${name}: serves again after ${Math.max(...seconds)} s`);
const metrics = await (await fetch(`${url}/metrics`)).text();
const upstream = [...metrics.matchAll(/^zulip_presence_upstream_requests_total\{.*\} (\d+)$/gm)];
const life = logs.at(-1);
for (const { log } of logs)
  if (/panicked|ERROR/.test(log)) failures.push(`its log: ${log.slice(0, 2_000)}`);
const minutes = (performance.now() - began) / 60_000;
await kill(gateway);
await kill(zulip);

const columns = [34, 8, 9, 34, 7, 8, 9, 12];
const print = (cells) =>
  console.log(
    cells
      .map((cell, at) =>
        at ? String(cell).padStart(columns[at]) : String(cell).padEnd(columns[at]),
      )
      .join(" "),
  );
print([
  "what happened",
  "seconds",
  "replies",
  "by status",
  "broken",
  "p99 ms",
  "slowest",
  "memory MB",
]);
for (const [name, row] of table) {
  const codes = Object.entries(row.codes).map(([code, count]) => `${code}:${count}`);
  const memory = row.memory.filter((megabytes) => megabytes > 0);
  const range = `${Math.min(...memory).toFixed(0)}-${Math.max(...memory).toFixed(0)}`;
  print([
    name,
    row.seconds.toFixed(0),
    row.replies,
    codes.join(" "),
    row.broken,
    row.p99.toFixed(1),
    row.slowest.toFixed(0),
    range,
  ]);
}
console.log(
  "slowest: the longest that a new client waited, ms; p99: of the worst run; broken: connections of the load",
);
for (const [name, seconds] of Object.entries(recoveries))
  console.log(`${name}: serves again after ${seconds.map((s) => s.toFixed(2)).join(", ")} s`);
console.log(`calm memory: ${calm.map(({ memory }) => memory.toFixed(1)).join(" ")} MB`);
console.log(
  `requests to Zulip in the long life: ${upstream.reduce((sum, [, count]) => sum + Number(count), 0)}`,
);
console.log(`lines of its log: ${life.log.split("\n").length - 1}; ${minutes.toFixed(1)} minutes`);
for (const failure of failures) console.error(`FAILED ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
