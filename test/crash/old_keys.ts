/** Everything that holders of replaced keys could have kept, and that none of it is of use any more. */

import { Buffer } from "node:buffer";
import { expect } from "vitest";
import { joinShares } from "../../src/ceremony/shares.ts";
import { decodeHex, encodeBase64, encodeHex } from "../../src/crypto/bytes.ts";
import { unsealKey } from "../../src/crypto/keys.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { readPreviousKeys } from "../../src/seal/previous_keys.ts";
import type { Seal } from "../../src/seal/seal.ts";
import { createShamirSeal } from "../../src/seal/shamir_seal.ts";
import { KEYRING_PATH, ROOT_KEY_PATH } from "../../src/storage/record_paths.ts";
import type { Store, StoredRecord } from "../../src/storage/store.ts";
import type { Holdings } from "./ceremony.ts";
import {
  allRecords,
  findPieces,
  openedBy,
  readDatabase,
  sealKeyIdsIn,
  wrappedRecords,
} from "./raw_bytes.ts";

/** What is known of a seal key at one time, with all that it wrapped then. */
export interface OldKeys {
  readonly sealKeyId: string;
  /** The key that was given, the wrapping key derived from it, and the root key. */
  readonly keys: readonly Uint8Array[];
  readonly records: readonly StoredRecord[];
}

export function unsealKeyOf(holdings: Holdings): Uint8Array<ArrayBuffer> {
  const shares = holdings.shares.slice(0, holdings.threshold);
  return joinShares(
    shares.map((share) => decodeHex(share) ?? new Uint8Array()),
    holdings.threshold,
  );
}

export function shamirSealOf(holdings: Holdings): Seal {
  return createShamirSeal(unsealKey(unsealKeyOf(holdings)), [], randomBytes);
}

/** `given`: the unseal key, or the static key as the operator has it. */
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

/** No record opens with the old keys, and nothing of what they opened is left in the files. */
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

/** The same of the files alone, also when no process has them open. */
export function expectGone(bytes: Buffer, old: OldKeys): void {
  expect(bytes.length).toBeGreaterThan(0);
  expect(sealKeyIdsIn(bytes, [old.sealKeyId])).toEqual([]);
  expect(findPieces(bytes, old.records)).toEqual([]);
  expect(old.keys.filter((key) => isSpelledIn(bytes, key))).toEqual([]);
}

/** The other side: as long as entries are stale, all of this finds something. */
export async function expectAlive(file: string, store: Store, old: OldKeys): Promise<void> {
  expect(await openedBy(old.keys, await allRecords(store))).not.toEqual([]);
  const bytes = readDatabase(file);
  expect(sealKeyIdsIn(bytes, [old.sealKeyId])).toEqual([old.sealKeyId]);
  expect(findPieces(bytes, old.records)).not.toEqual([]);
}

/** All records, and the keyring once more without the seal's layer, as only its root key opens it. */
async function belowEveryLayer(store: Store, seal: Seal): Promise<readonly StoredRecord[]> {
  const records = await allRecords(store);
  const bytes = await seal.unwrap(KEYRING_PATH, bytesAt(records, KEYRING_PATH));
  return [...records, { path: KEYRING_PATH, bytes, revision: 0, sealKeyId: null }];
}

function isSpelledIn(bytes: Buffer, key: Uint8Array): boolean {
  return bytes.includes(Buffer.from(key)) || bytes.includes(encodeHex(key)) ||
    bytes.includes(encodeBase64(key));
}
