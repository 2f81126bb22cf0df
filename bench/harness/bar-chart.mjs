// The chart: how long until all badges are correct, one panel for each n, every panel on its own scale.

import { PAGES } from "./pages.mjs";
import { middle } from "./report.mjs";

const WIDTH = 760;
const LABEL = 210;
const BAR = 14;
const STEP = 20;
const HEAD = 34;
const FOOT = 10;
/** Bars longer than this many times the median bar are cut off. */
const CUT = 4;

export function bars(title, rows, names) {
  const panels = [];
  let top = 30;
  for (const n of Object.keys(rows)) {
    const measured = names
      .map((name) => ({ name, ms: middle(rows[n][name], "correctMs") }))
      .filter(({ ms }) => ms !== undefined);
    if (!measured.length) continue;
    const sorted = measured.map(({ ms }) => ms).sort((a, b) => a - b);
    const most = Math.min(sorted.at(-1), sorted[Math.floor(sorted.length / 2)] * CUT);
    panels.push(
      `<text class="head" x="0" y="${top + 20}">n = ${Number(n).toLocaleString("en")}</text>`,
      ...measured.map(({ name, ms }, at) => bar(name, ms, most, top + HEAD + at * STEP)),
    );
    top += HEAD + measured.length * STEP + FOOT;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-label="${title}">
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.head { font-weight: 600 }
rect { fill: #8c959f }
.ours { fill: #2e9150 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } rect { fill: #6e7681 } .ours { fill: #43a35e } }
</style>
<text class="head" x="0" y="14">${title}</text>
${panels.join("\n")}
</svg>
`;
}

function bar(name, ms, most, y) {
  const room = WIDTH - LABEL - 70;
  const width = (Math.min(ms, most) / most) * room;
  const cut = ms > most ? " →" : "";
  return [
    `<text x="${LABEL - 8}" y="${y + 11}" text-anchor="end">${PAGES[name].short ?? PAGES[name].title}</text>`,
    `<rect${name === "ours" ? ' class="ours"' : ""} x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
    `<text x="${(LABEL + width + 6).toFixed(1)}" y="${y + 11}">${Math.round(ms).toLocaleString("en")} ms${cut}</text>`,
  ].join("\n");
}
