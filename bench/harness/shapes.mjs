// The drawings, read from their only source file.

import { readFile } from "node:fs/promises";

const source = await readFile(new URL("../../presence/src/icon.rs", import.meta.url), "utf8");

export const SHAPES = Object.fromEntries(
  ["active", "idle", "offline", "unknown"].map((status) => {
    const arm = new RegExp(`Self::${status} => [{\\s]*"([^"]+)"`, "i");
    return [status, arm.exec(source)[1]];
  }),
);
