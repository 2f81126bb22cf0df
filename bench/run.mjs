// Measures the badge and its peers in one run. Everything at once by default; for a part of it, in the environment:
// ROUNDS=3  N=200,1000  PAGES=ours,vanilla  LINES=loopback,4g  PARTS=directory,loads,repeated,steady,requests
// Only a run of all pages and parts writes RESULTS.md and the pictures; a part is printed.

import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg, totalmem } from "node:os";
import { bars } from "./harness/bar-chart.mjs";
import { lay, versions } from "./harness/build.mjs";
import { Chromium } from "./harness/chromium.mjs";
import { LINES, load, loadAgain, loadDirectory } from "./harness/load.mjs";
import { BARE, PAGES } from "./harness/pages.mjs";
import { report } from "./harness/report.mjs";
import { Server } from "./harness/server.mjs";
import { poll, requests } from "./harness/steady.mjs";

const WATCH_MS = 180_000;
const DIRECTORIES = [100, 1000, 5000];
/** On the slow line, 5,000 badges take longer than all fewer ones together. */
const MOST_ROUNDS = { 5000: 3 };
/** Readers come again to pages of these sizes. */
const REPEATED = [1, 200, 1000];
const { ROUNDS = "7", N, PAGES: ONLY, LINES: ONLY_LINES, PARTS } = process.env;
const rounds = Number(ROUNDS);
const isWhole = !N && !ONLY && !ONLY_LINES && !PARTS;
const sizes = list(N, [1, 50, 200, 1000, 5000]).map(Number);
const names = list(ONLY, Object.keys(PAGES));
const lines = list(ONLY_LINES, Object.keys(LINES));
const parts = list(PARTS, ["directory", "loads", "repeated", "steady", "requests"]);
for (const name of names) if (!PAGES[name]) throw new Error(`PAGES: there is no ${name}`);

const server = await new Server().start();
const browser = await new Chromium().start();
const run = { rounds, pages: {}, loads: {} };
for (const name of names) {
  run.pages[name] = await lay(server, name, PAGES[name]);
  const { bytes, failure } = run.pages[name];
  say(failure ? `${name} cannot be built: ${failure}` : `${name}: ${bytes} bytes, brotli`);
}
if (run.pages.ours?.files) run.sizes = weights(run.pages.ours);
run.machine = await machine();

const built = names.filter((name) => !run.pages[name].failure);
const fetching = built.filter((name) => PAGES[name].fetches);
if (parts.includes("steady")) {
  run.steady = {};
  for (const name of fetching) {
    say(`polls of ${name}`);
    run.steady[name] = await poll(browser, server, name, PAGES[name]);
  }
}
if (parts.includes("requests")) {
  say(`requests, watched for ${WATCH_MS / 1000} s`);
  const pages = Object.fromEntries(fetching.map((name) => [name, PAGES[name]]));
  run.requests = await requests(browser, server, pages, WATCH_MS);
}
if (parts.includes("directory")) await directories();
if (parts.includes("repeated")) await repeated();
if (parts.includes("loads")) await loads();
await browser.stop();
await server.stop();

if (!isWhole) console.log(report(run));

async function write() {
  run.pictures = {};
  for (const line of lines) {
    run.pictures[line] = `${line}.svg`;
    const title = `All badges correct, ms: ${line === "4g" ? "emulated 4G, CPU slowed down 4 times" : "loopback"}`;
    await writeFile(new URL(`${line}.svg`, import.meta.url), bars(title, run.loads[line], names));
  }
  await writeFile(new URL("RESULTS.md", import.meta.url), `${report(run).trimEnd()}\n`);
}

/** The headline: when all badges in view are correct. */
async function directories() {
  const tags = { ours: "zulip-presence", vanilla: "vanilla-presence", bare: undefined };
  run.directory = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const n of DIRECTORIES) {
      const results = (run.directory[n] ??= {});
      for (const [name, tag] of Object.entries(tags)) {
        const page = PAGES[name] ?? BARE;
        (results[name] ??= []).push(await loadDirectory(browser, server, name, page, n, tag));
      }
    }
  }
}

/** Pages that the reader has visited before. */
async function repeated() {
  run.repeated = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const n of N ? sizes : REPEATED) {
      const results = (run.repeated[n] ??= {});
      for (const name of built) {
        const page = PAGES[name];
        const samples = (results[name] ??= []);
        if (round >= (page.mostRounds?.[n] ?? rounds)) continue;
        const measured = await loadAgain(browser, server, name, page, n);
        if (measured) samples.push(measured);
      }
    }
    say(`repeated visits, round ${round + 1} of ${rounds}`);
  }
}

/** In turn, so that whatever disturbs the machine disturbs all of them. Written after every round, so that a run may be ended early. */
async function loads() {
  for (const line of lines) run.loads[line] = Object.fromEntries(sizes.map((n) => [n, {}]));
  for (let round = 0; round < rounds; round += 1) {
    for (const line of lines) {
      for (const n of sizes) {
        for (const name of built) {
          const page = PAGES[name];
          const samples = (run.loads[line][n][name] ??= []);
          if (round >= (page.mostRounds?.[n] ?? MOST_ROUNDS[n] ?? rounds)) continue;
          const measured = await load(browser, server, name, page, n, LINES[line]);
          if (measured) samples.push(measured);
          else say(`${name}, n = ${n}, ${line}: not done`);
        }
      }
    }
    run.rounds = round + 1;
    if (isWhole) await write();
    say(`round ${round + 1} of ${rounds}`);
  }
}

function weights({ files, bytes }) {
  const { "zulip-presence.js": loader, ...others } = files;
  const [, wasm] = Object.entries(others).find(([name]) => name.endsWith(".wasm"));
  return { loader, glue: bytes - loader - wasm, wasm, total: bytes };
}

async function machine() {
  const system = /^PRETTY_NAME="(.*)"/m.exec(
    await readFile("/etc/os-release", "utf8").catch(() => ""),
  );
  const rustc = execFileSync("rustc", ["--version"], { encoding: "utf8" }).split(" ")[1];
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  return [
    `${cpus()[0].model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; ${system?.[1] ?? process.platform}`,
    `${browser.version}, headless; rustc ${rustc}; node ${process.versions.node}`,
    `${(await versions(names.map((name) => PAGES[name]))).join(", ")}; esbuild, minified`,
    `commit ${commit}; load of the machine when it began ${loadavg()[0].toFixed(1)}; every first visit in a new browser context`,
    ...(run.sizes
      ? [
          `ours, brotli: loader ${run.sizes.loader}, glue ${run.sizes.glue}, wasm ${run.sizes.wasm}, together ${run.sizes.total} bytes`,
        ]
      : []),
  ];
}

function list(text, all) {
  return text ? text.split(",") : all;
}

function say(text) {
  console.error(`bench: ${text}`);
}
