/**
 * Kills the real process at random moments of rekeys and rewraps. Where the kills land, and so the tally,
 * depends on the machine; what must hold afterwards does not.
 *
 * CRASH_KILLS sets the number of kills, CRASH_SEED the seed of their moments.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { REWRAP_BATCH_MAX_BYTES } from "../../src/limits.ts";
import { KilledProcess } from "./killed_process.ts";

const KILLS = Number(process.env["CRASH_KILLS"] ?? 104);
const SEED = Number(process.env["CRASH_SEED"] ?? 20_261_122);
/** Vaults that are killed in parallel. */
const VAULTS = 2;
const TIMEOUT_MS = 60_000 + 5000 * KILLS;
/** Few but large, so that they fill more than one slice of a rewrap and are quick to read back. */
const ENTRY_BYTES = 120_000;
const ENTRIES = Math.ceil(1.2 * REWRAP_BATCH_MAX_BYTES / ENTRY_BYTES);

const folder = mkdtempSync(join(tmpdir(), "sigkill-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function elapsedMs(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

async function killOften(
  killed: KilledProcess,
  kills: number,
  random: () => number,
): Promise<void> {
  await killed.fill(ENTRIES, ENTRY_BYTES);
  await killed.kill();
  await killed.comeBack();
  const rekeyMs = await elapsedMs(() => killed.rekey(true));
  const rewrapMs = await elapsedMs(() => killed.finishRewrap());
  for (let kill = 0; kill < kills; kill++) {
    const target = random();
    const isVerified = random() < 0.7;
    if (target < 0.5) {
      await killed.killDuring(random() * rekeyMs, () => killed.rekey(isVerified));
    } else if (target < 0.75) {
      await killed.rekey(isVerified);
      await killed.killDuring(random() * rewrapMs, () => killed.finishRewrap());
    } else {
      await killed.killDuring(random() * (rekeyMs + rewrapMs), async () => {
        await killed.rekey(isVerified);
        await killed.finishRewrap();
      });
    }
    await killed.comeBack();
    // Otherwise the next rekey begins during a rewrap.
    if (random() < 0.7) await killed.finishRewrap();
  }
  await killed.finishRewrap();
}

describe.concurrent("SIGKILL", () => {
  for (let vault = 0; vault < VAULTS; vault++) {
    const kills = Math.ceil(KILLS / VAULTS);
    const seed = SEED + vault;
    it(
      `a Node process leaves a whole vault after each of ${kills} kills (seed ${seed})`,
      async ({ annotate }) => {
        const killed = new KilledProcess(join(folder, String(vault)));
        try {
          await killOften(killed, kills, seededRandom(seed));
        } finally {
          await killed.kill();
          await annotate(JSON.stringify(killed.tally));
        }
        expect(killed.tally.kills).toBe(kills);
      },
      TIMEOUT_MS,
    );
  }
});
