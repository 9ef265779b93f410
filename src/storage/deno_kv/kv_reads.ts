/** Reads of records, lists and pages. Each rejects if this process no longer owns the store. */

import { pageLength } from "../checks.ts";
import { asRevision } from "../store.ts";
import type { StoredRecord, WrappedPage } from "../store.ts";
import type { Kv, KvEntry } from "./kv.ts";
import {
  damaged,
  type Head,
  headOf,
  idOf,
  type KeyRange,
  type Meta,
  META_KEY,
  metaOf,
  partKey,
  partOf,
  pathOf,
  recordKey,
  recordRange,
  type SealKeyEntry,
  wrappedOf,
  wrappedRange,
} from "./kv_format.ts";
import type { Owner } from "./kv_owner.ts";
import { decodeUtf8 } from "../../crypto/bytes.ts";

/** Entries that are read at once of a list. The database allows 1000. */
const LIST_BATCH = 500;

/** `moved`: a commit replaced the record between the reads of its head and its parts. */
export type RecordRead = StoredRecord | null | "moved";

export async function readRecord(owner: Owner, path: string): Promise<RecordRead> {
  const { entries: [entry] } = await owner.read([recordKey(path)]);
  if (entry === undefined) throw damaged();
  return await readParts(owner, path, entry);
}

/** A list is no snapshot: commits may come between its batches. */
export async function listPaths(
  kv: Kv,
  owner: Owner,
  prefix: string,
  after: string,
  limit: number,
): Promise<readonly string[]> {
  return (await listRange(kv, owner, recordRange(prefix, after), limit)).map(pathOf);
}

/** Call it where no commit comes between its reads. */
export async function scanRecords(
  kv: Kv,
  owner: Owner,
  after: string,
  limit: number,
  maxBytes: number,
): Promise<readonly StoredRecord[]> {
  const reached = await listRange(kv, owner, recordRange("", after), limit);
  const sizesBytes = reached.map((entry) => headIn(entry).sizeBytes);
  const page = reached.slice(0, pageLength(sizesBytes, maxBytes));
  return await readAll(owner, page.map((entry) => ({ path: pathOf(entry), entry })));
}

/** Call it where no commit comes between its reads. */
export async function readWrapped(
  kv: Kv,
  owner: Owner,
  sealKeyId: string,
  cursor: { readonly text: string | null; readonly id: number },
  limit: number,
  maxBytes: number,
): Promise<WrappedPage> {
  const sealKey = (await readMeta(owner)).sealKeys.find(({ name }) => name === sealKeyId);
  if (sealKey === undefined) return { records: [], cursor: cursor.text };
  const reached = await listRange(kv, owner, wrappedRange(sealKey.number, cursor.id), limit);
  const index = reached.map(wrappedOf);
  const sizesBytes = index.map(({ sizeBytes }) => sizeBytes);
  const end = pageLength(sizesBytes, maxBytes);
  const last = reached[end - 1];
  if (last === undefined) return { records: [], cursor: cursor.text };
  const paths = index.slice(0, end).map(({ path }) => decodeUtf8(path));
  const { entries } = await owner.read(paths.map(recordKey));
  const heads = paths.map((path, at) => ({ path, entry: entries[at] as KvEntry }));
  return { records: await readAll(owner, heads), cursor: String(idOf(last)) };
}

export async function readSealKeys(owner: Owner): Promise<readonly SealKeyEntry[]> {
  return (await readMeta(owner)).sealKeys;
}

async function readMeta(owner: Owner): Promise<Meta> {
  const { entries: [meta] } = await owner.read([META_KEY]);
  if (meta === undefined) throw damaged();
  return metaOf(meta);
}

async function listRange(
  kv: Kv,
  owner: Owner,
  range: KeyRange | null,
  limit: number,
): Promise<readonly KvEntry[]> {
  if (range === null) return [];
  const entries: KvEntry[] = [];
  const batchSize = Math.min(limit, LIST_BATCH);
  for await (const entry of kv.list(range, { limit, batchSize })) entries.push(entry);
  await owner.verify();
  return entries;
}

function readAll(
  owner: Owner,
  heads: readonly { readonly path: string; readonly entry: KvEntry }[],
): Promise<StoredRecord[]> {
  return Promise.all(heads.map(async ({ path, entry }) => {
    const record = await readParts(owner, path, entry);
    if (record === null || record === "moved") throw damaged();
    return record;
  }));
}

async function readParts(owner: Owner, path: string, entry: KvEntry): Promise<RecordRead> {
  if (headOf(entry) === null) return null;
  const head = headIn(entry);
  const bytes = head.inline ?? await joinParts(owner, head);
  if (bytes === null) return "moved";
  return {
    path,
    bytes,
    revision: asRevision(entry.versionstamp ?? ""),
    sealKeyId: head.sealKeyId === null ? null : decodeUtf8(head.sealKeyId),
  };
}

async function joinParts(owner: Owner, head: Head): Promise<Uint8Array | null> {
  const keys = Array.from({ length: head.parts }, (_, part) => partKey(head.firstPart + part));
  const { entries } = await owner.read(keys);
  const bytes = new Uint8Array(head.sizeBytes);
  let end = 0;
  for (const part of entries.map(partOf)) {
    if (part === null) return null;
    if (end + part.length > bytes.length) throw damaged();
    bytes.set(part, end);
    end += part.length;
  }
  if (end !== bytes.length) throw damaged();
  return bytes;
}

function headIn(entry: KvEntry): Head {
  const head = headOf(entry);
  if (head === null) throw damaged();
  return head;
}
