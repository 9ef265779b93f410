/**
 * The number of encryptions under the active term. Each commit that encrypts stores it, so that a
 * restart knows the exact number. The record is plain: it holds no secret, and the count must be
 * taken at the moment of the commit, too late to encrypt it.
 */

import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { VaultError } from "../errors.ts";
import { TERM_OPERATIONS_PATH } from "../storage/record_paths.ts";
import type { Store, Write } from "../storage/store.ts";

export function termOperationsWrite(term: number, operations: number): Write {
  const bytes = encodeUtf8(JSON.stringify({ version: 1, term, operations }));
  return { path: TERM_OPERATIONS_PATH, bytes, sealKeyId: null };
}

/** Encryptions stored for `term`; 0 if another term was active last. Throws `record_malformed`. */
export async function readTermOperations(store: Store, term: number): Promise<number> {
  const record = await store.get(TERM_OPERATIONS_PATH);
  if (record === null) return 0;
  const stored = parse(record.bytes);
  return stored.term === term ? stored.operations : 0;
}

function parse(bytes: Uint8Array): { readonly term: number; readonly operations: number } {
  let json: { version?: unknown; term?: unknown; operations?: unknown };
  try {
    json = JSON.parse(decodeUtf8(bytes)) as typeof json;
  } catch (cause) {
    throw malformed(cause);
  }
  const { version, term, operations } = json ?? {};
  if (version !== 1 || !isCount(term) || !isCount(operations)) throw malformed();
  return { term, operations };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(cause?: unknown): VaultError {
  return new VaultError(
    "record_malformed",
    `the record ${TERM_OPERATIONS_PATH} is malformed`,
    cause === undefined ? {} : { cause },
  );
}
