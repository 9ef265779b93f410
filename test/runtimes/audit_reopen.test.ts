import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { evidence } from "../secrecy/evidence.ts";
import { freePort } from "./processes.ts";

const ENTRY = fileURLToPath(new URL("../../src/runtimes/local/node.ts", import.meta.url));
const TIMEOUT_MS = 60_000;
const POLL_MS = 20;

let directory: string;
let child: ChildProcess;
beforeEach(() => directory = mkdtempSync(join(tmpdir(), "sealwright-reopen-")));
afterEach(() => {
  child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + TIMEOUT_MS / 2;
  while (!await isSo()) {
    if (Date.now() > deadlineMs) throw new Error("it does not come to pass");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

describe("audit file of a Node process", () => {
  it("a Node process writes to a new audit file after a rename and SIGHUP", async () => {
    const file = join(directory, "audit.log");
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/v1`;
    child = spawn(process.execPath, [ENTRY], {
      env: {
        PATH: process.env["PATH"],
        SEALWRIGHT_LISTEN: `127.0.0.1:${port}`,
        SEALWRIGHT_DATA: join(directory, "data"),
        SEALWRIGHT_AUDIT_FILE: file,
      },
      stdio: "ignore",
    });
    const call = async (method: string, path: string, body?: unknown, token = "") => {
      const headers = { "x-vault-token": token };
      const sent = body === undefined ? "" : JSON.stringify(body);
      const init = { method, headers, ...(body === undefined ? {} : { body: sent }) };
      const response = await fetch(`${url}/${path}`, init);
      const received = await response.text();
      const target = `/v1/${path}`;
      evidence.exchange({ method, target, headers: Object.entries(headers), sent, received });
      return { status: response.status, json: received === "" ? null : JSON.parse(received) };
    };
    await until(() => call("GET", "sys/seal-status").then(() => true, () => false));
    const made = await call("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
    const { keys, root_token: token } = made.json as {
      readonly keys: readonly string[];
      readonly root_token: string;
    };
    await call("PUT", "sys/unseal", { key: keys[0] });
    const read = async () => await call("GET", "sys/mounts", undefined, token);
    const typesIn = (path: string) =>
      readFileSync(path, "utf8").trim().split("\n").map((line) =>
        String(Reflect.get(JSON.parse(line) as object, "type"))
      );

    expect((await read()).status).toBe(200);
    renameSync(file, `${file}.1`);
    expect((await read()).status).toBe(200);
    // The lines of the unseal and of both reads.
    const pair = ["request", "response"];
    expect(typesIn(`${file}.1`)).toEqual([...pair, ...pair, ...pair]);
    expect(existsSync(file)).toBe(false);

    child.kill("SIGHUP");
    await until(() => existsSync(file));
    expect((await read()).status).toBe(200);
    expect(typesIn(file)).toEqual(pair);
    expect(typesIn(`${file}.1`)).toHaveLength(6);
    for (const path of [file, `${file}.1`]) {
      evidence.line("audit-node", readFileSync(path, "utf8").trimEnd());
    }
    expect(readFileSync(file, "utf8")).toContain('"remote_address":"127.0.0.1"');
  }, TIMEOUT_MS);
});
