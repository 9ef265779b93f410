/**
 * `detailed-metadata/` of kv version 2 (OpenBao): the names of keys, each with its metadata. Reads
 * only.
 */

import type { EngineReply } from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import type { Sent } from "../../wire/fields.ts";
import { describeMetadata } from "./metadata.ts";
import { METADATA_FOLDER } from "./records.ts";
import { loadKey } from "./store.ts";
import { namesIn, pathsBelow } from "../listing.ts";
import type { LIST_FIELDS } from "../../wire/paging.ts";

const CONCURRENT_READS = 32;

/** `folder` is "" or ends in "/". An empty list is missing. */
export async function listDetails(
  storage: MountRecords,
  folder: string,
  page: Sent<typeof LIST_FIELDS>,
): Promise<EngineReply> {
  const names = await namesIn(storage, METADATA_FOLDER + folder, page);
  if (names.length === 0) return { kind: "missing" };
  return { kind: "data", data: await withDetails(storage, folder, names) };
}

/** Like `listDetails`, at any depth. An empty scan is found. */
export async function scanDetails(storage: MountRecords, folder: string): Promise<EngineReply> {
  const names = await pathsBelow(storage, METADATA_FOLDER + folder);
  return {
    kind: "data",
    data: names.length === 0 ? {} : await withDetails(storage, folder, names),
  };
}

async function withDetails(
  storage: MountRecords,
  folder: string,
  keys: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const details: (readonly [string, Readonly<Record<string, unknown>>])[] = [];
  for (let start = 0; start < keys.length; start += CONCURRENT_READS) {
    const slice = keys.slice(start, start + CONCURRENT_READS);
    details.push(
      ...await Promise.all(
        slice.map(async (name) => [name, await detailsOf(storage, folder + name)] as const),
      ),
    );
  }
  return { keys, key_info: Object.fromEntries(details) };
}

/** Empty for a folder, and for a key removed meanwhile. */
async function detailsOf(
  storage: MountRecords,
  key: string,
): Promise<Readonly<Record<string, unknown>>> {
  const stored = key.endsWith("/") ? null : await loadKey(storage, key);
  return stored === null ? {} : describeMetadata(stored.metadata);
}
