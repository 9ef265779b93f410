import { describe, expect, it } from "vitest";
import { readRecoveryKey } from "../../src/ceremony/key_records.ts";
import { joinShares } from "../../src/ceremony/shares.ts";
import { RECOVERY_KEY_PATH } from "../../src/storage/record_paths.ts";
import { codeOf } from "../barrier/doubles.ts";
import {
  createHarness,
  type Harness,
  PARAMETERS,
  putText,
  rekeyWith,
  type Share,
  sharesOf,
  submitAll,
  textAt,
  verifyAll,
} from "./ceremony_harness.ts";
import { share as asShare } from "../../src/crypto/keys.ts";

const COUNTS = { shares: 3, threshold: 2 };
const VERIFIED = { ...PARAMETERS, requireVerification: true };

/** Whether these shares make the stored recovery key. */
async function authorise(harness: Harness, shares: readonly Share[]): Promise<boolean> {
  const { seal } = harness.open.keys();
  const stored = await readRecoveryKey(harness.store, seal);
  return String(stored) === String(joinShares(shares, shares.length));
}

describe("barrier rekey under a static seal", () => {
  it("a barrier rekey under a static seal changes the root key and hands out no shares", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rekey, barrier, keys } = harness.open;
    await putText(barrier, "logical/a", "secret");
    const before = keys();
    expect(await rekeyWith(rekey.barrier, harness.shares.slice(0, 2))).toEqual([]);
    expect(keys().rootKey).not.toEqual(before.rootKey);
    expect(keys().config).toEqual(before.config);
    expect(keys().seal).toBe(before.seal);
    expect(await authorise(harness, harness.shares.slice(1))).toBe(true);
    const reopened = await harness.reopen();
    expect(await textAt(reopened.barrier, "logical/a")).toBe("secret");
    expect(await reopened.rewrap.job()).toEqual({ phase: "idle" });
    expect(await rekeyWith(reopened.rekey.barrier, harness.shares.slice(1))).toEqual([]);
  });
});

describe("recovery rekey", () => {
  it("a recovery rekey replaces recovery, root and credential keys under the same seal", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rekey, keys, barrier } = harness.open;
    const { credentialKey, terms, macKey } = barrier.keyring;
    const before = keys();
    const made = await rekeyWith(rekey.recovery, harness.shares.slice(0, 2), {
      shares: 5,
      threshold: 3,
    });
    expect(made).toHaveLength(5);
    expect(await authorise(harness, made.slice(2))).toBe(true);
    expect(await authorise(harness, harness.shares.slice(0, 2))).toBe(false);
    expect(keys().seal).toBe(before.seal);
    expect(keys().rootKey).not.toEqual(before.rootKey);
    expect(barrier.keyring.credentialKey).not.toEqual(credentialKey);
    expect(barrier.keyring).toMatchObject({ terms, macKey });
    expect(keys().config).toMatchObject({ counts: { shares: 5, threshold: 3 } });
    expect((await harness.reopen()).keys().config).toEqual(keys().config);
  });

  it("new recovery shares authorise later rekeys of both targets", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rekey } = harness.open;
    const made = await rekeyWith(rekey.recovery, harness.shares.slice(0, 2));
    for (const target of [rekey.barrier, rekey.recovery]) {
      await target.start(PARAMETERS, null);
      expect(await submitAll(target, harness.shares.slice(0, 1)))
        .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
      expect(await submitAll(target, made.slice(0, 1))).toMatchObject({ kind: "advanced" });
      await target.cancel();
    }
  });

  it("a recovery rekey voids the shares given to the barrier's attempt", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rekey } = harness.open;
    await rekey.barrier.start(PARAMETERS, null);
    await submitAll(rekey.barrier, harness.shares.slice(0, 1));
    const made = await rekeyWith(rekey.recovery, harness.shares.slice(0, 2), {
      shares: 4,
      threshold: 3,
    });
    expect(await rekey.barrier.state())
      .toMatchObject({ phase: "gathering", given: [], head: { required: 3 } });
    expect(await submitAll(rekey.barrier, made.slice(0, 2))).toMatchObject({ kind: "advanced" });
    expect(await submitAll(rekey.barrier, made.slice(2, 3))).toMatchObject({ kind: "shares" });
  });

  it("a recovery rekey waits for its verification", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rekey } = harness.open;
    await rekey.recovery.start(VERIFIED, null);
    const made = sharesOf(await submitAll(rekey.recovery, harness.shares.slice(0, 2)));
    expect(await authorise(harness, harness.shares.slice(0, 2))).toBe(true);
    expect(await verifyAll(rekey.recovery, made.slice(0, 2))).toMatchObject({ kind: "verified" });
    expect(await authorise(harness, made.slice(1))).toBe(true);
  });

  it("a recovery and a barrier rekey can run at the same time, each with its own progress", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rekey } = harness.open;
    await rekey.barrier.start(PARAMETERS, null);
    await rekey.recovery.start(PARAMETERS, null);
    await submitAll(rekey.recovery, harness.shares.slice(0, 1));
    expect(await rekey.barrier.state()).toMatchObject({ given: [] });
    expect(await rekey.recovery.state()).toMatchObject({ given: [0] });
    await rekey.barrier.cancel();
    expect(await rekey.recovery.state()).toMatchObject({ phase: "gathering" });
  });

  it("a recovery rekey changes nothing when its last commit fails", async () => {
    const harness = await createHarness("static", COUNTS);
    const { rekey, keys } = harness.open;
    await rekey.recovery.start(PARAMETERS, null);
    await submitAll(rekey.recovery, harness.shares.slice(0, 1));
    const [stored, before] = [await harness.snapshot(), keys()];
    harness.store.hooks.commit = () => {
      throw new Error("disk full");
    };
    await expect(submitAll(rekey.recovery, harness.shares.slice(1, 2))).rejects.toThrow(
      "disk full",
    );
    delete harness.store.hooks.commit;
    expect(await harness.snapshot()).toEqual(stored);
    expect(keys()).toBe(before);
    expect(await submitAll(rekey.recovery, harness.shares.slice(1, 2))).toMatchObject({
      kind: "shares",
    });
  });
});

describe("first recovery shares", () => {
  it("a vault without recovery shares gets its first ones at once", async () => {
    const harness = await createHarness("static", { shares: 0, threshold: 0 });
    const { rekey, keys } = harness.open;
    expect(rekey.recovery.required).toBe(0);
    expect(await harness.store.get(RECOVERY_KEY_PATH)).toBeNull();
    const made = sharesOf(await rekey.recovery.createFirstShares(PARAMETERS, null));
    expect(made).toHaveLength(3);
    expect(await authorise(harness, made.slice(1))).toBe(true);
    expect(keys().config).toMatchObject({ counts: { shares: 3, threshold: 2 } });
    expect(await rekey.recovery.state()).toEqual({ phase: "idle" });
    expect(await rekeyWith(rekey.recovery, made.slice(0, 2))).toHaveLength(3);
  });

  it("the first recovery shares are verified first when verification is asked for", async () => {
    const harness = await createHarness("static", { shares: 0, threshold: 0 });
    const { rekey } = harness.open;
    const outcome = await rekey.recovery.createFirstShares(VERIFIED, null);
    expect(outcome).toMatchObject({ result: { verificationId: expect.any(String) } });
    expect(await harness.store.get(RECOVERY_KEY_PATH)).toBeNull();
    expect(await rekey.recovery.createFirstShares(VERIFIED, null))
      .toEqual({ kind: "refused", refusal: { code: "already_in_progress" } });
    const made = sharesOf(outcome);
    expect(await verifyAll(rekey.recovery, made.slice(0, 2))).toMatchObject({ kind: "verified" });
    expect(await authorise(harness, made.slice(1))).toBe(true);
  });

  it("first shares are refused when some exist, and for the barrier", async () => {
    const harness = await createHarness("static", COUNTS);
    const none = await createHarness("static", { shares: 0, threshold: 0 });
    const stored = await harness.snapshot();
    for (const rekey of [harness.open.rekey.recovery, none.open.rekey.barrier]) {
      expect(await codeOf(() => rekey.createFirstShares(PARAMETERS, null))).toBe("invalid_request");
    }
    expect(await harness.snapshot()).toEqual(stored);
  });

  it("no share authorises a rekey while there are no recovery shares", async () => {
    const harness = await createHarness("static", { shares: 0, threshold: 0 });
    const { rekey } = harness.open;
    for (const target of [rekey.barrier, rekey.recovery]) {
      await target.start(PARAMETERS, null);
      expect(await submitAll(target, [asShare(new Uint8Array(33))]))
        .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
    }
  });
});
