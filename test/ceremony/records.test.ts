import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeCeremony,
  decodeShareChecks,
  encodeCeremony,
  encodeShareChecks,
} from "../../src/ceremony/ceremony_record.ts";
import { GenerateRoot } from "../../src/ceremony/generate_root.ts";
import {
  decodeShareBackup,
  encodeShareBackup,
  sameHolders,
  sharesByFingerprint,
} from "../../src/ceremony/recipients.ts";
import {
  createKeyCheck,
  createShareChecks,
  joinCheckedKey,
  joinShares,
  placeOfShare,
  splitKey,
} from "../../src/ceremony/shares.ts";
import { type CeremonyState, IDLE, verificationsRequired } from "../../src/ceremony/state.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { createLog } from "../../src/log.ts";
import { Metrics } from "../../src/metrics.ts";
import { ceremonyPath } from "../../src/storage/record_paths.ts";
import { codeOf, flipBit, seededRandom } from "../barrier/doubles.ts";
import { createHarness } from "./ceremony_harness.ts";
import { type Share, share as asShare } from "../../src/crypto/keys.ts";

const random = seededRandom("ceremony records");

const someShare = fc.uint8Array({ minLength: 16, maxLength: 33 })
  .map((bytes) => asShare(Uint8Array.from(bytes)));
const someBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes));
const someText = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) =>
  text.isWellFormed()
);
const someNumber = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const someRecipient = fc.record({
  fingerprint: someText,
  encryptionKeyFingerprint: someText,
  key: someText,
});
const someHead = fc.record({
  ceremonyId: fc.uuid(),
  parameters: fc.record({
    shares: fc.integer({ min: 1, max: 255 }),
    threshold: fc.integer({ min: 1, max: 255 }),
    recipients: fc.option(fc.array(someRecipient, { maxLength: 3 })),
    backup: fc.boolean(),
    requireVerification: fc.boolean(),
    verifyAll: fc.boolean(),
  }),
  required: fc.integer({ min: 0, max: 255 }),
  startedAtMs: someNumber,
  startedBy: fc.option(someText),
  expiresAtMs: someNumber,
});
const someChecks = fc.record({ salt: someBytes, macs: fc.array(someBytes, { maxLength: 4 }) });
const someState: fc.Arbitrary<CeremonyState> = fc.oneof(
  fc.record({
    phase: fc.constant("gathering" as const),
    head: someHead,
    given: fc.array(fc.nat(254), { maxLength: 4 }),
    earlyVerificationId: fc.option(fc.uuid()),
  }),
  fc.record({
    phase: fc.constant("verifying" as const),
    head: someHead,
    verificationId: fc.uuid(),
    verified: fc.array(fc.nat(254), { maxLength: 4 }),
    kept: fc.array(someShare, { maxLength: 4 }),
    pending: fc.record({
      checks: someChecks,
      keyCheck: fc.record({ salt: someBytes, mac: someBytes }),
      encryptedShares: fc.option(fc.array(someText, { maxLength: 3 })),
      backup: fc.boolean(),
      confirmed: fc.array(someText, { maxLength: 3 }),
    }),
  }),
);

describe("ceremony record", () => {
  it("a ceremony record reads back in any phase", () => {
    fc.assert(fc.property(someState, (state) => {
      const bytes = encodeCeremony(state);
      expect(bytes === null ? null : decodeCeremony(bytes)).toEqual(state);
    }));
  });

  it("an idle ceremony has no record", () => {
    expect(encodeCeremony(IDLE)).toBeNull();
  });

  it.each([
    ["a share that is too short", { version: 2, phase: "verifying", head: {}, kept: ["AAAA"] }],
    ["a malformed share", { version: 2, phase: "verifying", head: {}, kept: ["no base64!"] }],
    ["an older version", { version: 1, phase: "gathering", head: {}, given: [] }],
    ["the version of a newer program", { version: 3, phase: "gathering", head: {}, given: [] }],
  ])("a ceremony record with %s is refused", async (_name, json) => {
    expect(await codeOf(() => decodeCeremony(encodeUtf8(JSON.stringify(json)))))
      .toBe("record_malformed");
  });
});

describe("record of root token generation", () => {
  it.each([1, 3])(
    "a record of root token generation with version %i is refused",
    async (version) => {
      const { open } = await createHarness("shamir", { shares: 3, threshold: 2 });
      const generateRoot = new GenerateRoot({
        barrier: open.barrier,
        keys: open.keys,
        random,
        nowMs: () => 0,
        log: createLog({ level: "error", style: "text", write: () => {}, nowMs: () => 0 }),
        metrics: new Metrics(0),
        issueRootToken: () => ({ id: "", entries: [] }),
        clearTraces: async () => {},
      });
      await generateRoot.start({ kind: "otp", otp: "" }, null);
      const path = ceremonyPath("generate-root");
      const json = JSON.parse(
        decodeUtf8((await open.barrier.get(path))?.value ?? new Uint8Array()),
      );
      const value = encodeUtf8(JSON.stringify({ ...json, version }));
      await open.barrier.commit({ entries: [{ path, value }] });
      expect(await codeOf(() => generateRoot.state())).toBe("record_malformed");
    },
  );
});

describe("share checks", () => {
  const checkKey = (salt: Uint8Array) => Uint8Array.from(salt, (byte) => byte ^ 0x55);
  const key = random(32);
  const shares = splitKey(key, 5, 3, random);
  const checks = createShareChecks(shares, checkKey, random);

  it("share checks recognise each share and its place, and no share with a bit flipped", () => {
    for (const [place, share] of shares.entries()) {
      expect(placeOfShare(share, checks, checkKey)).toBe(place);
      for (let index = 0; index < share.length; index++) {
        const other = asShare(flipBit(share, index, index % 8));
        expect(placeOfShare(other, checks, checkKey)).toBeNull();
      }
    }
  });

  it("share checks do not recognise other shares, a part of a share or the key", () => {
    const [first = asShare(random(33))] = shares;
    const others = [...splitKey(key, 5, 3, random), first.subarray(1), key];
    for (const other of others) expect(placeOfShare(asShare(other), checks, checkKey)).toBeNull();
  });

  it("share checks recognise nothing without their key, or when there are none", () => {
    const [share = asShare(random(33))] = shares;
    expect(placeOfShare(share, checks, () => random(32))).toBeNull();
    expect(placeOfShare(share, null, checkKey)).toBeNull();
    expect(placeOfShare(share, { ...checks, macs: [] }, checkKey)).toBeNull();
  });

  it("share checks are HMAC-SHA-256 in share order, with a new salt each time", () => {
    const hmac = (share: Uint8Array) =>
      new Uint8Array(createHmac("sha256", checkKey(checks.salt)).update(share).digest());
    expect(checks.macs).toEqual(shares.map(hmac));
    expect(checks.salt).toHaveLength(32);
    expect(createShareChecks(shares, checkKey, random).salt).not.toEqual(checks.salt);
  });

  it("share checks read back from their stored form", () => {
    fc.assert(fc.property(someChecks, (some) => {
      expect(decodeShareChecks(encodeShareChecks(some))).toEqual(some);
    }));
  });
});

describe("key check", () => {
  const checkKey = (salt: Uint8Array) => Uint8Array.from(salt, (byte) => byte ^ 0xaa);
  const key = random(32);
  const check = createKeyCheck(key, checkKey, random);

  it("joinCheckedKey() joins any quorum of shares, or takes a single bare share", () => {
    const [a, b, c] = splitKey(key, 3, 2, random);
    if (a === undefined || b === undefined || c === undefined) throw new Error("no shares");
    for (const quorum of [[a, b], [c, a], [a, b, c]]) {
      expect(joinCheckedKey(quorum, 2, check, checkKey)).toEqual(key);
    }
    expect(joinCheckedKey([asShare(key)], 1, check, checkKey)).toEqual(key);
  });

  it("joinCheckedKey() refuses too few shares, another key's share or a key with a bit flipped", async () => {
    const refused = (shares: readonly Share[], derive = checkKey) =>
      codeOf(() => joinCheckedKey(shares, shares.length, check, derive));
    const [a = asShare(random(33)), b = asShare(random(33))] = splitKey(key, 3, 3, random);
    const [other = asShare(random(33))] = splitKey(random(32), 3, 2, random);
    expect(await refused([a, b])).toBe("ciphertext_rejected");
    expect(await refused([a, other])).toBe("ciphertext_rejected");
    for (let bit = 0; bit < 8; bit++) {
      expect(await refused([asShare(flipBit(key, 31 - bit, bit))])).toBe("ciphertext_rejected");
    }
    expect(await refused([asShare(key)], () => random(32))).toBe("ciphertext_rejected");
    expect(await refused([asShare(key)])).toBe("no error");
  });

  it("a key check is HMAC-SHA-256 with a new salt each time", () => {
    const hmac = createHmac("sha256", checkKey(check.salt)).update(key).digest();
    expect(check.mac).toEqual(new Uint8Array(hmac));
    expect(check.salt).toHaveLength(32);
    expect(createKeyCheck(key, checkKey, random).salt).not.toEqual(check.salt);
  });
});

describe("split keys", () => {
  it("any quorum of shares joins to the key", () => {
    const key = random(32);
    const [a, b, c] = splitKey(key, 3, 2, random);
    if (a === undefined || b === undefined || c === undefined) throw new Error("no shares");
    for (const quorum of [[a, b], [b, c], [c, a], [a, b, c]]) {
      expect(joinShares(quorum, 2)).toEqual(key);
    }
    expect(a).toHaveLength(33);
  });

  it("splitKey() hands out a copy of the bare key for a single share", () => {
    const key = random(32);
    const [only] = splitKey(key, 1, 1, random);
    if (only === undefined) throw new Error("no share");
    expect(only).toEqual(key);
    only.fill(0);
    expect(key).not.toEqual(only);
    expect(joinShares([asShare(key)], 1)).toEqual(key);
  });

  it("joinShares() refuses shares that do not fit, in Vault's words", async () => {
    const [a = asShare(random(33))] = splitKey(random(32), 3, 2, random);
    expect(await codeOf(() => joinShares([a], 2))).toBe("invalid_request");
    expect(() => joinShares([a], 2)).toThrow("less than two parts");
    expect(() => joinShares([a, asShare(Uint8Array.from(a))], 2)).toThrow(
      "duplicate part detected",
    );
    expect(() => joinShares([a, asShare(random(20))], 2)).toThrow(
      "all parts must be the same length",
    );
    expect(() => joinShares([], 1)).toThrow("less than two parts");
  });
});

describe("encrypted shares", () => {
  const recipients = ["aa", "bb", "aa"].map((fingerprint) => ({
    fingerprint,
    encryptionKeyFingerprint: fingerprint,
    key: "",
  }));

  it("encrypted shares are listed by fingerprint in share order", () => {
    expect(sharesByFingerprint(recipients, ["01", "02", "03"]))
      .toEqual({ aa: ["01", "03"], bb: ["02"] });
  });

  it("sameHolders() groups keys that are equal or share an encryption key", () => {
    const key = (fingerprint: string, encryptionKeyFingerprint = fingerprint) => ({
      fingerprint,
      encryptionKeyFingerprint,
      key: "",
    });
    expect(sameHolders([])).toEqual([]);
    expect(sameHolders([key("a", "b"), key("c", "d"), key("e")])).toEqual([]);
    expect(sameHolders([key("a", "b"), key("c", "d"), key("e", "b"), key("c", "f")]))
      .toEqual([[0, 2], [1, 3]]);
    expect(sameHolders([key("a", "b"), key("c", "d"), key("a", "d"), key("d")]))
      .toEqual([[0, 1, 2, 3]]);
    expect(sameHolders(Array(255).fill(key("a", "b")))).toHaveLength(1);
  });

  it("a share backup reads back from its stored form", () => {
    const backup = { ceremonyId: "N", shares: { aa: ["01"] }, stale: true };
    expect(decodeShareBackup(encodeShareBackup(backup))).toEqual(backup);
  });
});

it("verification needs the new threshold, or every new share with verify_all", () => {
  const parameters = {
    shares: 5,
    threshold: 3,
    recipients: null,
    backup: false,
    requireVerification: true,
  };
  expect(verificationsRequired({ ...parameters, verifyAll: false })).toBe(3);
  expect(verificationsRequired({ ...parameters, verifyAll: true })).toBe(5);
});
