// Checks that every file and test that SECURITY.md names exists: `path`: `name`, `name`; `other/path`.

import { readFile } from "node:fs/promises";

const ROW = /^\|[^|]+\|([^|]+)\|$/;

const text = await readFile("SECURITY.md", "utf8");
const section = text.slice(text.indexOf("## Tests of these measures"));
let count = 0;
for (const line of section.split("\n")) {
  const shown = ROW.exec(line)?.[1];
  if (!shown?.includes("`")) continue;
  for (const part of shown.split(";")) {
    const [path, ...names] = [...part.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    const content = await readFile(path, "utf8").catch(() => undefined);
    const wanted = names.filter((name) => name !== "make audit");
    for (const name of content === undefined
      ? [path]
      : wanted.filter((name) => !has(path, content, name))) {
      console.error(`SECURITY.md: there is no ${name === path ? path : `${name} in ${path}`}`);
      process.exitCode = 1;
    }
    count += names.length;
  }
}
if (count === 0) throw new Error("SECURITY.md names no test");

function has(path, content, name) {
  return content.includes(path.endsWith(".rs") ? `fn ${name}(` : name);
}
