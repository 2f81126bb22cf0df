// A wiki of Debian's MediaWiki, with SQLite, in a folder of its own.

import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PhpServer, php } from "./php.mjs";

const SOURCE = "/usr/share/mediawiki";

export class MediaWiki {
  #folder;
  #server;
  /** Tells MediaWiki where its settings are, once there are any. */
  #environment = {};

  async start() {
    this.#folder = await mkdtemp(join(tmpdir(), "zulip-presence-mediawiki-"));
    await this.#maintain("install", [
      "--dbtype=sqlite",
      `--dbpath=${this.#folder}`,
      "--server=http://127.0.0.1",
      "--scriptpath=",
      "--pass=only-for-this-test",
      `--confpath=${this.#folder}`,
      "Wiki",
      "Admin",
    ]);
    await appendFile(
      this.#settings,
      `
$wgServer = 'http://' . ( $_SERVER['HTTP_HOST'] ?? '127.0.0.1' );
$wgCacheDirectory = '${this.#folder}';
// There is none at Debian's place.
$wgFavicon = 'data:,';
`,
    );
    this.#environment = { MW_CONFIG_FILE: this.#settings };
    this.#server = await new PhpServer().start(SOURCE, this.#environment);
    return this;
  }

  page(title) {
    return `${this.#server.url}/index.php/${encodeURIComponent(title)}`;
  }

  async edit(title, text) {
    await this.#maintain("edit", ["--user=Admin", title], text);
  }

  async raw(title) {
    const url = `${this.#server.url}/index.php?action=raw&title=${encodeURIComponent(title)}`;
    return (await fetch(url)).text();
  }

  async stop() {
    await this.#server?.stop();
    await rm(this.#folder, { recursive: true });
  }

  get #settings() {
    return join(this.#folder, "LocalSettings.php");
  }

  async #maintain(script, args, input) {
    const env = { ...process.env, ...this.#environment };
    return php([join(SOURCE, "maintenance", `${script}.php`), ...args], input, { env });
  }
}
