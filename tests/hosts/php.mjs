// A PHP application on PHP's own web server.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

export class PhpServer {
  #process;
  /** Such as `http://127.0.0.1:41234`. */
  url;

  /** Serves `folder`. The applications sometimes send requests to themselves, so there is more than one worker. */
  async start(folder, environment = {}) {
    // A separate process group, which contains the workers.
    this.#process = spawn("php", ["-S", "127.0.0.1:0", "-t", folder], {
      cwd: folder,
      detached: true,
      env: { ...process.env, ...environment, PHP_CLI_SERVER_WORKERS: "3" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const output = [];
    this.url = await new Promise((resolve, reject) => {
      createInterface({ input: this.#process.stderr }).on("line", (line) => {
        output.push(line);
        const [found] = /http:\/\/127\.0\.0\.1:\d+(?=\) started)/.exec(line) ?? [];
        if (found) resolve(found);
      });
      this.#process.on("error", reject);
      this.#process.on("exit", (code) =>
        reject(new Error(`PHP ended with ${code}:\n${output.join("\n")}`)),
      );
    });
    return this;
  }

  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    process.kill(-this.#process.pid, "SIGKILL");
    await gone;
  }
}

/** Runs a PHP script with this standard input, and returns its output. */
export async function php(args, input = "", options = {}) {
  const running = run("php", args, { maxBuffer: 16 << 20, ...options });
  running.child.stdin.end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    throw new Error(`php ${args.join(" ")}:\n${error.stdout}\n${error.stderr}`, { cause: error });
  }
}
