// An endpoint that speaks the gateway's wire, and whose clock is the test's: in virtual time a real gateway would seem to stand still.

import { once } from "node:events";
import { createServer } from "node:http";

/** Noon of Monday 2026-11-23, UTC: when virtual time begins, in UNIX seconds. */
export const NOON_S = 1_795_435_200;

/** Zulip's clients report once a minute. */
const REPORT_S = 60;

/**
 * Those who are asked about, by ID: from an instant to their claims. `undefined` is no data.
 * Who is there has a claim at most a minute old, as from a client that reports once a minute.
 */
const reported = (now_s) => now_s - (now_s % REPORT_S);
export const WHEREABOUTS = {
  there: (now_s) => ({ active: reported(now_s), idle: reported(now_s) }),
  idle: (now_s) => ({ active: NOON_S - 1_800, idle: reported(now_s) }),
  gone: () => ({ active: NOON_S - 10_800, idle: NOON_S - 10_800 }),
  silent: () => undefined,
};

/** Whom every page of these tests shows, and as what. */
export const SHOWN = { 12: "active", 17: "idle", 23: "offline", 31: "unknown" };

export class Double {
  #server;
  /** The server's now, in UNIX seconds. */
  now_s = NOON_S;
  people = new Map([
    ["12", WHEREABOUTS.there],
    ["17", WHEREABOUTS.idle],
    ["23", WHEREABOUTS.gone],
    ["31", WHEREABOUTS.silent],
  ]);
  url;

  async start() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer({ url, headers }, response) {
    const users = JSON.parse(new URL(url, this.url).searchParams.get("users"));
    const presences = Object.fromEntries(users.map((user) => [user, this.#presence(user)]));
    const body = {
      result: "success",
      msg: "",
      presences,
      server_timestamp: this.now_s,
      server_presence_offline_threshold_seconds: 200,
    };
    response.sendDate = false;
    response.writeHead(200, {
      "Access-Control-Allow-Origin": headers.origin ?? "*",
      "Access-Control-Expose-Headers": "Date, Retry-After",
      // The page's requests are counted: no cache answers them.
      "Cache-Control": "no-store",
      "Content-Type": "application/json",
      Date: new Date(this.now_s * 1000).toUTCString(),
      Vary: "Origin",
    });
    response.end(JSON.stringify(body));
  }

  #presence(user) {
    const claims = this.people.get(user)?.(this.now_s);
    if (claims === undefined) return {};
    return { active_timestamp: claims.active, idle_timestamp: claims.idle };
  }
}
