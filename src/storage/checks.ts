/**
 * Checks that every store makes before it looks at its data, and the end of a page. With them all
 * stores accept the same commits, and a bad commit never fails its neighbours. Pure; messages name
 * sizes, never contents.
 */

import { invalidRequest } from "../errors.ts";
import { isLongerThan } from "./paths.ts";
import type { Commit, StoreLimits } from "./store.ts";

/**
 * Throws `VaultError("invalid_request")` for a path or seal key id that is empty, longer than
 * `limits` allow or not well-formed, and for records above `limits`, one or together. Throws
 * TypeError, a bug of the caller, for more writes or expectations than `limits` allow, and for a
 * path written twice, because the outcome would depend on the order of `writes`.
 */
export function checkCommit({ expect = [], writes }: Commit, limits: StoreLimits): void {
  if (expect.length > limits.commitMaxExpectations || writes.length > limits.commitMaxWrites) {
    throw new TypeError("cannot commit: more writes or expectations than the store takes at once");
  }
  for (const expectation of expect) checkName("path", expectation.path, limits);
  const written = new Set<string>();
  let totalBytes = 0;
  for (const write of writes) {
    checkName("path", write.path, limits);
    if (write.sealKeyId !== null) checkName("seal key id", write.sealKeyId, limits);
    const sizeBytes = write.bytes?.length ?? 0;
    refuseAbove(limits.recordMaxBytes, sizeBytes, "store a record: it has");
    totalBytes += sizeBytes;
    if (written.has(write.path)) throw new TypeError("cannot commit: a path is written twice");
    written.add(write.path);
  }
  refuseAbove(limits.commitMaxBytes, totalBytes, "store a change: its records have");
}

function refuseAbove(maxBytes: number, sizeBytes: number, what: string): void {
  if (sizeBytes <= maxBytes) return;
  throw invalidRequest(`cannot ${what} ${sizeBytes} bytes, more than ${maxBytes}`);
}

function checkName(kind: string, name: string, { pathMaxBytes }: StoreLimits): void {
  if (name === "") throw invalidRequest(`cannot store a record: its ${kind} is empty`);
  if (isLongerThan(name, pathMaxBytes)) {
    throw invalidRequest(`cannot store a record: its ${kind} exceeds ${pathMaxBytes} bytes`);
  }
  // SQLite stores a lone surrogate as U+FFFD, which would make two paths one, and some drivers end
  // a text at U+0000 when they read it back.
  if (!name.isWellFormed() || name.includes("\0")) {
    throw invalidRequest(`cannot store a record: its ${kind} is not well-formed text`);
  }
}

/**
 * Number of leading records that make a page of `wrappedBy` or `scan`: those with at most `maxBytes`
 * together, and always the first, because otherwise a cursor could never pass a large record.
 */
export function pageLength(sizesBytes: readonly number[], maxBytes: number): number {
  let total = 0;
  const end = sizesBytes.findIndex((sizeBytes, index) => {
    total += sizeBytes;
    return index > 0 && total > maxBytes;
  });
  return end === -1 ? sizesBytes.length : end;
}

/** Throws RangeError unless `limit` is a positive integer. SQLite reads a negative one as "all". */
export function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new RangeError(`limit must be a positive integer, got ${limit}`);
  }
}

/** The row id that a cursor of `wrappedBy` stands for; 0 for null. Throws RangeError for another. */
export function rowIdOf(cursor: string | null): number {
  if (cursor === null) return 0;
  const id = Number(cursor);
  if (!Number.isSafeInteger(id) || id < 1) throw new RangeError("a cursor is not of this store");
  return id;
}
