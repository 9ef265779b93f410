import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/crypto/bytes.ts";
import { VaultError } from "../../src/errors.ts";
import {
  REWRAP_BATCH_ENTRIES,
  REWRAP_BATCH_MAX_BYTES,
  REWRAP_GIVE_UP_MS,
} from "../../src/limits.ts";
import type { RewrapRun } from "../../src/rewrap/job.ts";
import { type Rewrap, REWRAP_DUE_PATH } from "../../src/rewrap/rewrap.ts";
import { Seal } from "../../src/seal/seal.ts";
import { readDueTimes } from "../../src/storage/due.ts";
import { PREVIOUS_SEAL_KEYS_PATH, REWRAP_PATH } from "../../src/storage/record_paths.ts";
import { codeOf, flipBit, seededRandom } from "../barrier/doubles.ts";
import {
  createHarness,
  type Harness,
  putText,
  rekeyWith,
  textAt,
} from "../ceremony/ceremony_harness.ts";

const COUNTS = { shares: 3, threshold: 2 };
/** Records that a rekey has rewrapped by itself: root key, keyring, previous seal keys. */
const CORE_RECORDS = 3;

const pathOf = (index: number): string => `logical/${String(index).padStart(5, "0")}`;

/** A vault with `entries` wrapped entries that a rekey has just made stale. */
async function createStale(entries: number) {
  const harness = await createHarness("shamir", COUNTS);
  const { barrier, rekey, keys } = harness.open;
  const oldKey = keys().seal.current;
  await barrier.commit({
    entries: Array.from({ length: entries }, (_, index) => ({
      path: pathOf(index),
      value: encodeUtf8(`value ${index}`),
      sealWrap: true,
    })),
  });
  const shares = await rekeyWith(rekey.barrier, harness.shares.slice(0, 2));
  const newKeyId = keys().seal.keyId;
  return { harness, shares, oldKey, newKeyId, rewrap: harness.open.rewrap };
}

async function runOf(rewrap: Rewrap): Promise<RewrapRun> {
  const job = await rewrap.job();
  if (job.phase === "idle") throw new Error("no run");
  return job.run;
}

/** Runs due slices until the job ends. Returns how many. */
async function runToEnd(harness: Harness, rewrap = harness.open.rewrap): Promise<number> {
  for (let slices = 1; slices <= 100; slices++) {
    const due = await rewrap.runSlice();
    if (due === null) return slices;
    harness.clock.nowMs = Math.max(harness.clock.nowMs, due);
  }
  throw new Error("the run does not end");
}

async function damage(harness: Harness, path: string): Promise<void> {
  const record = await harness.store.get(path);
  if (record === null) throw new Error("nothing to damage");
  const bytes = flipBit(record.bytes, record.bytes.length - 1, 0);
  await harness.store.commit({ writes: [{ path, bytes, sealKeyId: record.sealKeyId }] });
}

describe("rewrap", () => {
  it("a rewrap moves 1200 entries to the new key in slices and counts them", async () => {
    const { harness, rewrap, oldKey, newKeyId } = await createStale(1200);
    const seen: Partial<RewrapRun>[] = [];
    for (;;) {
      const due = await rewrap.runSlice();
      const { processed, succeeded, failed, skipped, total } = await runOf(rewrap);
      seen.push({ processed, succeeded, failed, skipped, total });
      if (due === null) break;
      expect(due).toBe(harness.clock.nowMs);
      expect((await readDueTimes(harness.store)).get("rewrap")).toBe(harness.clock.nowMs);
    }
    const total = 1200 + CORE_RECORDS;
    const counts = { failed: 0, skipped: CORE_RECORDS, total };
    const at = (done: number) => ({
      ...counts,
      processed: done + CORE_RECORDS,
      succeeded: done + CORE_RECORDS,
    });
    expect(seen).toEqual([at(500), at(1000), at(1200), at(1200), at(1200)]);
    expect(REWRAP_BATCH_ENTRIES).toBe(500);
    expect(await rewrap.job()).toMatchObject({ phase: "finished", result: "completed" });
    expect((await readDueTimes(harness.store)).size).toBe(0);
    const stored = await harness.store.sealKeyCounts();
    expect(stored.has(oldKey.id)).toBe(false);
    expect(stored.get(newKeyId)).toBe(1200 + 2);
    for (const index of [0, 499, 500, 1199]) {
      expect(await textAt(harness.open.barrier, pathOf(index))).toBe(`value ${index}`);
    }
  });

  it("a finished rewrap erases the previous key, which opens nothing any more", async () => {
    const { harness, shares, oldKey, newKeyId } = await createStale(20);
    expect(harness.open.keys().seal.previous).toEqual([oldKey]);
    await runToEnd(harness);
    expect(harness.open.keys().seal.previous).toEqual([]);
    expect(harness.open.barrier.outer.keyId).toBe(newKeyId);
    expect(await harness.store.get(PREVIOUS_SEAL_KEYS_PATH)).toBeNull();
    const random = seededRandom("an impostor's seal");
    const byId = new Seal("shamir", oldKey, [], random);
    const byName = new Seal("shamir", { id: newKeyId, bytes: oldKey.bytes }, [], random);
    let wrapped = 0;
    for (const path of await harness.store.list("", "", 1000)) {
      const record = await harness.store.get(path);
      if (record === null || record.sealKeyId === null) continue;
      expect(await codeOf(() => byId.unwrap(path, record.bytes))).toBe("unknown_key");
      expect(await codeOf(() => byName.unwrap(path, record.bytes))).toBe("ciphertext_rejected");
      wrapped += 1;
    }
    expect(wrapped).toBe(20 + 2);
    const reopened = await harness.reopen(shares.slice(0, 2));
    expect(reopened.keys().seal.previous).toEqual([]);
    expect(await textAt(reopened.barrier, pathOf(7))).toBe("value 7");
  });

  it("a rewrap works through the keys of several rekeys and erases them all", async () => {
    const { harness, shares, rewrap } = await createStale(10);
    await rewrap.cancel();
    await putText(harness.open.barrier, "logical/later", "later");
    await rekeyWith(harness.open.rekey.barrier, shares.slice(0, 2));
    expect(harness.open.keys().seal.previous).toHaveLength(2);
    await runToEnd(harness);
    expect(harness.open.keys().seal.previous).toEqual([]);
    expect((await runOf(rewrap)).visitedKeyIds).toHaveLength(2);
    expect(await textAt(harness.open.barrier, pathOf(9))).toBe("value 9");
    expect(await textAt(harness.open.barrier, "logical/later")).toBe("later");
    expect((await harness.store.sealKeyCounts()).size).toBe(1);
  });

  it("a rewrap with nothing to do completes at once", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rewrap } = harness.open;
    expect(await rewrap.job()).toEqual({ phase: "idle" });
    expect(await rewrap.runSlice()).toBeNull();
    expect(await rewrap.start("manual", "accessor")).toBe("started");
    expect(await rewrap.runSlice()).toBeNull();
    const counts = { processed: 3, succeeded: 3, skipped: 3, failed: 0, total: 3 };
    expect(await rewrap.job()).toMatchObject({
      phase: "finished",
      result: "completed",
      run: { ...counts, startedBy: "accessor", reason: "manual" },
    });
  });

  it("a rewrap cannot start twice, but can start again after it has ended", async () => {
    const { harness, rewrap } = await createStale(5);
    const { runId } = await runOf(rewrap);
    expect(await rewrap.start("manual", null)).toBe("already_running");
    expect((await runOf(rewrap)).runId).toBe(runId);
    await runToEnd(harness);
    expect(await rewrap.start("manual", null)).toBe("started");
    await runToEnd(harness);
    expect(await runOf(rewrap)).toMatchObject({ processed: 7, succeeded: 7, skipped: 7 });
    expect((await runOf(rewrap)).runId).not.toBe(runId);
  });

  it("two concurrent starts begin one rewrap", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rewrap } = harness.open;
    const outcomes = await Promise.allSettled([
      rewrap.start("manual", null),
      rewrap.start("manual", null),
    ]);
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    expect(outcomes[1]).toMatchObject({ reason: { code: "store_conflict" } });
  });

  it("a cancelled rewrap is finished, and every entry still opens", async () => {
    const { harness, rewrap, oldKey, shares } = await createStale(600);
    await rewrap.runSlice();
    await rewrap.cancel();
    expect(await rewrap.job()).toMatchObject({ phase: "finished", result: "cancelled" });
    expect((await readDueTimes(harness.store)).size).toBe(0);
    expect(await rewrap.runSlice()).toBeNull();
    expect((await harness.store.sealKeyCounts()).get(oldKey.id)).toBe(100);
    const { barrier } = await harness.reopen(shares.slice(0, 2));
    expect(await textAt(barrier, pathOf(0))).toBe("value 0");
    expect(await textAt(barrier, pathOf(599))).toBe("value 599");
    await rewrap.cancel();
    expect(await rewrap.job()).toMatchObject({ result: "cancelled" });
    await rewrap.start("manual", null);
    await runToEnd(harness);
    expect(await runOf(rewrap)).toMatchObject({ total: 603, processed: 603, skipped: 503 });
    expect(harness.open.keys().seal.previous).toEqual([]);
  });

  it("a rewrap cancelled during a slice stays cancelled and rewraps nothing more", async () => {
    const { harness, rewrap, oldKey } = await createStale(600);
    harness.store.hooks.wrappedBy = async () => {
      delete harness.store.hooks.wrappedBy;
      await rewrap.cancel();
    };
    expect(await codeOf(() => rewrap.runSlice())).toBe("store_conflict");
    expect(await rewrap.job()).toMatchObject({
      phase: "finished",
      result: "cancelled",
      run: { processed: 0 },
    });
    expect((await harness.store.sealKeyCounts()).get(oldKey.id)).toBe(600);
    expect((await readDueTimes(harness.store)).size).toBe(0);
    expect(await rewrap.runSlice()).toBeNull();
  });

  it("a rewrap goes on after a restart with the same counters", async () => {
    const { harness, rewrap, shares } = await createStale(1200);
    await rewrap.runSlice();
    const before = await rewrap.job();
    const reopened = await harness.reopen(shares.slice(0, 2));
    expect(await reopened.rewrap.job()).toEqual(before);
    await runToEnd(harness, reopened.rewrap);
    expect(await reopened.rewrap.job()).toMatchObject({
      phase: "finished",
      result: "completed",
      run: { processed: 1203, succeeded: 1203, failed: 0, total: 1203 },
    });
    expect(reopened.keys().seal.previous).toEqual([]);
    expect(await textAt(reopened.barrier, pathOf(1199))).toBe("value 1199");
  });

  it("a rewrap holds few large values in memory at a time", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const large = new Uint8Array(1_500_000);
    for (let index = 0; index < 12; index++) {
      const entry = { path: pathOf(index), value: large, sealWrap: true };
      await harness.open.barrier.commit({ entries: [entry] });
    }
    await rekeyWith(harness.open.rekey.barrier, harness.shares.slice(0, 2));
    await harness.open.rewrap.runSlice();
    const { processed } = await runOf(harness.open.rewrap);
    expect(processed - CORE_RECORDS).toBe(Math.floor(REWRAP_BATCH_MAX_BYTES / 1_500_000));
    await runToEnd(harness);
    expect(await runOf(harness.open.rewrap)).toMatchObject({ processed: 15, succeeded: 15 });
  });
});

describe("entries that change during a rewrap", () => {
  it("an entry that changes while it is rewrapped keeps its newer value and is not counted", async () => {
    const { harness, rewrap } = await createStale(10);
    harness.store.hooks.wrappedBy = () => {
      delete harness.store.hooks.wrappedBy;
      harness.store.hooks.commit = async ({ expect: expected = [] }) => {
        if (!expected.some(({ path }) => path === pathOf(3))) return;
        delete harness.store.hooks.commit;
        await putText(harness.open.barrier, pathOf(3), "newer");
        await harness.open.barrier.commit({ entries: [{ path: pathOf(4), value: null }] });
      };
    };
    await runToEnd(harness);
    expect(await textAt(harness.open.barrier, pathOf(3))).toBe("newer");
    expect(await harness.open.barrier.get(pathOf(4))).toBeNull();
    expect(await textAt(harness.open.barrier, pathOf(5))).toBe("value 5");
    expect(await rewrap.job()).toMatchObject({
      result: "completed",
      run: { processed: 8 + CORE_RECORDS, succeeded: 8 + CORE_RECORDS, failed: 0 },
    });
    expect(harness.open.keys().seal.previous).toEqual([]);
  });

  it("an entry written ahead of the run is already under the new key", async () => {
    const { harness, rewrap, newKeyId } = await createStale(600);
    await rewrap.runSlice();
    await putText(harness.open.barrier, pathOf(599), "newer");
    expect(await harness.store.get(pathOf(599))).toMatchObject({ sealKeyId: newKeyId });
    await runToEnd(harness);
    expect(await textAt(harness.open.barrier, pathOf(599))).toBe("newer");
  });
});

describe("entries that do not open", () => {
  it("a damaged entry is counted and listed, keeps its key and does not end the run", async () => {
    const { harness, rewrap, oldKey, shares } = await createStale(10);
    await damage(harness, pathOf(3));
    const damaged = await harness.store.get(pathOf(3));
    await runToEnd(harness);
    expect(await rewrap.job()).toMatchObject({
      phase: "finished",
      result: "completed_with_failures",
      run: { processed: 13, succeeded: 12, failed: 1, total: 13 },
    });
    expect((await runOf(rewrap)).failures).toEqual([{
      path: pathOf(3),
      sealKeyId: oldKey.id,
      error: "ciphertext_rejected",
      atMs: harness.clock.nowMs,
    }]);
    expect(await harness.store.get(pathOf(3))).toEqual(damaged);
    expect(await textAt(harness.open.barrier, pathOf(4))).toBe("value 4");
    expect(harness.open.keys().seal.previous).toEqual([oldKey]);
    expect((await harness.reopen(shares.slice(0, 2))).keys().seal.previous).toEqual([oldKey]);
    expect(harness.lines).toContain(
      `[WARN]  seal.rewrap: entry failed: key=${pathOf(3)} error=ciphertext_rejected`,
    );
  });

  it("the previous key is erased after a damaged entry is removed and a clean run ends", async () => {
    const { harness, rewrap } = await createStale(10);
    await damage(harness, pathOf(3));
    await runToEnd(harness);
    await harness.open.barrier.commit({ entries: [{ path: pathOf(3), value: null }] });
    await rewrap.start("manual", null);
    await runToEnd(harness);
    expect(await rewrap.job()).toMatchObject({ result: "completed" });
    expect(harness.open.keys().seal.previous).toEqual([]);
  });

  it("a rewrap reports damage of every kind", async () => {
    const { harness, rewrap, oldKey } = await createStale(4);
    const { bytes } = await harness.store.get(pathOf(0)) ?? { bytes: new Uint8Array() };
    const unknown = Uint8Array.from(bytes);
    unknown[2] = (unknown[2] ?? 0) ^ 1;
    const noText = Uint8Array.from(bytes);
    noText[2] = 0xff;
    for (const [index, value] of [new Uint8Array(0), unknown, noText].entries()) {
      await harness.store.commit({
        writes: [{ path: pathOf(index), bytes: value, sealKeyId: oldKey.id }],
      });
    }
    await runToEnd(harness);
    expect((await runOf(rewrap)).failures.map(({ error }) => error))
      .toEqual(["record_malformed", "unknown_key", "record_malformed"]);
    expect(await textAt(harness.open.barrier, pathOf(3))).toBe("value 3");
  });
});

describe("failing stores", () => {
  const fail = (): never => {
    throw new VaultError("store_failed", "cannot use the store: the database failed");
  };

  it("a store that fails once pauses the run for a second", async () => {
    const { harness, rewrap } = await createStale(10);
    harness.store.hooks.wrappedBy = fail;
    expect(await rewrap.runSlice()).toBe(harness.clock.nowMs + 1000);
    delete harness.store.hooks.wrappedBy;
    expect(await rewrap.job()).toMatchObject({ phase: "paused", attempt: 1 });
    expect((await readDueTimes(harness.store)).get("rewrap")).toBe(harness.clock.nowMs + 1000);
    expect(await rewrap.start("manual", null)).toBe("already_running");

    harness.clock.nowMs += 999;
    expect(await rewrap.runSlice()).toBe(harness.clock.nowMs + 1);
    expect(await rewrap.job()).toMatchObject({ phase: "paused", attempt: 1 });
    harness.clock.nowMs += 1;
    expect(await rewrap.runSlice()).toBe(harness.clock.nowMs);
    expect(await rewrap.job()).toMatchObject({ phase: "running" });
    await runToEnd(harness);
    expect(await rewrap.job()).toMatchObject({
      result: "completed",
      run: { processed: 13, succeeded: 13, failed: 0 },
    });
    expect(harness.lines).toContain("[WARN]  seal.rewrap: slice failed error=store_failed");
  });

  it("a slice whose commit fails leaves entries and cursor as they were", async () => {
    const { harness, rewrap, oldKey } = await createStale(10);
    harness.store.hooks.commit = ({ writes }) => {
      if (writes.some(({ path }) => path === pathOf(0))) fail();
    };
    await rewrap.runSlice();
    expect((await harness.store.sealKeyCounts()).get(oldKey.id)).toBe(10);
    expect(await rewrap.job()).toMatchObject({
      phase: "paused",
      run: { processed: 0, cursor: null },
    });
    delete harness.store.hooks.commit;
    await runToEnd(harness);
    expect(await rewrap.job()).toMatchObject({ result: "completed", run: { processed: 13 } });
  });

  it("the previous key stays until the end of the run is committed", async () => {
    const { harness, rewrap, oldKey } = await createStale(1);
    harness.store.hooks.commit = ({ writes }) => {
      if (writes.some(({ path }) => path === PREVIOUS_SEAL_KEYS_PATH)) fail();
    };
    for (let slice = 0; slice < 3; slice++) await rewrap.runSlice();
    expect(await rewrap.job()).toMatchObject({ phase: "paused" });
    expect(harness.open.keys().seal.previous).toEqual([oldKey]);
    delete harness.store.hooks.commit;
    await runToEnd(harness);
    expect(harness.open.keys().seal.previous).toEqual([]);
  });

  it("a store that keeps failing is tried less and less often, and the run then completes", async () => {
    const { harness, rewrap, shares } = await createStale(10);
    harness.store.hooks.wrappedBy = fail;
    const delays: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      const due = await rewrap.runSlice() ?? 0;
      delays.push((due - harness.clock.nowMs) / 1000);
      harness.clock.nowMs = due;
    }
    expect(delays).toEqual([1, 5, 30, 60, 120, 240, 480, 600, 600]);
    delete harness.store.hooks.wrappedBy;
    const reopened = await harness.reopen(shares.slice(0, 2));
    await runToEnd(harness, reopened.rewrap);
    expect(await reopened.rewrap.job()).toMatchObject({ result: "completed" });
  });

  it("the delays start over after a successful slice", async () => {
    const { harness, rewrap } = await createStale(600);
    harness.store.hooks.wrappedBy = fail;
    for (let attempt = 0; attempt < 3; attempt++) {
      harness.clock.nowMs = await rewrap.runSlice() ?? 0;
    }
    delete harness.store.hooks.wrappedBy;
    await rewrap.runSlice();
    harness.store.hooks.wrappedBy = fail;
    expect(await rewrap.runSlice()).toBe(harness.clock.nowMs + 1000);
  });

  it("a run whose store fails for a day is interrupted and keeps the previous key", async () => {
    const { harness, rewrap, oldKey } = await createStale(10);
    harness.store.hooks.wrappedBy = fail;
    const startMs = harness.clock.nowMs;
    for (let due = await rewrap.runSlice(); due !== null; due = await rewrap.runSlice()) {
      harness.clock.nowMs = due;
      expect(harness.clock.nowMs - startMs).toBeLessThan(2 * REWRAP_GIVE_UP_MS);
    }
    expect(harness.clock.nowMs - startMs).toBeGreaterThanOrEqual(REWRAP_GIVE_UP_MS);
    expect(await rewrap.job()).toMatchObject({ phase: "finished", result: "interrupted" });
    expect((await readDueTimes(harness.store)).size).toBe(0);
    expect(harness.open.keys().seal.previous).toEqual([oldKey]);
    delete harness.store.hooks.wrappedBy;
    await rewrap.start("manual", null);
    await runToEnd(harness);
    expect(await rewrap.job()).toMatchObject({ result: "completed" });
  });

  it("a pause that cannot be stored leaves the run as it was", async () => {
    const { harness, rewrap } = await createStale(10);
    harness.store.hooks.wrappedBy = fail;
    harness.store.hooks.commit = fail;
    expect(await codeOf(() => rewrap.runSlice())).toBe("store_failed");
    harness.store.hooks.wrappedBy = () => {};
    harness.store.hooks.commit = () => {};
    expect(await rewrap.job()).toMatchObject({ phase: "running" });
    await runToEnd(harness);
    expect(await rewrap.job()).toMatchObject({ result: "completed" });
  });
});

describe("log and records of a rewrap", () => {
  it("a rewrap logs its start, each tenth and its end in Vault's words", async () => {
    const { harness } = await createStale(1200);
    await runToEnd(harness);
    expect(harness.lines.filter((line) => line.includes("seal.rewrap"))).toEqual([
      "[INFO]  seal.rewrap: seal re-wrap started: reason=rekey total=1203",
      "[INFO]  seal.rewrap: seal re-wrap progress: " +
      "processed=503 succeeded=503 failed=0 total=1203",
      "[INFO]  seal.rewrap: seal re-wrap progress: " +
      "processed=1003 succeeded=1003 failed=0 total=1203",
      "[INFO]  seal.rewrap: seal re-wrap completed: entry processing stats: " +
      "succeeded=1203 failed=0 total=1203",
    ]);
  });

  it.each(
    [
      ["deferred", "are removed at the next start"],
      ["impossible", "remain: this store cannot remove them"],
    ] as const,
  )("a rewrap whose scrub is %s logs that old bytes %s", async (outcome, text) => {
    const { harness } = await createStale(1);
    harness.store.hooks.scrub = () => outcome;
    await runToEnd(harness);
    expect(harness.lines.at(-1)).toBe(`[INFO]  seal.rewrap: old bytes in free space ${text}`);
  });

  it("a rewrap logs a failed scrub as a warning and still completes", async () => {
    const { harness, rewrap } = await createStale(1);
    harness.store.hooks.scrub = () => {
      throw new VaultError("store_failed", "cannot use the store: the database failed");
    };
    await runToEnd(harness);
    expect(await rewrap.job()).toMatchObject({ phase: "finished", result: "completed" });
    expect(harness.lines.at(-1)).toBe(
      "[WARN]  seal.rewrap: old bytes in free space could not be removed error=store_failed",
    );
  });

  it("a rewrap writes only its job and its due time", async () => {
    const harness = await createHarness("static", COUNTS);
    const before = await harness.store.list("", "", 1000);
    await harness.open.rewrap.start("manual", null);
    const added = (await harness.store.list("", "", 1000)).filter((path) => !before.includes(path));
    expect(added.filter((path) => path !== "core/term-operations"))
      .toEqual([REWRAP_DUE_PATH, REWRAP_PATH]);
  });
});
