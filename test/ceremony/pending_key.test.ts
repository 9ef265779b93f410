/** A new key that waits for its verification is in no record, nor are shares enough to make it. */

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
  type Bench,
  createBench,
  PARAMETERS,
  putText,
  type Share,
  sharesOf,
  submitAll,
  verifyAll,
} from "./bench.ts";

const OLD_COUNTS = { shares: 3, threshold: 2 };
const VERIFIED: CeremonyParameters = { ...PARAMETERS, requireVerification: true };

/** Path → every layer of each record that the keys of today open, the stored bytes included. */
async function layersOf(bench: Bench): Promise<ReadonlyMap<string, readonly Uint8Array[]>> {
  const { barrier, keys } = bench.open;
  const layers = new Map<string, readonly Uint8Array[]>();
  for (const path of await bench.store.list("", "", 10_000)) {
    const record = await bench.store.get(path);
    if (record === null) continue;
    const unwrapped = record.sealKeyId === null
      ? []
      : [await keys().seal.unwrap(path, record.bytes)];
    const plaintext = await plaintextAt(bench, path);
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

/** Nothing for a record that is not the barrier's. */
async function plaintextAt(bench: Bench, path: string): Promise<readonly Uint8Array[]> {
  try {
    const record = await bench.open.barrier.get(path);
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
async function pathsWith(bench: Bench, secret: Uint8Array): Promise<readonly string[]> {
  const forms = formsOf(secret);
  const found: string[] = [];
  for (const [path, layers] of await layersOf(bench)) {
    const occurs = layers.some((layer) => forms.some((form) => Buffer.from(layer).includes(form)));
    if (occurs) found.push(path);
  }
  return found;
}

/** Those of the shares that occur anywhere. */
async function storedShares(bench: Bench, shares: readonly Share[]): Promise<readonly Share[]> {
  const stored: Share[] = [];
  for (const share of shares) if ((await pathsWith(bench, share)).length > 0) stored.push(share);
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
  const bench = await createBench(type, OLD_COUNTS);
  const rekey = bench.open.rekey[type === "shamir" ? "barrier" : "recovery"];
  await putText(bench.open.barrier, "logical/a", "secret");
  await rekey.start({ ...VERIFIED, ...parameters }, null);
  const made = sharesOf(await submitAll(rekey, bench.shares.slice(0, 2)));
  const { threshold } = { ...VERIFIED, ...parameters };
  const key = joinShares(made.slice(0, threshold), threshold);
  return { bench, rekey, made, threshold, key };
}

async function isInForce(bench: Bench, key: Share, shares: readonly Share[]): Promise<boolean> {
  const { seal } = bench.open.keys();
  if (seal.type === "static") {
    return String(await readRecoveryKey(bench.store, seal)) === String(key);
  }
  return await codeOf(() => bench.reopen(shares)) === "no error";
}

describe("while a new key waits for its verification", () => {
  it.each(CASES)("no record holds it or enough of its shares: $name", async (example) => {
    const { bench, rekey, made, threshold, key } = await handOut(example);
    for (let verified = 0; verified < example.needed; verified++) {
      if (verified > 0) {
        expect(await verifyAll(rekey, made.slice(verified - 1, verified)))
          .toMatchObject({ kind: "advanced" });
      }
      expect(await pathsWith(bench, key)).toEqual([]);
      const kept = Math.min(verified, threshold - 1);
      expect(await storedShares(bench, made)).toEqual(made.slice(0, kept));
    }
    expect(await isInForce(bench, key, made.slice(0, threshold))).toBe(false);
    expect(await verifyAll(rekey, made.slice(example.needed - 1, example.needed)))
      .toMatchObject({ kind: "verified" });
    expect(await isInForce(bench, key, made.slice(0, threshold))).toBe(true);
    expect(await bench.store.get(ceremonyPath(rekey.target))).toBeNull();
  });

  it("a record that did hold the key, or a share, would be found in any form", async () => {
    const { bench, made, key } = await handOut({ type: "shamir", parameters: {} });
    const { barrier } = bench.open;
    const [first] = made as [Share];
    for (const secret of [key, first]) {
      for (const form of formsOf(secret)) {
        expect(await pathsWith(bench, secret)).toEqual([]);
        const value = Buffer.concat([encodeUtf8('{"x":"'), form, encodeUtf8('"}')]);
        for (const sealWrap of [false, true]) {
          await barrier.commit({ entries: [{ path: "logical/b", value, sealWrap }] });
          expect(await pathsWith(bench, secret)).toEqual(["logical/b"]);
        }
        await barrier.commit({ entries: [{ path: "logical/b", value: null }] });
      }
    }
    const layers = await layersOf(bench);
    const lengths = [ceremonyPath("barrier"), shareChecksPath("barrier"), ROOT_KEY_PATH]
      .map((path) => layers.get(path)?.length);
    expect(lengths).toEqual([3, 2, 2]);
  });

  it("starting over forgets the shares that were kept", async () => {
    const { bench, rekey, made } = await handOut({ type: "shamir", parameters: {} });
    await verifyAll(rekey, made.slice(0, 1));
    expect(await storedShares(bench, made)).toHaveLength(1);
    await rekey.restartVerification();
    expect(await storedShares(bench, made)).toEqual([]);
    expect(await verifyAll(rekey, made.slice(0, 2))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => bench.reopen(made.slice(0, 2)))).toBe("no error");
  });

  it("a share that is only noted is refused when it comes again", async () => {
    const { rekey, made } = await handOut({ type: "shamir", parameters: { verifyAll: true } });
    await verifyAll(rekey, made.slice(0, 2));
    for (const share of made.slice(0, 2)) {
      expect(await verifyAll(rekey, [share]))
        .toEqual({ kind: "refused", refusal: { code: "duplicate_new_share" } });
    }
    expect(await verifyAll(rekey, made.slice(2))).toMatchObject({ kind: "verified" });
  });
});

describe("while shares in force are given", () => {
  it.each(["shamir", "static"] as const)("no record holds any of them: %s", async (type) => {
    const bench = await createBench(type, { shares: 5, threshold: 3 });
    const rekey = bench.open.rekey[type === "shamir" ? "barrier" : "recovery"];
    await rekey.start(VERIFIED, null);
    for (const share of bench.shares.slice(0, 2)) {
      expect(await submitAll(rekey, [share])).toMatchObject({ kind: "advanced" });
      expect(await storedShares(bench, bench.shares)).toEqual([]);
    }
    expect(await submitAll(rekey, bench.shares.slice(2, 3))).toMatchObject({ kind: "shares" });
    expect(await storedShares(bench, bench.shares)).toEqual([]);
  });
});

describe("verified shares that make another key than the one handed out", () => {
  async function change(bench: Bench, edit: (state: Verifying) => CeremonyState): Promise<void> {
    const path = ceremonyPath("barrier");
    const record = await bench.open.barrier.get(path);
    const state = record === null ? null : decodeCeremony(record.value);
    if (state?.phase !== "verifying") throw new Error("no verification is on");
    await bench.open.barrier.commit({ entries: [{ path, value: encodeCeremony(edit(state)) }] });
  }
  type Verifying = Extract<CeremonyState, { phase: "verifying" }>;

  const DAMAGES: readonly [string, (state: Verifying) => CeremonyState][] = [
    ["a kept share", (state) => ({ ...state, kept: state.kept.map((s) => flipBit(s, 4, 2)) })],
    ["the key's check value", (state) => {
      const { keyCheck } = state.pending;
      const damaged = { ...keyCheck, mac: flipBit(keyCheck.mac, 31, 7) };
      return { ...state, pending: { ...state.pending, keyCheck: damaged } };
    }],
  ];

  it.each(DAMAGES)("install nothing: %s is damaged", async (_name, damage) => {
    const { bench, rekey, made } = await handOut({ type: "shamir", parameters: {} });
    await verifyAll(rekey, made.slice(0, 1));
    await change(bench, damage);
    const [before, keys] = [await bench.snapshot(), bench.open.keys()];
    expect(await codeOf(() => last(rekey, made))).toBe("ciphertext_rejected");
    expect(await bench.snapshot()).toEqual(before);
    expect(bench.open.keys()).toBe(keys);
    expect(await codeOf(() => bench.reopen(bench.shares.slice(0, 2)))).toBe("no error");
  });

  async function last(rekey: Rekey, made: readonly Share[]) {
    return await verifyAll(rekey, made.slice(1, 2));
  }
});
