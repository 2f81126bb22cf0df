// A site of Debian's WordPress with Debian's MariaDB, in a folder of its own.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { PhpServer, php } from "./php.mjs";

const run = promisify(execFile);

const SOURCE = "/usr/share/wordpress";
const SERVER = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd"].find(existsSync);
export const PASSWORD = "only-for-this-test";

export class WordPress {
  #folder;
  #database;
  #server;

  /** With this plugin, of one file. */
  async start(plugin) {
    this.#folder = await mkdtemp(join(tmpdir(), "zulip-presence-wordpress-"));
    await this.#startDatabase();
    await cp(SOURCE, this.#site, { recursive: true, dereference: true });
    await mkdir(join(this.#site, "wp-content/plugins"), { recursive: true });
    await cp(plugin, join(this.#site, "wp-content/plugins", basename(plugin)));
    await writeFile(
      join(this.#site, "wp-config.php"),
      `<?php
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', '${userInfo().username}' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:${this.#socket}' );
define( 'WP_HOME', 'http://' . ( $_SERVER['HTTP_HOST'] ?? '127.0.0.1' ) );
define( 'WP_SITEURL', WP_HOME );
// No other server is asked for news, and nothing is done in the background.
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'DISABLE_WP_CRON', true );
$table_prefix = 'wp_';
define( 'ABSPATH', __DIR__ . '/' );
require_once ABSPATH . 'wp-settings.php';
`,
    );
    await this.run(
      `require_once ABSPATH . 'wp-admin/includes/plugin.php';
       update_option( 'comment_previously_approved', 0 );
       // Avatars come from a server elsewhere.
       update_option( 'show_avatars', 0 );
       echo activate_plugin( ${JSON.stringify(basename(plugin))} )?->get_error_message();`,
      `define( 'WP_INSTALLING', true );
       function wp_new_blog_notification() {}`,
      `require_once ABSPATH . 'wp-admin/includes/upgrade.php';
       wp_install( 'Site', 'admin', 'admin@example.com', false, '', '${PASSWORD}' );`,
    );
    this.#server = await new PhpServer().start(this.#site);
    return this;
  }

  get url() {
    return this.#server.url;
  }

  /** Adds a page with this text, by an author who may not write HTML; returns its URL. */
  async addPage(title, text) {
    const id = await this.run(
      `echo wp_insert_post( array( 'post_title' => base64_decode( '${base64(title)}' ), 'post_content' => base64_decode( '${base64(text)}' ), 'post_status' => 'publish', 'comment_status' => 'open' ) );`,
    );
    return `${this.url}/?p=${id}`;
  }

  /** Runs PHP code in WordPress, and returns its output. */
  async run(code, before = "", then = "") {
    return php(
      [],
      `<?php ${before} require ${JSON.stringify(join(this.#site, "wp-load.php"))}; ${then} ${code}`,
    );
  }

  async stop() {
    await this.#server?.stop();
    if (this.#database && this.#database.exitCode === null) {
      const gone = once(this.#database, "exit");
      this.#database.kill("SIGKILL");
      await gone;
    }
    await rm(this.#folder, { recursive: true });
  }

  get #site() {
    return join(this.#folder, "site");
  }

  get #socket() {
    return join(this.#folder, "database.sock");
  }

  async #startDatabase() {
    const data = join(this.#folder, "database");
    const user = userInfo().username;
    const options = ["--no-defaults", `--datadir=${data}`, `--user=${user}`];
    await run("mariadb-install-db", [
      ...options,
      "--auth-root-authentication-method=socket",
      `--auth-root-socket-user=${user}`,
      "--skip-test-db",
    ]);
    this.#database = spawn(
      SERVER,
      [...options, `--socket=${this.#socket}`, "--skip-networking", "--skip-log-bin"],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    await new Promise((resolve, reject) => {
      const output = [];
      createInterface({ input: this.#database.stderr }).on("line", (line) => {
        output.push(line);
        if (/ready for connections/.test(line)) resolve();
      });
      this.#database.on("error", reject);
      this.#database.on("exit", (code) =>
        reject(new Error(`MariaDB ended with ${code}:\n${output.join("\n")}`)),
      );
    });
    await run("mariadb", [
      "--no-defaults",
      `--socket=${this.#socket}`,
      "-e",
      "CREATE DATABASE wordpress",
    ]);
  }
}

const base64 = (text) => Buffer.from(text).toString("base64");
