// A wiki of Debian's DokuWiki in a folder of its own.

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PhpServer } from "./php.mjs";

const SOURCE = "/usr/share/dokuwiki";
const CONFIGURATION = "/etc/dokuwiki";
/** The folders of DokuWiki's data. */
const FOLDERS = [
  "attic",
  "cache",
  "index",
  "locks",
  "log",
  "media",
  "media_attic",
  "media_meta",
  "meta",
  "pages",
  "tmp",
];

export class DokuWiki {
  #folder;
  #server;

  /** `settings` are lines of local.php, those of the integration included. */
  async start(plugin, settings) {
    this.#folder = await mkdtemp(join(tmpdir(), "zulip-presence-dokuwiki-"));
    const program = join(this.#folder, "program");
    const configuration = join(this.#folder, "conf");
    const data = join(this.#folder, "data");
    await cp(SOURCE, program, { recursive: true, dereference: true });
    await cp(CONFIGURATION, configuration, {
      recursive: true,
      // Without the account files that Debian's own set-up may have created for another wiki.
      filter: (path) => !/(?:acl|users)\.auth\.php$/.test(path),
    });
    await Promise.all(FOLDERS.map((name) => mkdir(join(data, name), { recursive: true })));
    await cp(plugin, join(program, "lib/plugins/zulippresence"), { recursive: true });
    await writeFile(
      join(program, "inc/preload.php"),
      `<?php define('DOKU_CONF', '${configuration}/');`,
    );
    await writeFile(
      join(configuration, "local.php"),
      `<?php
$conf['savedir'] = '${data}';
$conf['title'] = 'Wiki';
$conf['useacl'] = 0;
${settings}
`,
    );
    this.#server = await new PhpServer().start(program);
    return this;
  }

  page(id, query = "") {
    return `${this.#server.url}/doku.php?id=${id}${query}`;
  }

  async write(id, text) {
    await writeFile(this.#path(id), text);
  }

  async read(id) {
    return readFile(this.#path(id), "utf8");
  }

  async stop() {
    await this.#server?.stop();
    await rm(this.#folder, { recursive: true });
  }

  #path(id) {
    return join(this.#folder, "data/pages", `${id}.txt`);
  }
}
