/** A new key that waits for verification is in no record, nor are enough shares to make it. */

import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { decryptKeyring } from "../../src/barrier/keyring.ts";
import { decodeCeremony, encodeCeremony } from "../../src/ceremony/ceremony_record.ts";
import { readRecoveryKey } from "../../src/ceremony/key_records.ts";
import type { Rekey } from "../../src/ceremony/rekey.ts";
import { joinShares } from "../../src/ceremony/shares.ts";
import type { CeremonyParameters, CeremonyState } from "../../src/ceremony/state.ts";
import { encodeUtf8 } from "../../src/crypto/bytes.ts";
import { rootKey } from "../../src/crypto/keys.ts";
import { VaultError } from "../../src/errors.ts";
import {
  ceremonyPath,
  KEYRING_PATH,
  ROOT_KEY_PATH,
  shareChecksPath,
} from "../../src/storage/record_paths.ts";
import { codeOf, flipBit } from "../barrier/doubles.ts";
import {
  createHarness,
  type Harness,
  PARAMETERS,
  putText,
  type Share,
  sharesOf,
  submitAll,
  verifyAll,
} from "./ceremony_harness.ts";
import { share as asShare } from "../../src/crypto/keys.ts";

const OLD_COUNTS = { shares: 3, threshold: 2 };
const VERIFIED: CeremonyParameters = { ...PARAMETERS, requireVerification: true };

/** Every layer of each record that today's keys open, with the stored bytes, by path. */
async function layersOf(harness: Harness): Promise<ReadonlyMap<string, readonly Uint8Array[]>> {
  const { barrier, keys } = harness.open;
  const layers = new Map<string, readonly Uint8Array[]>();
  for (const path of await harness.store.list("", "", 10_000)) {
    const record = await harness.store.get(path);
    if (record === null) continue;
    const unwrapped = record.sealKeyId === null
      ? []
      : [await keys().seal.unwrap(path, record.bytes)];
    const plaintext = await plaintextAt(harness, path);
    layers.set(path, [record.bytes, ...unwrapped, ...plaintext]);
  }
  const [, wrappedRoot = new Uint8Array()] = layers.get(ROOT_KEY_PATH) ?? [];
  const [, wrappedRing = new Uint8Array()] = layers.get(KEYRING_PATH) ?? [];
  const ring = await decryptKeyring(wrappedRing, rootKey(wrappedRoot));
  expect(ring).toEqual(barrier.keyring);
  const ringKeys = [ring.macKey, ...ring.terms.map(({ key }) => key)];
  layers.set(KEYRING_PATH, [...layers.get(KEYRING_PATH) ?? [], ...ringKeys]);
  return layers;
}

/** The plaintext of a record, or nothing if it is not the barrier's. */
async function plaintextAt(harness: Harness, path: string): Promise<readonly Uint8Array[]> {
  try {
    const record = await harness.open.barrier.get(path);
    return record === null ? [] : [record.value];
  } catch (error) {
    if (error instanceof VaultError) return [];
    throw error;
  }
}

/** The forms in which a record could hold a secret. */
function formsOf(secret: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  const base64url = bytes.toString("base64url");
  const texts = [bytes.toString("hex"), base64, base64url, [...secret].join(",")];
  return [bytes, ...texts.flatMap((text) => [text, text.toUpperCase()]).map((t) => Buffer.from(t))];
}

/** Paths of the records in which a secret occurs, in any layer and form. */
async function pathsWith(harness: Harness, secret: Uint8Array): Promise<readonly string[]> {
  const forms = formsOf(secret);
  const found: string[] = [];
  for (const [path, layers] of await layersOf(harness)) {
    const occurs = layers.some((layer) => forms.some((form) => Buffer.from(layer).includes(form)));
    if (occurs) found.push(path);
  }
  return found;
}

/** The shares that occur in any record. */
async function storedShares(harness: Harness, shares: readonly Share[]): Promise<readonly Share[]> {
  const stored: Share[] = [];
  for (const share of shares) if ((await pathsWith(harness, share)).length > 0) stored.push(share);
  return stored;
}

interface Case {
  readonly name: string;
  readonly type: "shamir" | "static";
  readonly parameters: Partial<CeremonyParameters>;
  readonly needed: number;
}

const CASES: readonly Case[] = (["shamir", "static"] as const).flatMap((type) => [
  { name: `${type}, a quorum`, type, parameters: { shares: 5, threshold: 3 }, needed: 3 },
  {
    name: `${type}, every share`,
    type,
    parameters: { shares: 5, threshold: 3, verifyAll: true },
    needed: 5,
  },
  { name: `${type}, the only share`, type, parameters: { shares: 1, threshold: 1 }, needed: 1 },
]);

async function handOut({ type, parameters }: Omit<Case, "name" | "needed">) {
  const harness = await createHarness(type, OLD_COUNTS);
  const rekey = harness.open.rekey[type === "shamir" ? "barrier" : "recovery"];
  await putText(harness.open.barrier, "logical/a", "secret");
  await rekey.start({ ...VERIFIED, ...parameters }, null);
  const made = sharesOf(await submitAll(rekey, harness.shares.slice(0, 2)));
  const { threshold } = { ...VERIFIED, ...parameters };
  const key = joinShares(made.slice(0, threshold), threshold);
  return { harness, rekey, made, threshold, key };
}

async function isInForce(
  harness: Harness,
  key: Uint8Array,
  shares: readonly Share[],
): Promise<boolean> {
  const { seal } = harness.open.keys();
  if (seal.type === "static") {
    return String(await readRecoveryKey(harness.store, seal)) === String(key);
  }
  return await codeOf(() => harness.reopen(shares)) === "no error";
}

describe("pending key", () => {
  it.each(CASES)(
    "no record holds a pending key or enough of its shares: $name",
    async (example) => {
      const { harness, rekey, made, threshold, key } = await handOut(example);
      for (let verified = 0; verified < example.needed; verified++) {
        if (verified > 0) {
          expect(await verifyAll(rekey, made.slice(verified - 1, verified)))
            .toMatchObject({ kind: "advanced" });
        }
        expect(await pathsWith(harness, key)).toEqual([]);
        const kept = Math.min(verified, threshold - 1);
        expect(await storedShares(harness, made)).toEqual(made.slice(0, kept));
      }
      expect(await isInForce(harness, key, made.slice(0, threshold))).toBe(false);
      expect(await verifyAll(rekey, made.slice(example.needed - 1, example.needed)))
        .toMatchObject({ kind: "verified" });
      expect(await isInForce(harness, key, made.slice(0, threshold))).toBe(true);
      expect(await harness.store.get(ceremonyPath(rekey.target))).toBeNull();
    },
  );

  it("the search finds a key or share in any record and any form", async () => {
    const { harness, made, key } = await handOut({ type: "shamir", parameters: {} });
    const { barrier } = harness.open;
    const [first] = made as [Share];
    for (const secret of [key, first]) {
      for (const form of formsOf(secret)) {
        expect(await pathsWith(harness, secret)).toEqual([]);
        const value = Buffer.concat([encodeUtf8('{"x":"'), form, encodeUtf8('"}')]);
        for (const sealWrap of [false, true]) {
          await barrier.commit({ entries: [{ path: "logical/b", value, sealWrap }] });
          expect(await pathsWith(harness, secret)).toEqual(["logical/b"]);
        }
        await barrier.commit({ entries: [{ path: "logical/b", value: null }] });
      }
    }
    const layers = await layersOf(harness);
    const lengths = [ceremonyPath("barrier"), shareChecksPath("barrier"), ROOT_KEY_PATH]
      .map((path) => layers.get(path)?.length);
    expect(lengths).toEqual([3, 2, 2]);
  });

  it("restarting a verification forgets the kept shares", async () => {
    const { harness, rekey, made } = await handOut({ type: "shamir", parameters: {} });
    await verifyAll(rekey, made.slice(0, 1));
    expect(await storedShares(harness, made)).toHaveLength(1);
    await rekey.restartVerification();
    expect(await storedShares(harness, made)).toEqual([]);
    expect(await verifyAll(rekey, made.slice(0, 2))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => harness.reopen(made.slice(0, 2)))).toBe("no error");
  });

  it("a verified share that is only noted is refused when it is repeated", async () => {
    const { rekey, made } = await handOut({ type: "shamir", parameters: { verifyAll: true } });
    await verifyAll(rekey, made.slice(0, 2));
    for (const share of made.slice(0, 2)) {
      expect(await verifyAll(rekey, [share]))
        .toEqual({ kind: "refused", refusal: { code: "duplicate_new_share" } });
    }
    expect(await verifyAll(rekey, made.slice(2))).toMatchObject({ kind: "verified" });
  });
});

describe("shares in force", () => {
  it.each(["shamir", "static"] as const)(
    "no record holds a share in force during a ceremony: %s",
    async (type) => {
      const harness = await createHarness(type, { shares: 5, threshold: 3 });
      const rekey = harness.open.rekey[type === "shamir" ? "barrier" : "recovery"];
      await rekey.start(VERIFIED, null);
      for (const share of harness.shares.slice(0, 2)) {
        expect(await submitAll(rekey, [share])).toMatchObject({ kind: "advanced" });
        expect(await storedShares(harness, harness.shares)).toEqual([]);
      }
      expect(await submitAll(rekey, harness.shares.slice(2, 3))).toMatchObject({ kind: "shares" });
      expect(await storedShares(harness, harness.shares)).toEqual([]);
    },
  );
});

describe("shares that do not make the pending key", () => {
  async function change(
    harness: Harness,
    edit: (state: Verifying) => CeremonyState,
  ): Promise<void> {
    const path = ceremonyPath("barrier");
    const record = await harness.open.barrier.get(path);
    const state = record === null ? null : decodeCeremony(record.value);
    if (state?.phase !== "verifying") throw new Error("no verification is on");
    await harness.open.barrier.commit({ entries: [{ path, value: encodeCeremony(edit(state)) }] });
  }
  type Verifying = Extract<CeremonyState, { phase: "verifying" }>;

  const DAMAGES: readonly [string, (state: Verifying) => CeremonyState][] = [
    [
      "a kept share",
      (state) => ({ ...state, kept: state.kept.map((s) => asShare(flipBit(s, 4, 2))) }),
    ],
    ["the key's check value", (state) => {
      const { keyCheck } = state.pending;
      const damaged = { ...keyCheck, mac: flipBit(keyCheck.mac, 31, 7) };
      return { ...state, pending: { ...state.pending, keyCheck: damaged } };
    }],
  ];

  it.each(DAMAGES)("a verification installs nothing when %s is damaged", async (_name, damage) => {
    const { harness, rekey, made } = await handOut({ type: "shamir", parameters: {} });
    await verifyAll(rekey, made.slice(0, 1));
    await change(harness, damage);
    const [before, keys] = [await harness.snapshot(), harness.open.keys()];
    expect(await codeOf(() => last(rekey, made))).toBe("ciphertext_rejected");
    expect(await harness.snapshot()).toEqual(before);
    expect(harness.open.keys()).toBe(keys);
    expect(await codeOf(() => harness.reopen(harness.shares.slice(0, 2)))).toBe("no error");
  });

  async function last(rekey: Rekey, made: readonly Share[]) {
    return await verifyAll(rekey, made.slice(1, 2));
  }
});
