import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { LOG_WAITING_CHARACTERS_MAX } from "../../src/limits.ts";
import { createLogOutput } from "../../src/runtimes/local/log_output.ts";
import { freePort, LOCAL_SCRIPTS } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TIMEOUT_MS = 60_000;

describe("log output", () => {
  it("the log output keeps the order and writes waiting lines together", async () => {
    const texts: string[] = [];
    const output = createLogOutput(String, async (bytes) => {
      texts.push(new TextDecoder().decode(bytes));
    });
    for (const line of ["a", "b", "c"]) output.log(line);
    await output.write("d");
    expect(texts.join("")).toBe("a\nb\nc\nd\n");
  });

  it("the log output limits waiting lines and later reports how many were lost", async () => {
    const texts: string[] = [];
    const held = Promise.withResolvers<void>();
    const output = createLogOutput((count) => `${count} lost`, async (bytes) => {
      await held.promise;
      texts.push(new TextDecoder().decode(bytes));
    });
    const half = "x".repeat(LOG_WAITING_CHARACTERS_MAX / 2);
    for (const line of [half, half, "lost", "lost"]) output.log(line);
    held.resolve();
    await output.flush(1000);
    output.log("after");
    await output.flush(1000);
    expect(texts.join("")).toBe(`${half}\n${half}\n2 lost\nafter\n`);
  });

  it("the log output survives a closed reader and rejects only awaited writes", async () => {
    const output = createLogOutput(String, () => Promise.reject(new Error("EPIPE")));
    output.log("a");
    await expect(output.write("b")).rejects.toThrow("EPIPE");
    await output.flush(1000);
  });
});

describe.each(LOCAL_SCRIPTS)(
  "npm run %s with an unread log",
  (script) => {
    it(`npm run ${script} goes on serving when nobody reads its log`, async () => {
      const data = mkdtempSync(join(tmpdir(), "unread-log-"));
      const port = await freePort();
      const child = spawn("npm", ["--silent", "run", script], {
        cwd: ROOT,
        detached: true,
        // A pipe whose other end is open and never read.
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          SEALWRIGHT_LISTEN: `127.0.0.1:${port}`,
          SEALWRIGHT_DATA: data,
          SEALWRIGHT_AUDIT_CONSOLE: "1",
          SEALWRIGHT_LOG: "debug",
          SEALWRIGHT_RATE_LIMIT: "100000/100000",
        },
      });
      child.stderr.pause();
      const ask = async (method: string, path: string, body?: object, token = "") =>
        await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
          method,
          headers: { "x-vault-token": token },
          signal: AbortSignal.timeout(TIMEOUT_MS / 2),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
      try {
        for (;;) {
          if (await ask("GET", "sys/health").then(() => true, () => false)) break;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        const init = { secret_shares: 1, secret_threshold: 1 };
        const made = await (await ask("PUT", "sys/init", init)).json() as {
          keys: string[];
          root_token: string;
        };
        await ask("PUT", "sys/unseal", { key: made.keys[0] });
        // The console takes lines until the pipe is full. From then on it is a hanging device.
        const ended = Promise.race(
          Array.from({ length: 400 }, () => ask("GET", "sys/mounts", undefined, made.root_token)),
        );
        await ended;
        expect((await ask("GET", "sys/health")).status).toBe(200);
      } finally {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
        await new Promise((resolve) => child.on("close", resolve));
        rmSync(data, { recursive: true });
      }
    }, TIMEOUT_MS);
  },
);
