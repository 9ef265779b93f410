/** Runs `npm run demo` as a user would. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Run, run, start, type Started } from "../runtimes/processes.ts";
import { demoSettings } from "../secrecy/evidence.ts";

const TIMEOUT_MS = 120_000;
const ONE_SHARE = { secret_shares: 1, secret_threshold: 1 };

let temporary: string;
let vault: Started | null;
let demo: Run | null;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "sealwright-demo-test-"));
  vault = null;
  demo = null;
});
afterEach(async () => {
  await vault?.stop("SIGKILL");
  if (demo !== null) await end(demo);
  rmSync(temporary, { recursive: true, force: true });
});

/** Otherwise a demo that hangs would outlive its test, with its server. */
async function end({ child, ended }: Run): Promise<void> {
  if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  await ended;
}

describe("npm run demo", () => {
  it("the demo kills its server, loses nothing, and leaves nothing behind", async () => {
    demo = run("demo", { TMPDIR: temporary, VAULT_ADDR: "", ...demoSettings() });
    const status = await demo.ended;
    const output = demo.output();
    expect(output).toContain("a wrong share is refused at once: given key is not one of");
    expect(output).toContain("started again: the attempt still has its two shares");
    expect(output).toContain("the new shares are in force");
    expect(output).toMatch(/killed \(SIGKILL\) in the middle: \d+ of 5003 seen/);
    expect(output).toContain("completed: 5003 succeeded, 0 failed; one seal key is left");
    expect(output).toContain("reading [##############################] 5000 of 5000");
    expect(output).toContain("four old shares are refused");
    expect(output).toContain("four new shares open it");
    expect(output.trim().split("\n").at(-1)).toBe("Done: nothing was lost.");
    expect(status).toBe(0);
    // npm may leave a cache of its own there.
    expect(readdirSync(temporary).filter((name) => name.startsWith("sealwright"))).toEqual([]);
  }, TIMEOUT_MS);

  it("the demo refuses a vault that is already initialised, with status 1", async () => {
    vault = await start("start", { SEALWRIGHT_DATA: ":memory:" });
    const init = { method: "PUT", body: JSON.stringify(ONE_SHARE) };
    expect((await fetch(`${vault.url}/v1/sys/init`, init)).status).toBe(200);
    demo = run("demo", { VAULT_ADDR: vault.url });
    expect(await demo.ended).toBe(1);
    expect(demo.output()).toContain(`FAILED: the vault on ${vault.url} is initialised already`);
  }, TIMEOUT_MS);
});
