/**
 * `data/` and `subkeys/` of kv version 2: reads, writes, patches and deletes versions (core-api
 * §7). The time always comes from the request.
 */

import * as v from "valibot";
import { invalidRequest } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import type { EngineReply, EngineRequest } from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { coerceInteger, integer, object, type Sent } from "../../wire/fields.ts";
import { encodeGivenRecord } from "../json_record.ts";
import { type JsonObject, ownMember } from "../../wire/json_value.ts";
import { encodeVersion, type KeyMetadata, type MountConfig } from "./records.ts";
import {
  changeKey,
  type KeyChange,
  loadConfig,
  loadKey,
  loadVersion,
  type StoredKey,
} from "./store.ts";
import { repeatWhileLost } from "../../barrier/compare_and_set.ts";
import { addVersion, describeVersion, isOpen, newKey } from "./window.ts";
import { mergeObject, namesOnly } from "./merge_patch.ts";

export const READ_FIELDS = {
  version: integer("version to read; the current one if left out or 0"),
};
export const SUBKEYS_FIELDS = {
  ...READ_FIELDS,
  depth: integer("most levels to descend; no limit if left out or 0"),
};
export const WRITE_FIELDS = {
  options: object(
    'settings of this write: "cas" is the version that must be the current one, 0 for none yet',
  ),
  data: object("the secret, names and values"),
};

/** What `describeVersion` returns. */
export const VERSION = v.object({
  created_time: v.string(),
  custom_metadata: v.nullable(v.record(v.string(), v.string())),
  deletion_time: v.pipe(v.string(), v.description("empty where none is set")),
  destroyed: v.boolean(),
  version: v.pipe(v.number(), v.integer()),
});
export const SECRET = v.object({
  data: v.pipe(
    v.nullable(v.record(v.string(), v.unknown())),
    v.description("the secret, names and values; null where it was deleted or written so"),
  ),
  metadata: VERSION,
});

export const NOTHING_TO_PATCH: EngineReply = { kind: "missing", withoutBody: true };

export async function readData(
  storage: MountRecords,
  key: string,
  { version }: Sent<typeof READ_FIELDS>,
  nowMs: number,
): Promise<EngineReply> {
  return await readVersion(storage, key, version, nowMs, (data) => ({ data }));
}

export async function readSubkeys(
  storage: MountRecords,
  key: string,
  { version, depth = 0 }: Sent<typeof SUBKEYS_FIELDS>,
  nowMs: number,
): Promise<EngineReply> {
  return await readVersion(storage, key, version, nowMs, (data) => ({
    subkeys: data === null ? null : namesOnly(data, depth),
  }));
}

/** Creates the next version. */
export async function writeData(
  storage: MountRecords,
  key: string,
  { options, data: sent }: Sent<typeof WRITE_FIELDS>,
  request: EngineRequest,
): Promise<EngineReply> {
  if (key === "") throw invalidRequest("missing path");
  if (sent === undefined) throw invalidRequest("no data provided");
  const { nowMs } = request;
  const data = nullIfSent(request, sent);
  const config = await loadConfig(storage);
  return await changeKey<EngineReply>(storage, key, (stored) => {
    const metadata = stored?.metadata ?? newKey(nowMs);
    checkAndSet(options, config, metadata);
    return nextVersion(metadata, config, data, nowMs);
  });
}

/** Creates the next version by a merge-patch of the current one. Missing if none is open. */
export async function patchData(
  storage: MountRecords,
  key: string,
  { options, data: sent }: Sent<typeof WRITE_FIELDS>,
  request: EngineRequest,
): Promise<EngineReply> {
  if (sent === undefined) throw invalidRequest("no data provided");
  const { nowMs } = request;
  const patch = nullIfSent(request, sent);
  const config = await loadConfig(storage);
  return await changeKey<EngineReply>(storage, key, async (stored) => {
    if (stored === null) return { kind: "keep", result: NOTHING_TO_PATCH };
    const { metadata } = stored;
    checkAndSet(options, config, metadata);
    const state = metadata.versions.get(metadata.currentVersion);
    if (state === undefined) return { kind: "keep", result: NOTHING_TO_PATCH };
    if (!isOpen(state, nowMs)) {
      const data = describeVersion(metadata, metadata.currentVersion, state);
      return { kind: "keep", result: { kind: "missing", data } };
    }
    const current = await loadVersion(storage, stored, metadata.currentVersion);
    if (current === null) return { kind: "stale" };
    if (current.data === null) throw listedMistake("resource does not exist");
    const merged = patch === null ? null : mergeObject(current.data, patch);
    return nextVersion(metadata, config, merged, nowMs);
  });
}

/** Restores a null that reading the fields has turned into an empty object. */
function nullIfSent({ data }: EngineRequest, sent: JsonObject): JsonObject | null {
  return ownMember(data, "data") === null ? null : sent;
}

function nextVersion(
  before: KeyMetadata,
  config: MountConfig,
  data: JsonObject | null,
  nowMs: number,
): KeyChange<EngineReply> {
  const { metadata, dropped } = addVersion(before, config, nowMs);
  const version = metadata.currentVersion;
  const state = metadata.versions.get(version);
  if (state === undefined) throw new RangeError("the window dropped the version just added");
  return {
    kind: "put",
    metadata,
    data: [
      { version, value: encodeVersion({ createdMs: state.createdMs, data }, encodeGivenRecord) },
      ...dropped.map((old) => ({ version: old, value: null })),
    ],
    result: { kind: "data", data: describeVersion(metadata, version, state) },
  };
}

async function readVersion(
  storage: MountRecords,
  key: string,
  asked: number | undefined,
  nowMs: number,
  present: (data: JsonObject | null) => Readonly<Record<string, unknown>>,
): Promise<EngineReply> {
  return await repeatWhileLost<EngineReply>(async () => {
    const stored = await loadKey(storage, key);
    const version = asked !== undefined && asked > 0 ? asked : stored?.metadata.currentVersion ?? 0;
    const state = stored?.metadata.versions.get(version);
    if (stored === null || state === undefined) {
      return { kind: "settled", result: { kind: "missing" } };
    }
    const metadata = describeVersion(stored.metadata, version, state);
    if (!isOpen(state, nowMs)) {
      return { kind: "settled", result: { kind: "missing", data: { ...present(null), metadata } } };
    }
    const loaded = await loadVersion(storage, stored, version);
    if (loaded === null) return { kind: "lost" };
    const { data } = loaded;
    return { kind: "settled", result: { kind: "data", data: { ...present(data), metadata } } };
  });
}

/** Throws `invalid_request` in the reference's words. `cas: 0` means that no version exists yet. */
function checkAndSet(
  options: JsonObject | undefined,
  config: MountConfig,
  metadata: StoredKey["metadata"],
): void {
  const sent = options === undefined ? undefined : ownMember(options, "cas");
  if (sent === undefined) {
    if (!config.casRequired && !metadata.casRequired) return;
    throw invalidRequest("check-and-set parameter required for this call");
  }
  const cas = coerceInteger(sent);
  if (cas === null) throw invalidRequest("error parsing check-and-set parameter");
  if (cas !== metadata.currentVersion) {
    throw invalidRequest("check-and-set parameter did not match the current version");
  }
}
