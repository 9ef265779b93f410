/** The demo's own server: `npm start` on a free port, in a temporary directory. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const START_SCRIPT = fileURLToPath(new URL("../start_deno.mjs", import.meta.url));
const START_MAX_MS = 30_000;
const POLL_MS = 50;

/** A server that may be killed. Its directory exists from construction to `remove`. */
export class OwnServer {
  #data = mkdtempSync(join(tmpdir(), "sealwright-demo-"));
  #child = null;
  #log = "";

  constructor(port) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  async start() {
    const inherited = Object.entries(process.env).filter(([name]) => !/^SEALWRIGHT_/.test(name));
    const settings = {
      SEALWRIGHT_LISTEN: `127.0.0.1:${this.port}`,
      SEALWRIGHT_DATA: this.#data,
    };
    // The script replaces itself with Deno, so this process id is the server's.
    const child = spawn(process.execPath, [START_SCRIPT], {
      env: { ...Object.fromEntries(inherited), ...settings },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    child.stderr.on("data", (chunk) => this.#log += chunk);
    const deadlineMs = Date.now() + START_MAX_MS;
    while (!(await this.#answers())) {
      const runs = child.exitCode === null && child.signalCode === null;
      if (!runs || Date.now() > deadlineMs) {
        throw new Error(`the server does not start:\n${this.#log}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Sends SIGKILL, so the process cannot clean up. */
  async kill() {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async remove() {
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }

  async #answers() {
    try {
      return (await fetch(`${this.url}/v1/sys/seal-status`)).ok;
    } catch {
      return false;
    }
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
