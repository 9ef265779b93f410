/**
 * Kills the real Deno process, with its vault on Deno KV, at moments of rekeys and rewraps.
 *
 * CRASH_KILLS_DENO_KV sets the number of kills.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, expect, it } from "vitest";
import { ON_DENO_KV } from "./killable_server.ts";
import { KilledProcess } from "./killed_process.ts";

const KILLS = Number(process.env["CRASH_KILLS_DENO_KV"] ?? 6);
/** Many more than one commit to Deno KV moves. */
const ENTRIES = 2000;
/** Each second kill comes so much later in a rewrap, the others in a rekey, which is shorter. */
const REWRAP_STEP_MS = 60;
const REKEY_STEP_MS = 8;
const TIMEOUT_MS = 60_000 + 15_000 * KILLS;

const folder = mkdtempSync(join(tmpdir(), "deno-kv-kills-"));
afterAll(() => rmSync(folder, { recursive: true }));

it(
  `a vault on Deno KV with ${ENTRIES} wrapped entries is whole after each of ${KILLS} kills`,
  async ({ annotate }) => {
    const killed = new KilledProcess(join(folder, "data"), ON_DENO_KV);
    try {
      await killed.fill(ENTRIES, 10);
      await killed.kill();
      await killed.comeBack();
      for (let kill = 0; kill < KILLS; kill++) {
        if (kill % 2 === 0) {
          await killed.rekey(true);
          await killed.killDuring(REWRAP_STEP_MS * (1 + kill), () => killed.finishRewrap());
        } else await killed.killDuring(REKEY_STEP_MS * kill, () => killed.rekey(true));
        await killed.comeBack();
      }
      await killed.rekey(true);
      await killed.finishRewrap();
    } finally {
      await killed.kill();
      await annotate(JSON.stringify(killed.tally));
    }
    expect(killed.tally.kills).toBe(KILLS);
    expect(killed.tally.rewrapping).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
