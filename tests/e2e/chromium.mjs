// The browser of the machine: Playwright's own download is not needed.

import { execFileSync } from "node:child_process";

export const CHROMIUM =
  process.env.CHROMIUM ??
  execFileSync("bash", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();

export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
