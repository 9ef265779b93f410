/**
 * Moves kv version 1 to version 2, page by page: each secret becomes the first version of its key.
 * The two kinds of records have separate places and a page is one commit, so an interruption leaves
 * each secret whole in one of them. Changes no value.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import { decodeJsonRecord } from "../json_record.ts";
import {
  DEFAULT_CONFIG,
  encodeMetadata,
  encodeVersion,
  metadataPath,
  versionPath,
} from "./records.ts";
import { addVersion, newKey } from "./window.ts";
import { invalidRequest } from "../../errors.ts";
import { KV_UPGRADE_PAGE_MAX_BYTES } from "../../limits.ts";
import type { Expectation, StoreLimits } from "../../storage/store.ts";
import { isLongerThan } from "../../storage/paths.ts";

export interface KvMove {
  /** Prefix of the records of version 1. `to` is that of version 2. */
  readonly from: string;
  readonly to: string;
  readonly sealWrap: boolean;
  readonly atMs: number;
}

const PAGE_RECORDS = 200;
/** Metadata, the first version, and the removal of the old record. */
const WRITES_PER_RECORD = 3;
const FIRST_VERSION = 1;
/** More than the two layers of encryption add to a value. */
const LAYERS_BYTES = 1024;

/**
 * Throws `invalid_request` if a secret would not fit into the records of version 2, and the error
 * of reading it if it is unreadable. The upgrade could then never finish.
 */
export async function refuseUnmovable(barrier: Barrier, move: KvMove): Promise<void> {
  for await (const key of barrier.each(move.from)) {
    const path = move.from + key;
    const record = await barrier.get(path);
    const fits = (entry: Entry) => isStorable(entry, barrier.limits);
    if (record !== null && !firstVersion(move, path, record.value).every(fits)) {
      throw invalidRequest(
        `cannot upgrade mount: the secret ${JSON.stringify(key)} is too large`,
      );
    }
  }
}

function isStorable(
  { path, value }: Entry,
  { pathMaxBytes, recordMaxBytes }: StoreLimits,
): boolean {
  return !isLongerThan(path, pathMaxBytes) &&
    (value?.length ?? 0) + LAYERS_BYTES <= recordMaxBytes;
}

/** Moves some records; true once none are left. May be called again after any failure. */
export async function moveSome(barrier: Barrier, move: KvMove): Promise<boolean> {
  const { limits } = barrier;
  const fitting = Math.floor(limits.commitMaxWrites / WRITES_PER_RECORD);
  const page = Math.min(PAGE_RECORDS, fitting, limits.commitMaxExpectations);
  const maxBytes = Math.min(KV_UPGRADE_PAGE_MAX_BYTES, limits.commitMaxBytes);
  const paths = await barrier.list(move.from, "", page);
  if (paths.length === 0) return true;
  const entries: Entry[] = [];
  const expect: Expectation[] = [];
  let bytes = 0;
  for (const path of paths) {
    const record = await barrier.get(path);
    if (record === null) continue;
    const moved = firstVersion(move, path, record.value);
    for (const { value } of moved) bytes += (value?.length ?? 0) + LAYERS_BYTES;
    if (bytes > maxBytes && entries.length > 0) break;
    entries.push(...moved, { path, value: null });
    expect.push({ path, revision: record.revision });
  }
  // If a rewrap changed a record meanwhile, nothing was written and the next call tries again.
  await barrier.commit({ entries, expect });
  return false;
}

function firstVersion(move: KvMove, path: string, value: Uint8Array): readonly Entry[] {
  const { from, to, sealWrap, atMs } = move;
  const key = path.slice(from.length);
  const { metadata } = addVersion(newKey(atMs), DEFAULT_CONFIG, atMs);
  const data = decodeJsonRecord(value);
  return [
    {
      path: to + metadataPath(key),
      // As in the reference, this is 1 for an upgraded key, but 0 for a newly written one.
      value: encodeMetadata({ ...metadata, oldestVersion: FIRST_VERSION }),
    },
    {
      path: to + versionPath(key, FIRST_VERSION),
      value: encodeVersion({ createdMs: atMs, data }),
      sealWrap,
    },
  ];
}
