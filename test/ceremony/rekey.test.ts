import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { installRootKey } from "../../src/ceremony/install.ts";
import type { Rekey } from "../../src/ceremony/rekey.ts";
import { parametersDigest } from "../../src/ceremony/parameters_digest.ts";
import { encodeBase64, encodeHex } from "../../src/crypto/bytes.ts";
import { CEREMONY_TTL_MS } from "../../src/limits.ts";
import { readDueTimes } from "../../src/storage/due.ts";
import { ceremonyPath } from "../../src/storage/record_paths.ts";
import { codeOf, flipBit } from "../barrier/doubles.ts";
import {
  ceremonyIdOf,
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

function createShamirHarness(): Promise<Harness> {
  return createHarness("shamir", COUNTS);
}

/** Gives a share under the attempt's own nonce. */
async function submit(rekey: Rekey, share: Share, digest: string | null = null) {
  return await rekey.submit({ share, id: await ceremonyIdOf(rekey), parametersDigest: digest });
}

async function progressOf(rekey: Rekey): Promise<number> {
  const state = await rekey.state();
  switch (state.phase) {
    case "idle":
      return 0;
    case "gathering":
      return state.given.length;
    case "verifying":
      return state.verified.length;
  }
}

async function verificationIdOf(rekey: Rekey): Promise<string> {
  const state = await rekey.state();
  return state.phase === "verifying" ? state.verificationId : "";
}

const [A, B] = [0, 1];
function pick(shares: readonly Share[], ...indices: number[]): Share[] {
  return indices.map((index) => shares[index] ?? asShare(new Uint8Array(33)));
}

describe("rekey of unseal shares", () => {
  it("after a rekey the new shares open the vault and the old ones do not", async () => {
    const harness = await createShamirHarness();
    await putText(harness.open.barrier, "logical/a", "secret");
    const before = harness.open.keys();
    const made = await rekeyWith(harness.open.rekey.barrier, pick(harness.shares, 0, 2), {
      shares: 5,
      threshold: 3,
    });
    expect(made).toHaveLength(5);
    expect(await textAt(harness.open.barrier, "logical/a")).toBe("secret");
    expect(harness.open.keys().rootKey).not.toEqual(before.rootKey);
    expect(harness.open.keys().config).toMatchObject({ counts: { shares: 5, threshold: 3 } });

    const reopened = await harness.reopen(pick(made, 4, 0, 2));
    expect(await textAt(reopened.barrier, "logical/a")).toBe("secret");
    expect(reopened.barrier.keyring).toEqual(harness.open.barrier.keyring);
    expect(reopened.keys().rootKey).toEqual(harness.open.keys().rootKey);
    expect(await codeOf(() => harness.reopen(harness.shares))).toBe("unknown_key");
    expect(await codeOf(() => harness.reopen(pick(made, 0, 1)))).toBe("unknown_key");
  });

  it("a finished rekey leaves no record of its attempt and starts a rewrap", async () => {
    const harness = await createShamirHarness();
    const { rekey, rewrap } = harness.open;
    await rekeyWith(rekey.barrier, pick(harness.shares, 0, 1));
    expect(await rekey.barrier.state()).toEqual({ phase: "idle" });
    expect(await harness.store.get(ceremonyPath("barrier"))).toBeNull();
    expect([...await readDueTimes(harness.store)]).toEqual([["rewrap", harness.clock.nowMs]]);
    expect(await rewrap.job()).toMatchObject({
      phase: "running",
      run: { reason: "rekey", targetKeyId: harness.open.keys().seal.keyId },
    });
  });

  it("values wrapped by earlier seal keys still open after two rekeys and a restart", async () => {
    const harness = await createShamirHarness();
    await putText(harness.open.barrier, "logical/a", "1");
    const oldKeyId = harness.open.keys().seal.keyId;
    const first = await rekeyWith(harness.open.rekey.barrier, pick(harness.shares, 0, 1));
    await putText(harness.open.barrier, "logical/b", "2");
    const second = await rekeyWith(harness.open.rekey.barrier, pick(first, 1, 2));
    const reopened = await harness.reopen(pick(second, 0, 2));
    expect(await textAt(reopened.barrier, "logical/a")).toBe("1");
    expect(await textAt(reopened.barrier, "logical/b")).toBe("2");
    expect(reopened.keys().seal.previous.map(({ id }) => id)).toContain(oldKeyId);
    expect(reopened.keys().seal.previous).toHaveLength(2);
  });

  it("the new shares authorise the next rekey and the old ones do not", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    const made = await rekeyWith(rekey, pick(harness.shares, 0, 1), { shares: 5, threshold: 3 });
    expect(rekey.required).toBe(3);
    await rekey.start(PARAMETERS, null);
    for (const share of harness.shares) {
      expect(await submit(rekey, share)).toMatchObject({ refusal: { code: "unknown_share" } });
    }
    expect(await submitAll(rekey, pick(made, 4, 1))).toMatchObject({ kind: "advanced" });
    expect(await submit(rekey, made[2] as Share)).toMatchObject({ kind: "shares" });
  });

  it("a rekey refuses a wrong share at once and keeps those given before", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    const [first, second] = harness.shares as [Share, Share];
    expect(await submit(rekey, asShare(flipBit(first, 3, 1))))
      .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
    await submit(rekey, first);
    expect(await submit(rekey, first))
      .toEqual({ kind: "refused", refusal: { code: "duplicate_share" } });
    expect(await submit(rekey, asShare(flipBit(second, 0, 0))))
      .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
    expect(await rekey.submit({ share: second, id: "another", parametersDigest: null }))
      .toMatchObject({ refusal: { code: "wrong_ceremony_id" } });
    expect(await progressOf(rekey)).toBe(1);
    expect(await submit(rekey, second)).toMatchObject({ kind: "shares" });
  });

  it("a rekey goes on after a restart under the same nonce", async () => {
    const harness = await createShamirHarness();
    await harness.open.rekey.barrier.start(PARAMETERS, "accessor-1");
    const id = await ceremonyIdOf(harness.open.rekey.barrier);
    await submit(harness.open.rekey.barrier, harness.shares[0] as Share);
    const { rekey } = await harness.reopen(pick(harness.shares, A, B));
    expect(await rekey.barrier.state()).toMatchObject({
      phase: "gathering",
      head: { ceremonyId: id, startedBy: "accessor-1" },
      given: [0],
    });
    const made = sharesOf(await submit(rekey.barrier, harness.shares[2] as Share));
    expect(await codeOf(() => harness.reopen(pick(made, 0, 1)))).toBe("no error");
  });

  it("a rekey to a single share hands out the bare key", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    const made = await rekeyWith(rekey, pick(harness.shares, A, B), { shares: 1, threshold: 1 });
    expect(made.map((share) => share.length)).toEqual([32]);
    expect(await codeOf(() => harness.reopen(made))).toBe("no error");
    expect(rekey.required).toBe(1);
    const again = await rekeyWith(rekey, made, { shares: 3, threshold: 3 });
    expect(await codeOf(() => harness.reopen(again))).toBe("no error");
  });

  it("a rekey cannot start twice, and cancelling it leaves the shares in force", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    await submit(rekey, harness.shares[0] as Share);
    expect(await rekey.start(PARAMETERS, null))
      .toEqual({ kind: "refused", refusal: { code: "already_in_progress" } });
    const id = await ceremonyIdOf(rekey);
    await rekey.cancel();
    expect(await rekey.state()).toEqual({ phase: "idle" });
    expect((await readDueTimes(harness.store)).size).toBe(0);
    const stored = await harness.snapshot();
    await rekey.cancel();
    expect(await harness.snapshot()).toEqual(stored);
    await rekey.start(PARAMETERS, null);
    expect(await progressOf(rekey)).toBe(0);
    expect(await ceremonyIdOf(rekey)).not.toBe(id);
    expect(await codeOf(() => harness.reopen(pick(harness.shares, 1, 2)))).toBe("no error");
  });

  it("a rekey asks for as many shares as were needed when it began", async () => {
    const harness = await createShamirHarness();
    expect(harness.open.rekey.barrier.required).toBe(2);
    await harness.open.rekey.barrier.start({ ...PARAMETERS, shares: 9, threshold: 7 }, null);
    expect(await harness.open.rekey.barrier.state()).toMatchObject({ head: { required: 2 } });
  });

  it("the records written by sealing end a rekey", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    await harness.store.commit({ writes: rekey.endRecords() });
    expect(await rekey.state()).toEqual({ phase: "idle" });
    expect((await readDueTimes(harness.store)).size).toBe(0);
  });

  it("a rekey logs no share", async () => {
    const harness = await createShamirHarness();
    await harness.open.rekey.barrier.start(VERIFIED, null);
    const made = sharesOf(await submitAll(harness.open.rekey.barrier, pick(harness.shares, A, B)));
    await verifyAll(harness.open.rekey.barrier, pick(made, A, B));
    expect(harness.lines.join("\n")).toContain("security barrier rekeyed: shares=3 threshold=2");
    for (const share of [...harness.shares, ...made]) {
      expect(harness.lines.join("\n")).not.toContain(encodeHex(share));
      expect(harness.lines.join("\n")).not.toContain(encodeBase64(share));
    }
  });
});

describe("rekey with verification", () => {
  async function handOut(parameters = VERIFIED) {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(parameters, null);
    const outcome = await submitAll(rekey, pick(harness.shares, A, B));
    return { harness, rekey, outcome, made: sharesOf(outcome) };
  }

  it("a verified rekey changes nothing until enough new shares came back", async () => {
    const { harness, rekey, outcome, made } = await handOut();
    expect(outcome).toMatchObject({ result: { verificationId: await verificationIdOf(rekey) } });
    expect(await verifyAll(rekey, pick(made, 2))).toMatchObject({ kind: "advanced" });
    expect(await codeOf(() => harness.reopen(pick(harness.shares, A, B)))).toBe("no error");
    expect(await codeOf(() => harness.reopen(pick(made, A, B)))).toBe("unknown_key");
    const id = await verificationIdOf(rekey);
    expect(await verifyAll(rekey, pick(made, 0))).toEqual({ kind: "verified", verificationId: id });
    expect(await codeOf(() => harness.reopen(pick(made, A, B)))).toBe("no error");
    expect(await codeOf(() => harness.reopen(pick(harness.shares, A, B)))).toBe("unknown_key");
    expect(await rekey.state()).toEqual({ phase: "idle" });
  });

  it("verification accepts each new share once and refuses any other", async () => {
    const { harness, rekey, made } = await handOut();
    const [first] = made as [Share];
    for (const wrong of [...harness.shares, flipBit(first, 32, 0), flipBit(first, 0, 7)]) {
      expect(await verifyAll(rekey, [asShare(wrong)]))
        .toEqual({ kind: "refused", refusal: { code: "unknown_new_share" } });
    }
    await verifyAll(rekey, [first]);
    expect(await verifyAll(rekey, [first]))
      .toEqual({ kind: "refused", refusal: { code: "duplicate_new_share" } });
    expect(await progressOf(rekey)).toBe(1);
  });

  it("each verification has a nonce of its own, renewed when it starts over", async () => {
    const { rekey, made } = await handOut();
    const [ceremonyId, first] = [await ceremonyIdOf(rekey), await verificationIdOf(rekey)];
    await verifyAll(rekey, pick(made, A));
    expect(await verificationIdOf(rekey)).toBe(first);
    expect(await rekey.restartVerification()).toMatchObject({ kind: "advanced" });
    const second = await verificationIdOf(rekey);
    expect([first, ceremonyId]).not.toContain(second);
    expect(await ceremonyIdOf(rekey)).toBe(ceremonyId);
    expect(await progressOf(rekey)).toBe(0);
    const late = { share: made[0] as Share, id: first, parametersDigest: null };
    expect(await rekey.verify(late))
      .toEqual({ kind: "refused", refusal: { code: "wrong_verification_id", expected: second } });
    await rekey.cancel();
    expect(await rekey.verify({ ...late, id: second }))
      .toEqual({ kind: "refused", refusal: { code: "not_in_progress" } });
  });

  it("a rekey under verification takes no more old shares, and can be cancelled", async () => {
    const { harness, rekey, made } = await handOut();
    expect(await submitAll(rekey, pick(harness.shares, 2)))
      .toMatchObject({ refusal: { code: "already_finished" } });
    await rekey.cancel();
    expect(await codeOf(() => harness.reopen(pick(harness.shares, A, B)))).toBe("no error");
    expect(await codeOf(() => harness.reopen(pick(made, A, B)))).toBe("unknown_key");
  });

  it("a verification goes on after a restart", async () => {
    const { harness, rekey, made } = await handOut();
    await verifyAll(rekey, pick(made, A));
    const { rekey: later } = await harness.reopen(pick(harness.shares, A, B));
    expect(await progressOf(later.barrier)).toBe(1);
    expect(await verifyAll(later.barrier, pick(made, B))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => harness.reopen(pick(made, 0, 2)))).toBe("no error");
  });

  it("verify_all asks for every new share", async () => {
    const { harness, rekey, made } = await handOut({ ...VERIFIED, verifyAll: true });
    expect(await verifyAll(rekey, pick(made, 0, 1))).toMatchObject({ kind: "advanced" });
    expect(await codeOf(() => harness.reopen(pick(made, 0, 1)))).toBe("unknown_key");
    expect(await verifyAll(rekey, pick(made, 2))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => harness.reopen(pick(made, 0, 1)))).toBe("no error");
  });
});

describe("digest of the parameters", () => {
  const recipient = { fingerprint: "aa", encryptionKeyFingerprint: "ac", key: "" };

  it("parametersDigest() differs for everything that holders agree to", () => {
    const variants = [
      PARAMETERS,
      { ...PARAMETERS, shares: 4 },
      { ...PARAMETERS, threshold: 3 },
      { ...PARAMETERS, recipients: [] },
      { ...PARAMETERS, recipients: [recipient] },
      { ...PARAMETERS, recipients: [{ ...recipient, fingerprint: "ab" }] },
      { ...PARAMETERS, recipients: [{ ...recipient, encryptionKeyFingerprint: "aa" }] },
      { ...PARAMETERS, recipients: [{ ...recipient, encryptionKeyFingerprint: "ab" }] },
      { ...PARAMETERS, backup: true },
      { ...PARAMETERS, requireVerification: true },
      { ...PARAMETERS, verifyAll: true },
    ];
    const digests = variants.map(parametersDigest);
    expect(new Set(digests).size).toBe(variants.length);
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(parametersDigest({ ...PARAMETERS })).toBe(digests[0]);
  });

  it("parametersDigest() is SHA-256 of a list that a holder can write down", () => {
    const agreed = '[3,2,["aa","aa"],["ab","ac"],false,true,false]';
    const recipients = ["ab", "ac"].map((encryptionKeyFingerprint) => ({
      ...recipient,
      encryptionKeyFingerprint,
    }));
    expect(parametersDigest({ ...PARAMETERS, recipients, requireVerification: true }))
      .toBe(createHash("sha256").update(agreed).digest("hex"));
    expect(parametersDigest(PARAMETERS))
      .toBe(createHash("sha256").update("[3,2,null,null,false,false,false]").digest("hex"));
  });

  it("a share sent with another attempt's parameters digest is refused", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(VERIFIED, null);
    const [first, second] = harness.shares as [Share, Share];
    expect(await submit(rekey, first, parametersDigest(PARAMETERS)))
      .toEqual({ kind: "refused", refusal: { code: "parameters_changed" } });
    expect(await submit(rekey, first, parametersDigest(VERIFIED))).toMatchObject({
      kind: "advanced",
    });
    const made = sharesOf(await submit(rekey, second, parametersDigest(VERIFIED)));
    const back = { share: made[0] as Share, id: await verificationIdOf(rekey) };
    expect(await rekey.verify({ ...back, parametersDigest: parametersDigest(PARAMETERS) }))
      .toEqual({ kind: "refused", refusal: { code: "parameters_changed" } });
    expect(await rekey.verify({ ...back, parametersDigest: parametersDigest(VERIFIED) }))
      .toMatchObject({ kind: "advanced" });
  });
});

describe("expired attempts", () => {
  it("an expired attempt counts as none, even before the alarm removes it", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    const endsAtMs = harness.clock.nowMs + CEREMONY_TTL_MS;
    expect([...await readDueTimes(harness.store)]).toEqual([["ceremony-barrier", endsAtMs]]);
    await submit(rekey, harness.shares[0] as Share);
    const id = await ceremonyIdOf(rekey);
    expect([...await readDueTimes(harness.store)]).toEqual([["ceremony-barrier", endsAtMs]]);

    harness.clock.nowMs = endsAtMs - 1;
    await rekey.expire();
    expect(await progressOf(rekey)).toBe(1);
    harness.clock.nowMs = endsAtMs;
    expect(await rekey.state()).toEqual({ phase: "idle" });
    const late = { share: harness.shares[1] as Share, id, parametersDigest: null };
    expect(await rekey.submit(late))
      .toEqual({ kind: "refused", refusal: { code: "not_in_progress" } });
    expect(await harness.store.get(ceremonyPath("barrier"))).not.toBeNull();

    await rekey.expire();
    expect(await harness.store.get(ceremonyPath("barrier"))).toBeNull();
    expect((await readDueTimes(harness.store)).size).toBe(0);
    await rekey.expire();
    expect(await rekey.start(PARAMETERS, null)).toMatchObject({ kind: "advanced" });
  });

  it("a new attempt can start before the alarm removes an expired one", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(VERIFIED, null);
    const void1 = sharesOf(await submitAll(rekey, pick(harness.shares, A, B)));
    harness.clock.nowMs += CEREMONY_TTL_MS;
    expect(await verifyAll(rekey, pick(void1, A)))
      .toMatchObject({ refusal: { code: "not_in_progress" } });
    const made = await rekeyWith(rekey, pick(harness.shares, A, B));
    expect(await codeOf(() => harness.reopen(pick(made, A, B)))).toBe("no error");
  });
});

describe("concurrent writers", () => {
  /** Runs `body` while another writer changes the attempt's record just before the commit. */
  async function overtaken(harness: Harness, body: () => Promise<unknown>): Promise<void> {
    const path = ceremonyPath("barrier");
    const record = await harness.store.get(path);
    let after = {};
    harness.store.hooks.commit = async () => {
      delete harness.store.hooks.commit;
      const { bytes = null, sealKeyId = null } = record ?? {};
      await harness.store.commit({ writes: [{ path, bytes, sealKeyId }] });
      if (record === null) {
        await harness.store.commit({
          writes: [{ path, bytes: new Uint8Array(1), sealKeyId: null }],
        });
      }
      after = await harness.snapshot();
    };
    const keys = harness.open.keys();
    expect(await codeOf(body)).toBe("store_conflict");
    expect(await harness.snapshot()).toEqual(after);
    expect(harness.open.keys()).toBe(keys);
  }

  it("every step of a rekey reports a conflict and changes nothing", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    const [first, second] = harness.shares as [Share, Share];
    await rekey.start(VERIFIED, null);
    await overtaken(harness, () => submit(rekey, first));
    await overtaken(harness, () => rekey.cancel());
    await overtaken(harness, () => rekey.deleteBackup(null));
    await overtaken(harness, () => rekey.restartVerification());
    await submit(rekey, first);
    await overtaken(harness, () => submit(rekey, second));
    const made = sharesOf(await submit(rekey, second));
    await overtaken(harness, () => verifyAll(rekey, pick(made, A)));
    await overtaken(harness, () => rekey.restartVerification());
    await verifyAll(rekey, pick(made, A));
    await overtaken(harness, () => verifyAll(rekey, pick(made, B)));
    expect(await codeOf(() => harness.reopen(pick(harness.shares, A, B)))).toBe("no error");
    expect(await verifyAll(rekey, pick(made, B))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => harness.reopen(pick(made, A, B)))).toBe("no error");
  });

  it("a rekey does not start over an attempt that began meanwhile", async () => {
    const harness = await createShamirHarness();
    await overtaken(harness, () => harness.open.rekey.barrier.start(PARAMETERS, null));
  });

  it("a rekey does not install over keys that were changed meanwhile", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    const other = await harness.reopen(pick(harness.shares, A, B));
    await rekey.start(PARAMETERS, null);
    await submit(rekey, harness.shares[0] as Share);
    harness.store.hooks.commit = async () => {
      delete harness.store.hooks.commit;
      await installRootKey({
        store: harness.store,
        barrier: other.barrier,
        nowMs: () => 0,
        outerOf: (seal) => seal,
        random: (length) => new Uint8Array(length).fill(9),
        keys: other.keys,
        keysCommitted: () => {},
        prepareRewrap: () => ({ change: {}, committed: () => {} }),
      }, {});
    };
    expect(await codeOf(() => submit(rekey, harness.shares[1] as Share))).toBe("store_conflict");
    expect(await codeOf(() => harness.reopen(pick(harness.shares, A, B)))).toBe("no error");
    expect(await progressOf(rekey)).toBe(1);
  });
});

describe("failing stores", () => {
  it.each([false, true])(
    "a rekey whose store fails at any commit leaves a vault that opens (verified: %s)",
    async (requireVerification) => {
      let commits = Infinity;
      for (let failing = 1; failing <= commits; failing++) {
        const harness = await createShamirHarness();
        const rekey = harness.open.rekey.barrier;
        await putText(harness.open.barrier, "logical/a", "secret");
        let count = 0;
        harness.store.hooks.commit = () => {
          count += 1;
          if (count === failing) throw new Error("disk full");
        };
        let made: readonly Share[] = [];
        try {
          await rekey.start({ ...PARAMETERS, requireVerification }, null);
          made = sharesOf(await submitAll(rekey, pick(harness.shares, A, B)));
          if (requireVerification) await verifyAll(rekey, pick(made, A, B));
          commits = count;
        } catch (error) {
          expect(error).toMatchObject({ message: "disk full" });
        }
        delete harness.store.hooks.commit;
        const finished = commits === count;
        const opening = finished ? made : harness.shares;
        const { barrier } = await harness.reopen(pick(opening, A, B));
        expect(await textAt(barrier, "logical/a")).toBe("secret");
        expect(await textAt(harness.open.barrier, "logical/a")).toBe("secret");
      }
      expect(commits).toBe(requireVerification ? 5 : 3);
    },
  );

  it("a rekey whose last commit failed keeps the attempt, so its last share can be given again", async () => {
    const harness = await createShamirHarness();
    const rekey = harness.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    await submit(rekey, harness.shares[0] as Share);
    harness.store.hooks.commit = () => {
      throw new Error("disk full");
    };
    await expect(submit(rekey, harness.shares[1] as Share)).rejects.toThrow("disk full");
    delete harness.store.hooks.commit;
    expect(await progressOf(rekey)).toBe(1);
    const made = sharesOf(await submit(rekey, harness.shares[1] as Share));
    expect(await codeOf(() => harness.reopen(pick(made, A, B)))).toBe("no error");
  });
});
