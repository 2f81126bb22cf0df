// Writes the people of the demo organisation into index.html, so that page and gateway list the same ones. With --check it only checks
// whether they do.

import { readFile, writeFile } from "node:fs/promises";

const PAGE = "index.html";
const PEOPLE = "zulip-simulator/demo-people.tsv";
const HUES = 10;

const people = parse(await readFile(PEOPLE, "utf8"));
const page = await readFile(PAGE, "utf8");
const wanted = [
  ["departments", departments()],
  ["people", sections()],
].reduce((html, [name, rows]) => between(html, name, rows), page);

if (process.argv.includes("--check")) {
  if (page !== wanted) {
    console.error(`${PAGE} and ${PEOPLE} differ: run node tools/generate-demo-page.mjs`);
    process.exitCode = 1;
  }
} else if (page !== wanted) {
  await writeFile(PAGE, wanted);
}

function parse(tsv) {
  const [header, ...rows] = tsv.trimEnd().split("\n");
  const names = header.split("\t");
  return rows.map((row) =>
    Object.fromEntries(row.split("\t").map((value, i) => [names[i], value])),
  );
}

function byDepartment() {
  const names = [...new Set(people.map((person) => person.department))];
  return names.map((name) => [name, people.filter((person) => person.department === name)]);
}

function departments() {
  return [
    "<ul>",
    ...byDepartment().map(
      ([name, { length }]) =>
        `  <li><a href="#${slug(name)}">${name} <span>${length}</span></a></li>`,
    ),
    "</ul>",
  ];
}

function sections() {
  return byDepartment().flatMap(([name, members]) => [
    `<section class="department" aria-labelledby="${slug(name)}">`,
    "  <header>",
    `    <h2 id="${slug(name)}">${name}</h2>`,
    `    <p>First ask <zulip-presence user="${members[0].email}" name="${members[0].full_name}" details>${members[0].full_name}</zulip-presence></p>`,
    "  </header>",
    '  <ul class="people">',
    ...members.flatMap(card),
    "  </ul>",
    "</section>",
  ]);
}

function card({ user_id, full_name, role }) {
  return [
    '    <li class="person">',
    `      <zulip-presence user="${user_id}" overlay><span class="avatar hue-${user_id % HUES}" aria-hidden="true">${initials(full_name)}</span></zulip-presence>`,
    `      <p><b>${full_name}</b> <span>${role}</span></p>`,
    "    </li>",
  ];
}

function initials(name) {
  const words = name.split(" ");
  return words[0][0] + words.at(-1)[0];
}

function slug(name) {
  return name.toLowerCase();
}

/** The lines between `<!-- name -->` and `<!-- /name -->`, indented as the first of the two. */
function between(html, name, lines) {
  const marked = new RegExp(`^( *)<!-- ${name} -->\n[^]*?<!-- /${name} -->`, "m");
  if (!marked.test(html)) throw new Error(`${PAGE} has no <!-- ${name} --> … <!-- /${name} -->`);
  return html.replace(marked, (_, indent) =>
    [`<!-- ${name} -->`, ...lines, `<!-- /${name} -->`].map((line) => indent + line).join("\n"),
  );
}
