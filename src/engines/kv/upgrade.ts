/**
 * From kv version 1 to version 2, page by page: a secret becomes the first version of its key. Both
 * kinds of records have places of their own, and a page is one commit, so a stop anywhere leaves
 * every secret in one of the two, whole. Never looks into a value.
 */

import type { Barrier, Entry } from "../../barrier/barrier.ts";
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
import { KV_UPGRADE_PAGE_MAX_BYTES, PATH_MAX_BYTES, RECORD_MAX_BYTES } from "../../limits.ts";
import type { Expectation } from "../../storage/store.ts";

export interface KvMove {
  /** Where the records of version 1 lie, and where those of version 2 go. */
  readonly from: string;
  readonly to: string;
  readonly sealWrap: boolean;
  readonly atMs: number;
}

const PAGE_RECORDS = 200;
const FIRST_VERSION = 1;
/** More than both layers of encryption add to a value. */
const LAYERS_BYTES = 1024;

/**
 * Throws `invalid_request` when a secret would not fit as records of version 2, and whatever a
 * secret that cannot be read throws: once begun, the upgrade could not end.
 */
export async function refuseUnmovable(barrier: Barrier, move: KvMove): Promise<void> {
  for await (const key of barrier.each(move.from)) {
    const path = move.from + key;
    const record = await barrier.get(path);
    if (record !== null && !firstVersion(move, path, record.value).every(fits)) {
      throw invalidRequest(
        `cannot upgrade mount: the secret ${JSON.stringify(key)} is too large`,
      );
    }
  }
}

function fits({ path, value }: Entry): boolean {
  return new TextEncoder().encode(path).length <= PATH_MAX_BYTES &&
    (value?.length ?? 0) + LAYERS_BYTES <= RECORD_MAX_BYTES;
}

/** Moves some records; true when none are left. May be called again after any failure. */
export async function moveSome(barrier: Barrier, move: KvMove): Promise<boolean> {
  const paths = await barrier.list(move.from, "", PAGE_RECORDS);
  if (paths.length === 0) return true;
  const entries: Entry[] = [];
  const expect: Expectation[] = [];
  let bytes = 0;
  for (const path of paths) {
    const record = await barrier.get(path);
    if (record === null) continue;
    entries.push(...firstVersion(move, path, record.value), { path, value: null });
    expect.push({ path, revision: record.revision });
    bytes += record.value.length;
    if (bytes >= KV_UPGRADE_PAGE_MAX_BYTES) break;
  }
  // A rewrap may have won a record meanwhile: nothing was written then, and the next call sees it.
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
      // As the reference has it for what was upgraded, unlike for a key that is written first.
      value: encodeMetadata({ ...metadata, oldestVersion: FIRST_VERSION }),
    },
    {
      path: to + versionPath(key, FIRST_VERSION),
      value: encodeVersion({ createdMs: atMs, data }),
      sealWrap,
    },
  ];
}
