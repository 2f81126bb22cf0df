// Loads pages in Firefox, beside the hand-written baseline: a first visit in a browser that was just started, then repeated ones. Prints
// medians. In the environment: ROUNDS=5  N=1,200,1000

import { Firefox } from "../tests/firefox/firefox.mjs";
import { lay } from "./harness/build.mjs";
import { EARLIER_VISITS, probeOf } from "./harness/load.mjs";
import { html, PAGES } from "./harness/pages.mjs";
import { median } from "./harness/report.mjs";
import { Server } from "./harness/server.mjs";

const { ROUNDS = "5", N = "1,200,1000" } = process.env;
const NAMES = ["ours", "vanilla"];

const server = await new Server().start();
for (const name of NAMES) await lay(server, name, PAGES[name]);
let version;
const measured = {};
for (const n of N.split(",").map(Number)) {
  for (const name of NAMES) {
    // WebDriver runs nothing before a page's own scripts: the probe is one of them.
    const page = html(PAGES[name], n).replace(
      "<style>",
      `<script>${probeOf(PAGES[name], n)}</script><style>`,
    );
    await server.add(`/${name}/${n}.html`, Buffer.from(page));
  }
  for (let round = 0; round < Number(ROUNDS); round += 1) {
    for (const name of NAMES) {
      const times = await visits(`${server.origin}/${name}/${n}.html`);
      for (const [visit, ms] of [
        ["first", times[0]],
        ["repeated", times.at(-1)],
      ])
        ((measured[`n = ${n}, ${visit} visit`] ??= {})[name] ??= []).push(ms);
    }
  }
}
await server.stop();

console.log(`${version}; ms until all badges are correct, medians of ${ROUNDS}`);
for (const [what, { ours, vanilla }] of Object.entries(measured)) {
  const ratio = (median(ours) / median(vanilla)).toFixed(2);
  console.log(`${what}: ${median(ours)} (${ratio} × the baseline's ${median(vanilla)})`);
}

async function visits(url) {
  const firefox = await new Firefox().start();
  version = firefox.version;
  const times = [];
  while (times.length <= EARLIER_VISITS) {
    await firefox.open(url);
    times.push(await firefox.run("return bench.done.then((measured) => measured.correct_all)"));
  }
  await firefox.stop();
  return times;
}
