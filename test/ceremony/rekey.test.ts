import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { installRootKey, NOTHING_ATTACHED } from "../../src/ceremony/install.ts";
import { parametersDigest, type Rekey } from "../../src/ceremony/rekey.ts";
import { encodeBase64, encodeHex } from "../../src/crypto/bytes.ts";
import { CEREMONY_TTL_MS } from "../../src/limits.ts";
import { readDueTimes } from "../../src/storage/due.ts";
import { ceremonyPath } from "../../src/storage/record_paths.ts";
import { codeOf, flipBit } from "../barrier/doubles.ts";
import {
  type Bench,
  ceremonyIdOf,
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

function createShamirBench(): Promise<Bench> {
  return createBench("shamir", COUNTS);
}

/** Under the attempt's own nonce. */
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
  return indices.map((index) => shares[index] ?? new Uint8Array(33));
}

describe("a rekey of unseal shares", () => {
  it("puts new shares in force: they open the vault, the old ones do not", async () => {
    const bench = await createShamirBench();
    await putText(bench.open.barrier, "logical/a", "secret");
    const before = bench.open.keys();
    const made = await rekeyWith(bench.open.rekey.barrier, pick(bench.shares, 0, 2), {
      shares: 5,
      threshold: 3,
    });
    expect(made).toHaveLength(5);
    expect(await textAt(bench.open.barrier, "logical/a")).toBe("secret");
    expect(bench.open.keys().rootKey).not.toEqual(before.rootKey);
    expect(bench.open.keys().config).toMatchObject({ unseal: { shares: 5, threshold: 3 } });

    const reopened = await bench.reopen(pick(made, 4, 0, 2));
    expect(await textAt(reopened.barrier, "logical/a")).toBe("secret");
    expect(reopened.barrier.keyring).toEqual(bench.open.barrier.keyring);
    expect(reopened.keys().rootKey).toEqual(bench.open.keys().rootKey);
    expect(await codeOf(() => bench.reopen(bench.shares))).toBe("unknown_key");
    expect(await codeOf(() => bench.reopen(pick(made, 0, 1)))).toBe("unknown_key");
  });

  it("leaves no trace of the attempt, and starts a rewrap towards the new key", async () => {
    const bench = await createShamirBench();
    const { rekey, rewrap } = bench.open;
    await rekeyWith(rekey.barrier, pick(bench.shares, 0, 1));
    expect(await rekey.barrier.state()).toEqual({ phase: "idle" });
    expect(await bench.store.get(ceremonyPath("barrier"))).toBeNull();
    expect([...await readDueTimes(bench.store)]).toEqual([["rewrap", bench.clock.nowMs]]);
    expect(await rewrap.job()).toMatchObject({
      phase: "running",
      run: { reason: "rekey", targetKeyId: bench.open.keys().seal.keyId },
    });
  });

  it("keeps the key before it, so that what it wrapped still opens after a restart", async () => {
    const bench = await createShamirBench();
    await putText(bench.open.barrier, "logical/a", "1");
    const oldKeyId = bench.open.keys().seal.keyId;
    const first = await rekeyWith(bench.open.rekey.barrier, pick(bench.shares, 0, 1));
    await putText(bench.open.barrier, "logical/b", "2");
    const second = await rekeyWith(bench.open.rekey.barrier, pick(first, 1, 2));
    const reopened = await bench.reopen(pick(second, 0, 2));
    expect(await textAt(reopened.barrier, "logical/a")).toBe("1");
    expect(await textAt(reopened.barrier, "logical/b")).toBe("2");
    expect(reopened.keys().seal.previous.map(({ id }) => id)).toContain(oldKeyId);
    expect(reopened.keys().seal.previous).toHaveLength(2);
  });

  it("has the new shares authorise the next one, and the old ones nothing", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    const made = await rekeyWith(rekey, pick(bench.shares, 0, 1), { shares: 5, threshold: 3 });
    expect(rekey.required).toBe(3);
    await rekey.start(PARAMETERS, null);
    for (const share of bench.shares) {
      expect(await submit(rekey, share)).toMatchObject({ refusal: { code: "unknown_share" } });
    }
    expect(await submitAll(rekey, pick(made, 4, 1))).toMatchObject({ kind: "advanced" });
    expect(await submit(rekey, made[2] as Share)).toMatchObject({ kind: "shares" });
  });

  it("refuses a wrong share at once and keeps what was given", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    const [first, second] = bench.shares as [Share, Share];
    expect(await submit(rekey, flipBit(first, 3, 1)))
      .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
    await submit(rekey, first);
    expect(await submit(rekey, first))
      .toEqual({ kind: "refused", refusal: { code: "duplicate_share" } });
    expect(await submit(rekey, flipBit(second, 0, 0)))
      .toEqual({ kind: "refused", refusal: { code: "unknown_share" } });
    expect(await rekey.submit({ share: second, id: "another", parametersDigest: null }))
      .toMatchObject({ refusal: { code: "wrong_ceremony_id" } });
    expect(await progressOf(rekey)).toBe(1);
    expect(await submit(rekey, second)).toMatchObject({ kind: "shares" });
  });

  it("goes on after a restart where it was, under the same nonce", async () => {
    const bench = await createShamirBench();
    await bench.open.rekey.barrier.start(PARAMETERS, "accessor-1");
    const id = await ceremonyIdOf(bench.open.rekey.barrier);
    await submit(bench.open.rekey.barrier, bench.shares[0] as Share);
    const { rekey } = await bench.reopen(pick(bench.shares, A, B));
    expect(await rekey.barrier.state()).toMatchObject({
      phase: "gathering",
      head: { ceremonyId: id, startedBy: "accessor-1" },
      given: [0],
    });
    const made = sharesOf(await submit(rekey.barrier, bench.shares[2] as Share));
    expect(await codeOf(() => bench.reopen(pick(made, 0, 1)))).toBe("no error");
  });

  it("hands out the bare key for a single share, which is enough afterwards", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    const made = await rekeyWith(rekey, pick(bench.shares, A, B), { shares: 1, threshold: 1 });
    expect(made.map((share) => share.length)).toEqual([32]);
    expect(await codeOf(() => bench.reopen(made))).toBe("no error");
    expect(rekey.required).toBe(1);
    const again = await rekeyWith(rekey, made, { shares: 3, threshold: 3 });
    expect(await codeOf(() => bench.reopen(again))).toBe("no error");
  });

  it("does not start twice, and ends when it is cancelled, with the shares as they were", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    await submit(rekey, bench.shares[0] as Share);
    expect(await rekey.start(PARAMETERS, null))
      .toEqual({ kind: "refused", refusal: { code: "already_in_progress" } });
    const id = await ceremonyIdOf(rekey);
    await rekey.cancel();
    expect(await rekey.state()).toEqual({ phase: "idle" });
    expect((await readDueTimes(bench.store)).size).toBe(0);
    const stored = await bench.snapshot();
    await rekey.cancel();
    expect(await bench.snapshot()).toEqual(stored);
    await rekey.start(PARAMETERS, null);
    expect(await progressOf(rekey)).toBe(0);
    expect(await ceremonyIdOf(rekey)).not.toBe(id);
    expect(await codeOf(() => bench.reopen(pick(bench.shares, 1, 2)))).toBe("no error");
  });

  it("asks as many shares as were needed when it began", async () => {
    const bench = await createShamirBench();
    expect(bench.open.rekey.barrier.required).toBe(2);
    await bench.open.rekey.barrier.start({ ...PARAMETERS, shares: 9, threshold: 7 }, null);
    expect(await bench.open.rekey.barrier.state()).toMatchObject({ head: { required: 2 } });
  });

  it("is ended by the records that a seal writes", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    await bench.store.commit({ writes: rekey.endRecords() });
    expect(await rekey.state()).toEqual({ phase: "idle" });
    expect((await readDueTimes(bench.store)).size).toBe(0);
  });

  it("logs nothing that a holder was given", async () => {
    const bench = await createShamirBench();
    await bench.open.rekey.barrier.start(VERIFIED, null);
    const made = sharesOf(await submitAll(bench.open.rekey.barrier, pick(bench.shares, A, B)));
    await verifyAll(bench.open.rekey.barrier, pick(made, A, B));
    expect(bench.lines.join("\n")).toContain("security barrier rekeyed: shares=3 threshold=2");
    for (const share of [...bench.shares, ...made]) {
      expect(bench.lines.join("\n")).not.toContain(encodeHex(share));
      expect(bench.lines.join("\n")).not.toContain(encodeBase64(share));
    }
  });
});

describe("a rekey with verification", () => {
  async function handOut(parameters = VERIFIED) {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(parameters, null);
    const outcome = await submitAll(rekey, pick(bench.shares, A, B));
    return { bench, rekey, outcome, made: sharesOf(outcome) };
  }

  it("changes nothing before enough new shares came back", async () => {
    const { bench, rekey, outcome, made } = await handOut();
    expect(outcome).toMatchObject({ result: { verificationId: await verificationIdOf(rekey) } });
    expect(await verifyAll(rekey, pick(made, 2))).toMatchObject({ kind: "advanced" });
    expect(await codeOf(() => bench.reopen(pick(bench.shares, A, B)))).toBe("no error");
    expect(await codeOf(() => bench.reopen(pick(made, A, B)))).toBe("unknown_key");
    const id = await verificationIdOf(rekey);
    expect(await verifyAll(rekey, pick(made, 0))).toEqual({ kind: "verified", verificationId: id });
    expect(await codeOf(() => bench.reopen(pick(made, A, B)))).toBe("no error");
    expect(await codeOf(() => bench.reopen(pick(bench.shares, A, B)))).toBe("unknown_key");
    expect(await rekey.state()).toEqual({ phase: "idle" });
  });

  it("knows each new share, and refuses old ones, wrong ones and repeated ones", async () => {
    const { bench, rekey, made } = await handOut();
    const [first] = made as [Share];
    for (const wrong of [...bench.shares, flipBit(first, 32, 0), flipBit(first, 0, 7)]) {
      expect(await verifyAll(rekey, [wrong]))
        .toEqual({ kind: "refused", refusal: { code: "unknown_new_share" } });
    }
    await verifyAll(rekey, [first]);
    expect(await verifyAll(rekey, [first]))
      .toEqual({ kind: "refused", refusal: { code: "duplicate_new_share" } });
    expect(await progressOf(rekey)).toBe(1);
  });

  it("has a nonce of its own, renewed when it starts over, and gone with the attempt", async () => {
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

  it("takes no more old shares, and leaves them in force when it is cancelled", async () => {
    const { bench, rekey, made } = await handOut();
    expect(await submitAll(rekey, pick(bench.shares, 2)))
      .toMatchObject({ refusal: { code: "already_finished" } });
    await rekey.cancel();
    expect(await codeOf(() => bench.reopen(pick(bench.shares, A, B)))).toBe("no error");
    expect(await codeOf(() => bench.reopen(pick(made, A, B)))).toBe("unknown_key");
  });

  it("goes on after a restart", async () => {
    const { bench, rekey, made } = await handOut();
    await verifyAll(rekey, pick(made, A));
    const { rekey: later } = await bench.reopen(pick(bench.shares, A, B));
    expect(await progressOf(later.barrier)).toBe(1);
    expect(await verifyAll(later.barrier, pick(made, B))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => bench.reopen(pick(made, 0, 2)))).toBe("no error");
  });

  it("asks for every new share when told to", async () => {
    const { bench, rekey, made } = await handOut({ ...VERIFIED, verifyAll: true });
    expect(await verifyAll(rekey, pick(made, 0, 1))).toMatchObject({ kind: "advanced" });
    expect(await codeOf(() => bench.reopen(pick(made, 0, 1)))).toBe("unknown_key");
    expect(await verifyAll(rekey, pick(made, 2))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => bench.reopen(pick(made, 0, 1)))).toBe("no error");
  });
});

describe("the digest of an attempt's parameters", () => {
  const recipient = { fingerprint: "aa", encryptionKeyFingerprint: "ac", key: "" };

  it("differs for each thing that a holder agrees to", () => {
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

  it("is SHA-256 of a list that a holder can write down", () => {
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

  it("may come with a share, and the share is refused when it is another attempt's", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(VERIFIED, null);
    const [first, second] = bench.shares as [Share, Share];
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

describe("an attempt whose time is over", () => {
  it("counts as none, whether or not the alarm has removed it", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    const endsAtMs = bench.clock.nowMs + CEREMONY_TTL_MS;
    expect([...await readDueTimes(bench.store)]).toEqual([["ceremony-barrier", endsAtMs]]);
    await submit(rekey, bench.shares[0] as Share);
    const id = await ceremonyIdOf(rekey);
    expect([...await readDueTimes(bench.store)]).toEqual([["ceremony-barrier", endsAtMs]]);

    bench.clock.nowMs = endsAtMs - 1;
    await rekey.expire();
    expect(await progressOf(rekey)).toBe(1);
    bench.clock.nowMs = endsAtMs;
    expect(await rekey.state()).toEqual({ phase: "idle" });
    const late = { share: bench.shares[1] as Share, id, parametersDigest: null };
    expect(await rekey.submit(late))
      .toEqual({ kind: "refused", refusal: { code: "not_in_progress" } });
    expect(await bench.store.get(ceremonyPath("barrier"))).not.toBeNull();

    await rekey.expire();
    expect(await bench.store.get(ceremonyPath("barrier"))).toBeNull();
    expect((await readDueTimes(bench.store)).size).toBe(0);
    await rekey.expire();
    expect(await rekey.start(PARAMETERS, null)).toMatchObject({ kind: "advanced" });
  });

  it("makes room for another one also before the alarm has removed it", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(VERIFIED, null);
    const void1 = sharesOf(await submitAll(rekey, pick(bench.shares, A, B)));
    bench.clock.nowMs += CEREMONY_TTL_MS;
    expect(await verifyAll(rekey, pick(void1, A)))
      .toMatchObject({ refusal: { code: "not_in_progress" } });
    const made = await rekeyWith(rekey, pick(bench.shares, A, B));
    expect(await codeOf(() => bench.reopen(pick(made, A, B)))).toBe("no error");
  });
});

describe("a rekey that meets another writer", () => {
  /** Another writer changes the record of the attempt just before the commit of `body`. */
  async function overtaken(bench: Bench, body: () => Promise<unknown>): Promise<void> {
    const path = ceremonyPath("barrier");
    const record = await bench.store.get(path);
    let after = {};
    bench.store.hooks.commit = async () => {
      delete bench.store.hooks.commit;
      const { bytes = null, sealKeyId = null } = record ?? {};
      await bench.store.commit({ writes: [{ path, bytes, sealKeyId }] });
      if (record === null) {
        await bench.store.commit({ writes: [{ path, bytes: new Uint8Array(1), sealKeyId: null }] });
      }
      after = await bench.snapshot();
    };
    const keys = bench.open.keys();
    expect(await codeOf(body)).toBe("store_conflict");
    expect(await bench.snapshot()).toEqual(after);
    expect(bench.open.keys()).toBe(keys);
  }

  it("says so and changes nothing, at any step", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    const [first, second] = bench.shares as [Share, Share];
    await rekey.start(VERIFIED, null);
    await overtaken(bench, () => submit(rekey, first));
    await overtaken(bench, () => rekey.cancel());
    await overtaken(bench, () => rekey.deleteBackup(null));
    await overtaken(bench, () => rekey.restartVerification());
    await submit(rekey, first);
    await overtaken(bench, () => submit(rekey, second));
    const made = sharesOf(await submit(rekey, second));
    await overtaken(bench, () => verifyAll(rekey, pick(made, A)));
    await overtaken(bench, () => rekey.restartVerification());
    await verifyAll(rekey, pick(made, A));
    await overtaken(bench, () => verifyAll(rekey, pick(made, B)));
    expect(await codeOf(() => bench.reopen(pick(bench.shares, A, B)))).toBe("no error");
    expect(await verifyAll(rekey, pick(made, B))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => bench.reopen(pick(made, A, B)))).toBe("no error");
  });

  it("does not start over one that began meanwhile", async () => {
    const bench = await createShamirBench();
    await overtaken(bench, () => bench.open.rekey.barrier.start(PARAMETERS, null));
  });

  it("does not install over keys that were changed meanwhile", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    const other = await bench.reopen(pick(bench.shares, A, B));
    await rekey.start(PARAMETERS, null);
    await submit(rekey, bench.shares[0] as Share);
    bench.store.hooks.commit = async () => {
      delete bench.store.hooks.commit;
      await installRootKey({
        store: bench.store,
        barrier: other.barrier,
        nowMs: () => 0,
        outerOf: (seal) => seal,
        random: (length) => new Uint8Array(length).fill(9),
        keys: other.keys,
        keysCommitted: () => {},
        prepareRewrap: () => ({ entries: [], writes: [], committed: () => {} }),
      }, NOTHING_ATTACHED);
    };
    expect(await codeOf(() => submit(rekey, bench.shares[1] as Share))).toBe("store_conflict");
    expect(await codeOf(() => bench.reopen(pick(bench.shares, A, B)))).toBe("no error");
    expect(await progressOf(rekey)).toBe(1);
  });
});

describe("a rekey whose store fails", () => {
  it.each([false, true])(
    "leaves a vault that either set of shares opens, whichever commit fails (verified: %s)",
    async (requireVerification) => {
      let commits = Infinity;
      for (let failing = 1; failing <= commits; failing++) {
        const bench = await createShamirBench();
        const rekey = bench.open.rekey.barrier;
        await putText(bench.open.barrier, "logical/a", "secret");
        let count = 0;
        bench.store.hooks.commit = () => {
          count += 1;
          if (count === failing) throw new Error("disk full");
        };
        let made: readonly Share[] = [];
        try {
          await rekey.start({ ...PARAMETERS, requireVerification }, null);
          made = sharesOf(await submitAll(rekey, pick(bench.shares, A, B)));
          if (requireVerification) await verifyAll(rekey, pick(made, A, B));
          commits = count;
        } catch (error) {
          expect(error).toMatchObject({ message: "disk full" });
        }
        delete bench.store.hooks.commit;
        const finished = commits === count;
        const opening = finished ? made : bench.shares;
        const { barrier } = await bench.reopen(pick(opening, A, B));
        expect(await textAt(barrier, "logical/a")).toBe("secret");
        expect(await textAt(bench.open.barrier, "logical/a")).toBe("secret");
      }
      expect(commits).toBe(requireVerification ? 5 : 3);
    },
  );

  it("keeps the attempt, so that the last holder gives his share again", async () => {
    const bench = await createShamirBench();
    const rekey = bench.open.rekey.barrier;
    await rekey.start(PARAMETERS, null);
    await submit(rekey, bench.shares[0] as Share);
    bench.store.hooks.commit = () => {
      throw new Error("disk full");
    };
    await expect(submit(rekey, bench.shares[1] as Share)).rejects.toThrow("disk full");
    delete bench.store.hooks.commit;
    expect(await progressOf(rekey)).toBe(1);
    const made = sharesOf(await submit(rekey, bench.shares[1] as Share));
    expect(await codeOf(() => bench.reopen(pick(made, A, B)))).toBe("no error");
  });
});
