/** What holders of replaced keys could have kept, with checks that it opens nothing any more. */

import { Buffer } from "node:buffer";
import { expect } from "vitest";
import { joinShares } from "../../src/ceremony/shares.ts";
import { decodeHex, encodeBase64, encodeHex } from "../../src/crypto/bytes.ts";
import { share, unsealKey } from "../../src/crypto/keys.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { readPreviousKeys } from "../../src/seal/previous_keys.ts";
import type { Seal } from "../../src/seal/seal.ts";
import { createShamirSeal } from "../../src/seal/shamir_seal.ts";
import { KEYRING_PATH, ROOT_KEY_PATH } from "../../src/storage/record_paths.ts";
import { ABSENT, type Store, type StoredRecord } from "../../src/storage/store.ts";
import type { Holdings } from "./share_holders.ts";
import {
  allRecords,
  findPieces,
  openedBy,
  readDatabase,
  sealKeyIdsIn,
  wrappedRecords,
} from "./raw_bytes.ts";

/** A seal key at one time, its root key and every record it wrapped then. */
export interface OldKeys {
  readonly sealKeyId: string;
  /** The unseal key or static key, the wrapping key derived from it, and the root key. */
  readonly keys: readonly Uint8Array[];
  readonly records: readonly StoredRecord[];
}

export function unsealKeyOf(holdings: Holdings): Uint8Array<ArrayBuffer> {
  const shares = holdings.shares.slice(0, holdings.threshold);
  return joinShares(
    shares.map((text) => share(decodeHex(text) ?? new Uint8Array())),
    holdings.threshold,
  );
}

export function shamirSealOf(holdings: Holdings): Seal {
  return createShamirSeal(unsealKey(unsealKeyOf(holdings)), [], randomBytes);
}

/** `given` is the unseal key, or the static key as the operator has it. */
export async function captureKeys(store: Store, seal: Seal, given: Uint8Array): Promise<OldKeys> {
  const records = await wrappedRecords(store);
  const root = await seal.unwrap(ROOT_KEY_PATH, bytesAt(records, ROOT_KEY_PATH));
  return { sealKeyId: seal.keyId, keys: [given, seal.current.bytes, root], records };
}

function bytesAt(records: readonly StoredRecord[], path: string): Uint8Array {
  const found = records.find((record) => record.path === path);
  if (found === undefined) throw new Error(`no record at ${path}`);
  return found.bytes;
}

/** Checks that old keys open no record and that the files keep no piece of what they opened. */
export async function expectDead(
  file: string,
  store: Store,
  current: Seal,
  old: OldKeys,
): Promise<void> {
  expect(await openedBy(old.keys, await belowEveryLayer(store, current))).toEqual([]);
  expect((await wrappedRecords(store)).map((record) => record.sealKeyId))
    .not.toContain(old.sealKeyId);
  if (current.type === "shamir") expect(await readPreviousKeys(store, current)).toEqual([]);
  expectGone(readDatabase(file), old);
}

/** Checks the files alone, which works even if no process has them open. */
export function expectGone(bytes: Buffer, old: OldKeys): void {
  expect(bytes.length).toBeGreaterThan(0);
  expect(sealKeyIdsIn(bytes, [old.sealKeyId])).toEqual([]);
  expect(findPieces(bytes, old.records)).toEqual([]);
  expect(old.keys.filter((key) => isSpelledIn(bytes, key))).toEqual([]);
}

/** The counterpart of `expectDead`: while entries are stale, the old keys open some. */
export async function expectAlive(file: string, store: Store, old: OldKeys): Promise<void> {
  expect(await openedBy(old.keys, await allRecords(store))).not.toEqual([]);
  const bytes = readDatabase(file);
  expect(sealKeyIdsIn(bytes, [old.sealKeyId])).toEqual([old.sealKeyId]);
  expect(findPieces(bytes, old.records)).not.toEqual([]);
}

/** All records, plus the keyring without the seal's layer, as the root key alone opens it. */
async function belowEveryLayer(store: Store, seal: Seal): Promise<readonly StoredRecord[]> {
  const records = await allRecords(store);
  const bytes = await seal.unwrap(KEYRING_PATH, bytesAt(records, KEYRING_PATH));
  return [...records, { path: KEYRING_PATH, bytes, revision: ABSENT, sealKeyId: null }];
}

function isSpelledIn(bytes: Buffer, key: Uint8Array): boolean {
  return bytes.includes(Buffer.from(key)) || bytes.includes(encodeHex(key)) ||
    bytes.includes(encodeBase64(key));
}
