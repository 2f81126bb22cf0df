// The measurements as Markdown: the goals with met or missed, then the tables.

import { BARE, CARDS_IN_VIEW, PAGES } from "./pages.mjs";

const KB = 1000;
const KIB = 1024;
const LINE_TITLES = {
  loopback: "Loopback",
  "4g": "Emulated 4G (150 ms, 1.6 Mb/s), CPU slowed down 4 times",
};

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function middle(samples, key) {
  return samples?.length ? median(samples.map((sample) => sample[key])) : undefined;
}

export function report(run) {
  return [
    "<!-- markdownlint-disable line-length -->",
    "",
    "# Side by side with the peers",
    "",
    "Written by `make bench`; what it does is in [README.md](README.md), what was tried to get here in [NOTES.md](NOTES.md).",
    "",
    ...run.machine.map((line) => `- ${line}`),
    `- ${run.rounds} rounds, medians; fewer where it says so`,
    "",
    ...directories(run),
    ...repeated(run),
    ...goals(run),
    ...Object.keys(run.loads).flatMap((line) => tables(run, line)),
    ...steady(run),
  ].join("\n");
}

/** The headline. */
function directories({ directory }) {
  if (!directory) return [];
  const time = (samples) => middle(samples, "correctMs");
  return [
    "## All badges in view correct",
    "",
    `A directory of cards of 80 px, of which ${CARDS_IN_VIEW} are in view; loopback. Milliseconds until all badges in view are correct; for the page without badges until it is painted whole. In brackets: against that page.`,
    "",
    `| page | ${Object.keys(directory)
      .map((n) => `${Number(n).toLocaleString("en")} people`)
      .join(" | ")} |`,
    `|---|${Object.keys(directory)
      .map(() => "--:|")
      .join("")}`,
    ...["ours", "vanilla", "bare"].map((name) => {
      const cells = Object.values(directory).map(
        (results) =>
          `${time(results[name]).toFixed(0)} (${(time(results[name]) / time(results.bare)).toFixed(2)})`,
      );
      return `| ${(PAGES[name] ?? BARE).title} | ${cells.join(" | ")} |`;
    }),
    "",
  ];
}

/** The same page visited again: what most readers of a directory do. */
function repeated({ pages, repeated: sizes }) {
  if (!sizes) return [];
  const time = (samples) => middle(samples, "correctMs");
  const cell = (results, name) => {
    const value = time(results[name]);
    if (value === undefined) return "";
    const ratio = value / time(results.vanilla);
    return `${value.toFixed(0)} (${ratio ? ratio.toFixed(2) : "–"}), ${middle(results[name], "scriptMs").toFixed(0)}`;
  };
  const columns = Object.keys(sizes).map((n) => `n = ${Number(n).toLocaleString("en")}`);
  return [
    "## A repeated visit",
    "",
    "The third visit and later ones, loopback: scripts come from the browser's caches, pages and replies from the server. Milliseconds until all badges are correct, in brackets against the baseline in groups of 500; then milliseconds of script.",
    "",
    `| page | ${columns.join(" | ")} |`,
    `|---|${columns.map(() => "--:|").join("")}`,
    ...Object.keys(pages).map(
      (name) =>
        `| ${PAGES[name].title} | ${Object.values(sizes)
          .map((results) => cell(results, name))
          .join(" | ")} |`,
    ),
    "",
  ];
}

function goals(run) {
  const rows = goalRows(run).filter(([, , , value]) => Number.isFinite(value));
  if (!rows.length) return [];
  return [
    "## The goals",
    "",
    "| | goal | at most | measured | |",
    "|---|--:|--:|--:|---|",
    ...rows.map(([what, goal, most, value, write]) => {
      const by = `${Math.abs((value / goal - 1) * 100).toFixed(0)} %`;
      const verdict =
        value <= goal
          ? "**met**"
          : `${value <= most ? "missed, within the bound" : "**missed**"}${goal ? `, by ${by}` : ""}`;
      return `| ${what} | ${write(goal)} | ${write(most)} | ${write(value)} | ${verdict} |`;
    }),
    "",
  ];
}

/** Rows of name, goal, bound, measured value and its format. */
function goalRows({ sizes, loads, repeated, steady: polls, requests, directory }) {
  const lines = { ...loads, repeated };
  const at = (line, n, page, key) => middle(lines[line]?.[n]?.[page], key);
  const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  const bytes = (value) => `${Math.floor(value).toLocaleString("en")} B`;
  const kib = (value) => `${(value / KIB).toFixed(2)} KiB`;
  const count = (value) => String(Math.round(value * 10) / 10);
  const against = (title, line, n, key, page, goal, most) => {
    const baseline = at(line, n, page, key);
    return [title, baseline * goal, baseline * most, at(line, n, "ours", key), ms];
  };
  const memory = (page) =>
    at("loopback", 5000, page, "heapBytes") + at("loopback", 5000, page, "wasmBytes");
  const same = polls?.ours?.same;
  const inDirectory = (name) => middle(directory?.[5000]?.[name], "correctMs");
  return [
    ["loader + glue + wasm, brotli, stable compiler", 90_000, 90_000, sizes?.total, bytes],
    [
      "directory of 5,000, all in view correct, over the page without badges",
      inDirectory("bare") * 2,
      inDirectory("bare") * 2,
      inDirectory("ours"),
      ms,
    ],
    against(
      "all painted (unknown), n = 200, 4G, over the baseline",
      "4g",
      200,
      "paintedMs",
      "vanilla",
      1.1,
      1.25,
    ),
    ...[
      ["loopback", 200, 1.25],
      ["repeated", 200, 1.25],
      ["loopback", 1000, 1.4],
      ["4g", 1, 1.6],
    ].map(([line, n, goal]) =>
      against(
        `all correct, ${{ loopback: "loopback", repeated: "a repeated visit", "4g": "4G" }[line]}, n = ${n.toLocaleString("en")}, ${goal} × the baseline`,
        line,
        n,
        "correctMs",
        "vanilla",
        goal,
        goal,
      ),
    ),
    against(
      "all correct, loopback, n = 200, Fluent React 18",
      "loopback",
      200,
      "correctMs",
      "fluent-18",
      1,
      1,
    ),
    against(
      "all correct, loopback, n = 1,000, baseline in groups of 50",
      "loopback",
      1000,
      "correctMs",
      "vanilla-50",
      1.5,
      1.8,
    ),
    against(
      "all correct, loopback, n = 1,000, Fluent React 18",
      "loopback",
      1000,
      "correctMs",
      "fluent-18",
      1,
      1,
    ),
    against(
      "all correct, 4G, n = 200, Fluent React 18",
      "4g",
      200,
      "correctMs",
      "fluent-18",
      1,
      1.1,
    ),
    [
      "longest task, loopback, n = 1,000",
      60,
      60,
      at("loopback", 1000, "ours", "longestTaskMs"),
      ms,
    ],
    [
      "memory per badge over the baseline, n = 5,000",
      1.5 * KIB,
      3 * KIB,
      (memory("ours") - memory("vanilla")) / 5000,
      kib,
    ],
    ["DOM writes of a poll without change, n = 1,000", 0, 0, same?.writes, count],
    ["script of a poll without change, n = 1,000", 8, 8, same?.scriptMs, ms],
    ["requests a minute, n = 1,000, 50 in view", 2.2, 2.2, requests?.ours?.["50 in view"], count],
    ["requests a minute, n = 1,000, all in view", 4.4, 6.6, requests?.ours?.["all in view"], count],
  ];
}

function tables(run, line) {
  const rows = run.loads[line];
  return [
    `## ${LINE_TITLES[line]}`,
    "",
    ...(run.pictures ? [`![All badges correct, by page](${run.pictures[line]})`, ""] : []),
    ...Object.keys(rows).flatMap((n) => [
      `### n = ${Number(n).toLocaleString("en")}`,
      "",
      "| page | script, wasm KB | all KB | first painted ms | all painted ms | all correct ms (quartiles) | longest task ms | script ms | JS heap + wasm MB | DOM MB | layouts |",
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
      ...Object.keys(run.pages).map((name) => row(run, rows[n], name)),
      "",
    ]),
  ];
}

function row({ pages, rounds }, measured, name) {
  const { title } = PAGES[name];
  const samples = measured[name] ?? [];
  if (!samples.length) {
    const why = pages[name].failure
      ? `cannot be built: ${pages[name].failure}`
      : (PAGES[name].why ?? "not done in 4 minutes");
    return `| ${title} | ${why.replaceAll("|", "\\|")} | | | | | | | | | |`;
  }
  const number = (key, unit = 1, digits = 0) => (middle(samples, key) / unit).toFixed(digits);
  const correctTimes = samples.map(({ correctMs }) => correctMs).sort((a, b) => a - b);
  const quartile = (at) => correctTimes[Math.round((correctTimes.length - 1) * at)].toFixed(0);
  const few = samples.length < rounds ? ` (${samples.length} of ${rounds} rounds)` : "";
  const memory = median(samples.map(({ heapBytes, wasmBytes }) => heapBytes + wasmBytes));
  return `| ${[
    title + few,
    number("codeBytes", KB, 1),
    number("wireBytes", KB, 1),
    number("firstMs"),
    number("paintedMs"),
    `${number("correctMs")} (${quartile(0.25)}–${quartile(0.75)})`,
    number("longestTaskMs"),
    number("scriptMs"),
    (memory / 1e6).toFixed(2),
    number("domBytes", 1e6, 2),
    number("layouts"),
  ].join(" | ")} |`;
}

function steady({ steady: polls, requests }) {
  const lines = [];
  if (polls) {
    lines.push(
      "## Steady state, n = 1,000, all in view",
      "",
      "One poll of all groups (interval 15 s): medians of three, and the most DOM writes. Allocated: JavaScript, sampled; wasm: by how much its memory grew.",
      "",
      "| page | poll | DOM writes | script ms | main thread ms | allocated KB | wasm grew KB |",
      "|---|---|--:|--:|--:|--:|--:|",
    );
    const titles = { same: "nothing changed", changed: "10 % changed" };
    for (const [name, kinds] of Object.entries(polls)) {
      for (const [kind, poll] of Object.entries(kinds)) {
        lines.push(
          `| ${PAGES[name].title} | ${titles[kind]} | ${poll.writes} | ${poll.scriptMs.toFixed(1)} | ${poll.busyMs.toFixed(0)} | ${(poll.allocatedBytes / KB).toFixed(0)} | ${(poll.wasmGrownBytes / KB).toFixed(0)} |`,
        );
      }
    }
    lines.push("");
  }
  if (requests) {
    const cases = Object.keys(Object.values(requests)[0]);
    lines.push(
      "## Requests a minute, 1,000 people on the page, interval 30 s",
      "",
      `| page | ${cases.join(" | ")} |`,
      `|---|${cases.map(() => "--:|").join("")}`,
      ...Object.entries(requests).map(
        ([name, counts]) =>
          `| ${PAGES[name].title} | ${cases.map((title) => counts[title].toFixed(1)).join(" | ")} |`,
      ),
      "",
    );
  }
  return lines;
}
