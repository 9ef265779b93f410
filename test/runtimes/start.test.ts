import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort, LOCAL_SCRIPTS, run, SCRIPTS, start, type Started } from "./processes.ts";

const TIMEOUT_MS = 90_000;

let data: string;
let running: Started[];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "sealwright-start-"));
  running = [];
});
afterEach(async () => {
  for (const vault of running) await vault.stop("SIGKILL");
  rmSync(data, { recursive: true, force: true });
});

async function startWith(script: string, settings: Readonly<Record<string, string>> = {}) {
  const vault = await start(script, { SEALWRIGHT_DATA: data, ...settings });
  running.push(vault);
  return vault;
}

async function isInitialized(vault: Started): Promise<unknown> {
  const response = await fetch(`${vault.url}/v1/sys/seal-status`);
  return Reflect.get(await response.json() as object, "initialized");
}

async function initialize(vault: Started, body: object): Promise<number> {
  const init = { method: "PUT", body: JSON.stringify(body) };
  return (await fetch(`${vault.url}/v1/sys/init`, init)).status;
}

const ONE_SHARE = { secret_shares: 1, secret_threshold: 1 };

describe.each(SCRIPTS)("npm run %s", (script) => {
  it(`npm run ${script} serves, stops cleanly on SIGTERM and keeps its data`, async () => {
    const first = await startWith(script);
    expect(await isInitialized(first)).toBe(false);
    expect(await initialize(first, ONE_SHARE)).toBe(200);
    expect(await first.stop("SIGTERM")).toBe(0);
    expect(first.output()).toContain("PUT /v1/sys/init");
    expect(first.output()).not.toMatch(/warn|error/i);

    const second = await startWith(script);
    expect(await isInitialized(second)).toBe(true);
    await second.stop("SIGKILL");

    const third = await startWith(script);
    expect(await isInitialized(third)).toBe(true);
    expect(await third.stop("SIGINT")).toBe(0);
    expect(third.output()).toContain("PUT /v1/sys/unseal");
  }, TIMEOUT_MS);

  it(`npm run ${script} reports every wrong setting and exits with status 1`, async () => {
    const { ended, output } = run(script, {
      SEALWRIGHT_DATA: data,
      SEALWRIGHT_LISTEN: "nowhere",
      SEALWRIGHT_REKEY_ACCESS: "everybody",
    });
    expect(await ended).toBe(1);
    const lines = output().trim().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("SEALWRIGHT_LISTEN");
    expect(lines[1]).toContain("SEALWRIGHT_REKEY_ACCESS");
  }, TIMEOUT_MS);
});

describe.each(LOCAL_SCRIPTS)("npm run %s", (script) => {
  it(`npm run ${script} accepts the method LIST`, async () => {
    const vault = await startWith(script, { SEALWRIGHT_DATA: ":memory:" });
    const list = await fetch(`${vault.url}/v1/sys/seal-status`, { method: "LIST" });
    const get = await fetch(`${vault.url}/v1/sys/seal-status`);
    expect(get.status).toBe(200);
    expect(list.status).not.toBe(200);
    expect(list.status).toBeLessThan(500);
    expect(await list.json()).toHaveProperty("errors");
  }, TIMEOUT_MS);
});

describe.each(LOCAL_SCRIPTS)(
  "npm run %s with a lost database",
  (script) => {
    it(
      `npm run ${script} refuses to start over a lost database until the operator confirms`,
      async () => {
        const first = await startWith(script);
        expect(await initialize(first, ONE_SHARE)).toBe(200);
        await first.stop("SIGKILL");
        for (const suffix of ["", "-wal"]) {
          rmSync(join(data, `sealwright.db${suffix}`), { force: true });
        }
        const second = run(script, { SEALWRIGHT_DATA: data });
        expect(await second.ended).toBe(1);
        expect(second.output()).toContain("put it back from a backup");
        rmSync(join(data, "initialized"));
        expect(await isInitialized(await startWith(script))).toBe(false);
      },
      TIMEOUT_MS,
    );
  },
);

describe.each(LOCAL_SCRIPTS)("npm run %s with an unusable audit file", (script) => {
  it(`npm run ${script} reports an audit file that cannot be opened, and goes on`, async () => {
    const pipe = join(data, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const [file, reason] of [[data, /directory|denied/i], [pipe, /nobody reads/]] as const) {
      const vault = await startWith(script, {
        SEALWRIGHT_DATA: ":memory:",
        SEALWRIGHT_AUDIT_FILE: file,
      });
      const line = vault.output().split("\n").find((each) => each.includes("cannot be opened"));
      expect(JSON.parse(line ?? "")).toMatchObject({
        level: "error",
        message: expect.stringContaining("SEALWRIGHT_AUDIT_FILE"),
        reason: expect.stringMatching(reason),
      });
      expect(await isInitialized(vault)).toBe(false);
      await vault.stop("SIGKILL");
    }
  }, TIMEOUT_MS);

  it(`npm run ${script} is not blocked by a named pipe that nobody reads`, async () => {
    const pipe = join(data, "pipe");
    execFileSync("mkfifo", [pipe]);
    const vault = await startWith(script, {
      SEALWRIGHT_DATA: ":memory:",
      SEALWRIGHT_AUDIT_FILE: pipe,
      SEALWRIGHT_AUDIT_CONSOLE: "1",
    });
    const put = async (path: string, body: object) => {
      const init = { method: "PUT", body: JSON.stringify(body) };
      return await (await fetch(`${vault.url}/v1/${path}`, init)).json() as Record<string, unknown>;
    };
    const { keys } = await put("sys/init", ONE_SHARE);
    const key = (keys as readonly string[])[0];
    expect(await put("sys/unseal", { key })).toMatchObject({ sealed: false });
    expect(vault.output()).toContain("audit device does not take entries");
    expect(await vault.stop("SIGTERM")).toBe(0);
  }, TIMEOUT_MS);
});

describe("npm start", () => {
  it("npm start refuses to run twice on the same data", async () => {
    await startWith("start");
    const second = run("start", {
      SEALWRIGHT_DATA: data,
      SEALWRIGHT_LISTEN: `127.0.0.1:${await freePort()}`,
    });
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain("in use by another process");
  }, TIMEOUT_MS);

  it("npm start names the address that it cannot listen on", async () => {
    const { url } = await startWith("start");
    const address = url.slice("http://".length);
    const second = run("start", { SEALWRIGHT_DATA: ":memory:", SEALWRIGHT_LISTEN: address });
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(address);
  }, TIMEOUT_MS);
});

describe("SEALWRIGHT_STORAGE=deno-kv", () => {
  const onDenoKv = () => ({
    SEALWRIGHT_STORAGE: "deno-kv",
    SEALWRIGHT_DENO_KV: join(data, "elsewhere", "kv.db"),
  });

  it("npm start keeps its vault on Deno KV, and notices when that is lost", async () => {
    const first = await startWith("start", onDenoKv());
    expect(await initialize(first, ONE_SHARE)).toBe(200);
    const status = await fetch(`${first.url}/v1/sys/seal-status`);
    expect(await status.json()).toMatchObject({ storage_type: "deno-kv" });
    expect(await first.stop("SIGTERM")).toBe(0);
    expect(first.output()).not.toMatch(/warn|error/i);
    expect(existsSync(join(data, "sealwright.db"))).toBe(false);

    const second = await startWith("start", onDenoKv());
    expect(await isInitialized(second)).toBe(true);
    await second.stop("SIGKILL");

    rmSync(join(data, "elsewhere"), { recursive: true });
    const third = run("start", { SEALWRIGHT_DATA: data, ...onDenoKv() });
    expect(await third.ended).toBe(1);
    expect(third.output()).toContain("its database is missing or empty");
  }, TIMEOUT_MS);

  it.each(
    [
      ["start:node", "node"],
      ["start:bun", "bun"],
      ["start:workers", "a Worker"],
    ] as const,
  )("npm run %s refuses to start on Deno KV", async (script, where) => {
    const { ended, output } = run(script, { SEALWRIGHT_DATA: data, ...onDenoKv() });
    expect(await ended).toBe(1);
    expect(output().trim()).toBe(
      `sealwright: SEALWRIGHT_STORAGE cannot be deno-kv on ${where}: only Deno has Deno KV`,
    );
  }, TIMEOUT_MS);
});
