import { describe, expect, it } from "vitest";
import { readRecoveryKey } from "../../src/ceremony/key_records.ts";
import { joinShares } from "../../src/ceremony/shares.ts";
import { RECOVERY_KEY_PATH } from "../../src/storage/record_paths.ts";
import { codeOf } from "../barrier/doubles.ts";
import {
  type Bench,
  createBench,
  PARAMETERS,
  putText,
  rekeyWith,
  type Share,
  sharesOf,
  submitAll,
  textAt,
  verifyAll,
} from "./bench.ts";

const COUNTS = { shares: 3, threshold: 2 };
const VERIFIED = { ...PARAMETERS, requireVerification: true };

/** Whether these shares make the recovery key that is stored. */
async function authorise(bench: Bench, shares: readonly Share[]): Promise<boolean> {
  const { seal } = bench.open.keys();
  const stored = await readRecoveryKey(bench.store, seal);
  return String(stored) === String(joinShares(shares, shares.length));
}

describe("a rekey of the barrier under a seal that opens by itself", () => {
  it("changes the root key, hands out no shares and leaves those in force", async () => {
    const bench = await createBench("static", COUNTS);
    const { rekey, barrier, keys } = bench.open;
    await putText(barrier, "logical/a", "secret");
    const before = keys();
    expect(await rekeyWith(rekey.barrier, bench.shares.slice(0, 2))).toEqual([]);
    expect(keys().rootKey).not.toEqual(before.rootKey);
    expect(keys().config).toEqual(before.config);
    expect(keys().seal).toBe(before.seal);
    expect(await authorise(bench, bench.shares.slice(1))).toBe(true);
    const reopened = await bench.reopen();
    expect(await textAt(reopened.barrier, "logical/a")).toBe("secret");
    expect(await reopened.rewrap.job()).toEqual({ phase: "idle" });
    expect(await rekeyWith(reopened.rekey.barrier, bench.shares.slice(1))).toEqual([]);
  });
});

describe("a rekey of recovery shares", () => {
  it("puts a new recovery key, root key and credential key in force, under the same seal", async () => {
    const bench = await createBench("static", COUNTS);
    const { rekey, keys, barrier } = bench.open;
    const { credentialKey, terms, macKey } = barrier.keyring;
    const before = keys();
    const made = await rekeyWith(rekey.recovery, bench.shares.slice(0, 2), {
      shares: 5,
      threshold: 3,
    });
    expect(made).toHaveLength(5);
    expect(await authorise(bench, made.slice(2))).toBe(true);
    expect(await authorise(bench, bench.shares.slice(0, 2))).toBe(false);
    expect(keys().seal).toBe(before.seal);
    expect(keys().rootKey).not.toEqual(before.rootKey);
    expect(barrier.keyring.credentialKey).not.toEqual(credentialKey);
    expect(barrier.keyring).toMatchObject({ terms, macKey });
    expect(keys().config).toMatchObject({ recovery: { shares: 5, threshold: 3 } });
    expect((await bench.reopen()).keys().config).toEqual(keys().config);
  });

  it("has the new shares authorise both targets from then on", async () => {
    const bench = await createBench("static", COUNTS);
    const { rekey } = bench.open;
    const made = await rekeyWith(rekey.recovery, bench.shares.slice(0, 2));
    for (const target of [rekey.barrier, rekey.recovery]) {
      await target.start(PARAMETERS, null);
      expect(await submitAll(target, bench.shares.slice(0, 1)))
        .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
      expect(await submitAll(target, made.slice(0, 1))).toMatchObject({ kind: "advanced" });
      await target.cancel();
    }
  });

  it("takes the given shares from the other attempt: they authorise nothing any more", async () => {
    const bench = await createBench("static", COUNTS);
    const { rekey } = bench.open;
    await rekey.barrier.start(PARAMETERS, null);
    await submitAll(rekey.barrier, bench.shares.slice(0, 1));
    const made = await rekeyWith(rekey.recovery, bench.shares.slice(0, 2), {
      shares: 4,
      threshold: 3,
    });
    expect(await rekey.barrier.state())
      .toMatchObject({ phase: "gathering", given: [], head: { required: 3 } });
    expect(await submitAll(rekey.barrier, made.slice(0, 2))).toMatchObject({ kind: "advanced" });
    expect(await submitAll(rekey.barrier, made.slice(2, 3))).toMatchObject({ kind: "shares" });
  });

  it("waits for its verification, like any other", async () => {
    const bench = await createBench("static", COUNTS);
    const { rekey } = bench.open;
    await rekey.recovery.start(VERIFIED, null);
    const made = sharesOf(await submitAll(rekey.recovery, bench.shares.slice(0, 2)));
    expect(await authorise(bench, bench.shares.slice(0, 2))).toBe(true);
    expect(await verifyAll(rekey.recovery, made.slice(0, 2))).toMatchObject({ kind: "verified" });
    expect(await authorise(bench, made.slice(1))).toBe(true);
  });

  it("and one of the barrier may be open at the same time, each with its own progress", async () => {
    const bench = await createBench("static", COUNTS);
    const { rekey } = bench.open;
    await rekey.barrier.start(PARAMETERS, null);
    await rekey.recovery.start(PARAMETERS, null);
    await submitAll(rekey.recovery, bench.shares.slice(0, 1));
    expect(await rekey.barrier.state()).toMatchObject({ given: [] });
    expect(await rekey.recovery.state()).toMatchObject({ given: [0] });
    await rekey.barrier.cancel();
    expect(await rekey.recovery.state()).toMatchObject({ phase: "gathering" });
  });

  it("changes nothing when the store fails at its end", async () => {
    const bench = await createBench("static", COUNTS);
    const { rekey, keys } = bench.open;
    await rekey.recovery.start(PARAMETERS, null);
    await submitAll(rekey.recovery, bench.shares.slice(0, 1));
    const [stored, before] = [await bench.snapshot(), keys()];
    bench.store.hooks.commit = () => {
      throw new Error("disk full");
    };
    await expect(submitAll(rekey.recovery, bench.shares.slice(1, 2))).rejects.toThrow("disk full");
    delete bench.store.hooks.commit;
    expect(await bench.snapshot()).toEqual(stored);
    expect(keys()).toBe(before);
    expect(await submitAll(rekey.recovery, bench.shares.slice(1, 2))).toMatchObject({
      kind: "shares",
    });
  });
});

describe("the first recovery shares", () => {
  it("are made at once for a vault that has none", async () => {
    const bench = await createBench("static", { shares: 0, threshold: 0 });
    const { rekey, keys } = bench.open;
    expect(rekey.recovery.required).toBe(0);
    expect(await bench.store.get(RECOVERY_KEY_PATH)).toBeNull();
    const made = sharesOf(await rekey.recovery.createFirstShares(PARAMETERS, null));
    expect(made).toHaveLength(3);
    expect(await authorise(bench, made.slice(1))).toBe(true);
    expect(keys().config).toMatchObject({ recovery: { shares: 3, threshold: 2 } });
    expect(await rekey.recovery.state()).toEqual({ phase: "idle" });
    expect(await rekeyWith(rekey.recovery, made.slice(0, 2))).toHaveLength(3);
  });

  it("are verified first when that is asked for", async () => {
    const bench = await createBench("static", { shares: 0, threshold: 0 });
    const { rekey } = bench.open;
    const outcome = await rekey.recovery.createFirstShares(VERIFIED, null);
    expect(outcome).toMatchObject({ result: { verificationId: expect.any(String) } });
    expect(await bench.store.get(RECOVERY_KEY_PATH)).toBeNull();
    expect(await rekey.recovery.createFirstShares(VERIFIED, null))
      .toEqual({ kind: "refused", refusal: { code: "already_in_progress" } });
    const made = sharesOf(outcome);
    expect(await verifyAll(rekey.recovery, made.slice(0, 2))).toMatchObject({ kind: "verified" });
    expect(await authorise(bench, made.slice(1))).toBe(true);
  });

  it("are not made when there are some, nor for the barrier", async () => {
    const bench = await createBench("static", COUNTS);
    const none = await createBench("static", { shares: 0, threshold: 0 });
    const stored = await bench.snapshot();
    for (const rekey of [bench.open.rekey.recovery, none.open.rekey.barrier]) {
      expect(await codeOf(() => rekey.createFirstShares(PARAMETERS, null))).toBe("invalid_request");
    }
    expect(await bench.snapshot()).toEqual(stored);
  });

  it("are the only way: no share authorises a rekey where there are none", async () => {
    const bench = await createBench("static", { shares: 0, threshold: 0 });
    const { rekey } = bench.open;
    for (const target of [rekey.barrier, rekey.recovery]) {
      await target.start(PARAMETERS, null);
      expect(await submitAll(target, [new Uint8Array(33)]))
        .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
    }
  });
});
