/**
 * What a commit changes in Deno KV, computed from what lies there. Pure. Parts are never
 * overwritten: a reader who has an old head finds the old parts or none.
 */

import type { Write } from "../store.ts";
import type { KvKey } from "./kv.ts";
import {
  type Head,
  type Meta,
  partKey,
  recordKey,
  type SealKeyEntry,
  type Wrapped,
  wrappedKey,
} from "./kv_format.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";

/**
 * Below the 64 KiB of a value. A record and the epoch must not have more keys than one snapshot:
 * the largest has eight parts.
 */
const PART_BYTES = 60 * 1024;
/** A record up to this size lies in its head. Lists read heads, so these must stay small. */
const INLINE_BYTES = 2 * 1024;

export interface Plan {
  readonly meta: Meta;
  readonly sets: readonly (readonly [KvKey, unknown])[];
  readonly deletes: readonly KvKey[];
}

/** Deno KV lists these in any order, so no key may be in both. */
interface Draft {
  readonly sets: [KvKey, unknown][];
  readonly deletes: KvKey[];
  readonly sealKeys: Map<string, { readonly number: number; count: number }>;
  next: number;
}

/** `heads` has the head of each written path that has a record. */
export function planWrites(
  meta: Meta,
  heads: ReadonlyMap<string, Head>,
  writes: readonly Write[],
): Plan {
  const draft: Draft = {
    sets: [],
    deletes: [],
    sealKeys: new Map(meta.sealKeys.map(({ name, number, count }) => [name, { number, count }])),
    next: meta.next,
  };
  for (const write of writes) planWrite(draft, heads.get(write.path) ?? null, write);
  const sealKeys = Array.from(
    draft.sealKeys,
    ([name, { number, count }]): SealKeyEntry => ({ name, number, count }),
  ).filter(({ count }) => count > 0);
  const { sets, deletes, next } = draft;
  return { meta: { ...meta, commits: meta.commits + 1, next, sealKeys }, sets, deletes };
}

function planWrite(draft: Draft, old: Head | null, write: Write): void {
  const { path, bytes, sealKeyId } = write;
  const indexed = old === null ? null : indexKeyOf(draft, old);
  if (old !== null) {
    countWrapped(draft, old.sealKeyId === null ? null : decodeUtf8(old.sealKeyId), -1);
    for (let part = 0; part < old.parts; part++) draft.deletes.push(partKey(old.firstPart + part));
  }
  if (bytes === null) {
    if (old !== null) draft.deletes.push(recordKey(path));
    if (indexed !== null) draft.deletes.push(indexed);
    return;
  }
  const head = planHead(draft, old?.id ?? draft.next++, bytes, sealKeyId);
  draft.sets.push([recordKey(path), head]);
  countWrapped(draft, sealKeyId, 1);
  const index = indexKeyOf(draft, head);
  if (indexed !== null && indexed[1] !== index?.[1]) draft.deletes.push(indexed);
  const wrapped: Wrapped = { path: encodeUtf8(path), sizeBytes: bytes.length };
  if (index !== null) draft.sets.push([index, wrapped]);
}

/** Puts the bytes into the head, or into parts of their own. */
function planHead(draft: Draft, id: number, bytes: Uint8Array, sealKeyId: string | null): Head {
  const isInline = bytes.length <= INLINE_BYTES;
  const firstPart = draft.next;
  const parts = isInline ? 0 : Math.ceil(bytes.length / PART_BYTES);
  draft.next += parts;
  for (let part = 0; part < parts; part++) {
    const start = part * PART_BYTES;
    draft.sets.push([
      partKey(firstPart + part),
      Uint8Array.from(bytes.subarray(start, start + PART_BYTES)),
    ]);
  }
  return {
    id,
    sealKeyId: sealKeyId === null ? null : encodeUtf8(sealKeyId),
    sizeBytes: bytes.length,
    inline: isInline ? Uint8Array.from(bytes) : null,
    firstPart,
    parts,
  };
}

/** Null if the record is not wrapped. The seal key must have been counted. */
function indexKeyOf(draft: Draft, { id, sealKeyId }: Head): KvKey | null {
  if (sealKeyId === null) return null;
  const sealKey = draft.sealKeys.get(decodeUtf8(sealKeyId));
  if (sealKey === undefined) throw new TypeError("a seal key that wraps records has no number");
  return wrappedKey(sealKey.number, id);
}

function countWrapped(draft: Draft, sealKeyId: string | null, change: 1 | -1): void {
  if (sealKeyId === null) return;
  const known = draft.sealKeys.get(sealKeyId);
  if (known !== undefined) known.count += change;
  else draft.sealKeys.set(sealKeyId, { number: draft.next++, count: 1 });
}
