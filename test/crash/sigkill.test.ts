/**
 * Kills the real process at random moments of rekeys and rewraps. Where the kills land depends on
 * the machine, and so does the tally; what must hold afterwards does not.
 *
 * CRASH_KILLS sets the number of kills, CRASH_SEED where their moments begin.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { REWRAP_BATCH_MAX_BYTES } from "../../src/limits.ts";
import { Survivor } from "./survivor.ts";

const KILLS = Number(process.env["CRASH_KILLS"] ?? 104);
const SEED = Number(process.env["CRASH_SEED"] ?? 20_261_122);
/** Vaults that are killed side by side. */
const VAULTS = 2;
const TIMEOUT_MS = 60_000 + 5000 * KILLS;
/** Few and large: more than one slice of a rewrap, and soon read back. */
const ENTRY_BYTES = 120_000;
const ENTRIES = Math.ceil(1.2 * REWRAP_BATCH_MAX_BYTES / ENTRY_BYTES);

const folder = mkdtempSync(join(tmpdir(), "sigkill-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
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

async function killOften(survivor: Survivor, kills: number, random: () => number): Promise<void> {
  await survivor.fill(ENTRIES, ENTRY_BYTES);
  await survivor.kill();
  await survivor.comeBack();
  const rekeyMs = await elapsedMs(() => survivor.rekey(true));
  const rewrapMs = await elapsedMs(() => survivor.finishRewrap());
  for (let kill = 0; kill < kills; kill++) {
    const target = random();
    const isVerified = random() < 0.7;
    if (target < 0.5) {
      await survivor.killDuring(random() * rekeyMs, () => survivor.rekey(isVerified));
    } else if (target < 0.75) {
      await survivor.rekey(isVerified);
      await survivor.killDuring(random() * rewrapMs, () => survivor.finishRewrap());
    } else {
      await survivor.killDuring(random() * (rekeyMs + rewrapMs), async () => {
        await survivor.rekey(isVerified);
        await survivor.finishRewrap();
      });
    }
    await survivor.comeBack();
    // Else the next rekey begins in the middle of a rewrap.
    if (random() < 0.7) await survivor.finishRewrap();
  }
  await survivor.finishRewrap();
}

describe.concurrent("the Node process", () => {
  for (let vault = 0; vault < VAULTS; vault++) {
    const kills = Math.ceil(KILLS / VAULTS);
    const seed = SEED + vault;
    it(`leaves a whole vault after each of ${kills} kills (seed ${seed})`, async ({ annotate }) => {
      const survivor = new Survivor(join(folder, String(vault)));
      try {
        await killOften(survivor, kills, seededRandom(seed));
      } finally {
        await survivor.kill();
        await annotate(JSON.stringify(survivor.tally));
      }
      expect(survivor.tally.kills).toBe(kills);
    }, TIMEOUT_MS);
  }
});
