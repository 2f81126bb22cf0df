// Requests as a proxy gets them: to a port of 127.0.0.1, by the name of a host.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

/** One request on a connection of its own. The path is sent as written. */
export function send({ port, scheme = "https" }, host, path, { method = "GET", headers, ca } = {}) {
  const options = {
    host: "127.0.0.1",
    port,
    path,
    method,
    headers: { Host: host, ...headers },
    agent: false,
  };
  const secure = scheme === "https" && { ca: readFileSync(ca), servername: host };
  const sent = (secure ? https : http).request({ ...options, ...secure });
  sent.end();
  return sent;
}

/** The same, with its whole reply. */
export async function request(proxy, host, path, options) {
  const [response] = await once(send(proxy, host, path, options), "response");
  const bytes = Buffer.concat(await response.toArray());
  return {
    status: response.statusCode,
    headers: response.headers,
    bytes,
    body: bytes.toString(),
  };
}
