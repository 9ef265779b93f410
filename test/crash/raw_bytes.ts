/** What an attacker with the files and old keys can find: bytes on disk, and trial decryption. */

import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { AeadKey } from "../../src/crypto/aead.ts";
import { concatBytes, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { NONCE_BYTES, TAG_BYTES } from "../../src/limits.ts";
import { wrappedHeader } from "../../src/seal/wrapped_value.ts";
import type { Store, StoredRecord } from "../../src/storage/store.ts";

const SUFFIXES = ["", "-wal", "-shm", "-journal"] as const;
const PIECE_BYTES = 32;
const OUTPUT_MAX_BYTES = 2 ** 30;
const COPY_FOLDER =
  "require('node:fs').cpSync(process.argv[1], process.argv[2], { recursive: true })";
const READ_FILE = "process.stdout.write(require('node:fs').readFileSync(process.argv[1]))";

/** The bytes of the database and of every file beside it, as they are on disk now. */
export function readDatabase(file: string): Buffer {
  const files = SUFFIXES.map((suffix) => file + suffix).filter((path) => existsSync(path));
  // Reads in another process: closing a handle of a database in use would drop this process's locks.
  return Buffer.concat(
    files.map((path) =>
      execFileSync(process.execPath, ["-e", READ_FILE, path], { maxBuffer: OUTPUT_MAX_BYTES })
    ),
  );
}

/** Copies the database's folder as it is on disk now, as if the process died at this moment. */
export function copyDatabase(file: string, to: string): void {
  execFileSync(process.execPath, ["-e", COPY_FOLDER, dirname(file), dirname(to)]);
}

export async function allRecords(store: Store): Promise<readonly StoredRecord[]> {
  const paths = await store.list("", "", Number.MAX_SAFE_INTEGER);
  const records = await Promise.all(paths.map((path) => store.get(path)));
  return records.filter((record) => record !== null);
}

export async function wrappedRecords(store: Store): Promise<readonly StoredRecord[]> {
  return (await allRecords(store)).filter((record) => record.sealKeyId !== null);
}

/** Those of `ids` whose seal keys wrap something, found by envelope headers anywhere in `bytes`. */
export function sealKeyIdsIn(bytes: Buffer, ids: readonly string[]): readonly string[] {
  return ids.filter((id) => bytes.includes(Buffer.from(wrappedHeader(id))));
}

/** Paths of the records of which some piece occurs in `bytes`. */
export function findPieces(bytes: Buffer, records: readonly StoredRecord[]): readonly string[] {
  return records.filter((record) => piecesOf(record.bytes).some((piece) => bytes.includes(piece)))
    .map((record) => record.path);
}

/** The tag, and 32 bytes from each quarter, because a page may hold only a part of a record. */
function piecesOf(record: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(record);
  const starts = [1, 2, 3].map((quarter) => Math.floor(bytes.length * quarter / 4))
    .filter((start) => start + PIECE_BYTES <= bytes.length);
  return [
    bytes.subarray(-TAG_BYTES),
    ...starts.map((start) => bytes.subarray(start, start + PIECE_BYTES)),
  ];
}

/**
 * Paths of the records that one of the keys opens, whatever key the record names: each is tried at every
 * length that an envelope's header can have.
 */
export async function openedBy(
  keys: readonly Uint8Array[],
  records: readonly StoredRecord[],
): Promise<readonly string[]> {
  const imported = await Promise.all(keys.map((key) => AeadKey.import(key)));
  const opened: string[] = [];
  for (const record of records) {
    for (const key of imported) if (await opens(key, record)) opened.push(record.path);
  }
  return opened;
}

async function opens(key: AeadKey, { path, bytes }: StoredRecord): Promise<boolean> {
  // A wrapped value's header has two bytes and the id, a barrier envelope's has five.
  const lengths = new Set([2 + (bytes[1] ?? 0), 5]);
  for (const length of lengths) {
    const nonce = bytes.subarray(length, length + NONCE_BYTES);
    const ciphertext = bytes.subarray(length + NONCE_BYTES);
    if (nonce.length < NONCE_BYTES || ciphertext.length < TAG_BYTES) continue;
    const aad = concatBytes(bytes.subarray(0, length), encodeUtf8(path));
    const isOpened = await key.decrypt(nonce, ciphertext, aad).then(() => true, () => false);
    if (isOpened) return true;
  }
  return false;
}
