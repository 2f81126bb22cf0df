// An endpoint with the gateway's replies and a clock that the test sets: a real gateway cannot follow virtual time.

import { LocalServer } from "../local-server.mjs";

/** Noon of Monday 2026-11-23, UTC: when virtual time begins, in UNIX seconds. */
export const NOON_S = 1_795_435_200;

/** Zulip's clients report once a minute. */
const REPORT_S = 60;

const lastReport_s = (now_s) => now_s - (now_s % REPORT_S);

/**
 * Maps an instant to the timestamps reported at it; `undefined` means no data. Those of an active person are at most a minute old, because
 * clients report once a minute.
 */
export const SIMULATED_STATES = {
  active: (now_s) => ({ active: lastReport_s(now_s), idle: lastReport_s(now_s) }),
  idle: (now_s) => ({ active: NOON_S - 1_800, idle: lastReport_s(now_s) }),
  offline: () => ({ active: NOON_S - 10_800, idle: NOON_S - 10_800 }),
  noData: () => undefined,
};

/** The people on every page of these tests, and their status. */
export const EXPECTED_STATUSES = { 12: "active", 17: "idle", 23: "offline", 31: "unknown" };

export class FakeGateway extends LocalServer {
  /** The server's now, in UNIX seconds. */
  now_s = NOON_S;
  people = new Map([
    ["12", SIMULATED_STATES.active],
    ["17", SIMULATED_STATES.idle],
    ["23", SIMULATED_STATES.offline],
    ["31", SIMULATED_STATES.noData],
  ]);

  answer({ url, headers }, response) {
    // As with `--live off`.
    if (url.includes("/presence/stream")) {
      response.writeHead(204, { "Access-Control-Allow-Origin": headers.origin ?? "*" });
      return response.end();
    }
    const users = JSON.parse(new URL(url, this.url).searchParams.get("users")).map(String);
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
      // No cache may reply: the page's requests are counted.
      "Cache-Control": "no-store",
      "Content-Type": "application/json",
      Date: new Date(this.now_s * 1000).toUTCString(),
      Vary: "Origin",
    });
    response.end(JSON.stringify(body));
  }

  #presence(user) {
    const timestamps = this.people.get(user)?.(this.now_s);
    if (timestamps === undefined) return {};
    return { active_timestamp: timestamps.active, idle_timestamp: timestamps.idle };
  }
}
