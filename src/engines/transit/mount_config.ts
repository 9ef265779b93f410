/**
 * Settings of a whole transit mount: whether encrypting may create keys, and how many keys the
 * reference would keep in memory. That number is only stored for its clients: here it is fixed.
 *
 * | path           | record                                | wrapped |
 * |----------------|---------------------------------------|---------|
 * | `config/keys`  | whether encrypting creates no keys    | no      |
 * | `config/cache` | number of keys, as it was sent        | no      |
 */

import { invalidRequest } from "../../errors.ts";
import { engineOperation, type EnginePath, enginePath, type EngineReply } from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { boolean, integer, type Sent } from "../../wire/fields.ts";
import {
  booleanMember,
  decodeJsonRecord,
  encodeJsonRecord,
  malformedRecord,
  numberMember,
} from "../json_record.ts";
import { type JsonObject, ownMember } from "../../wire/json_value.ts";
import { overwrite } from "../overwrite.ts";
import { TRANSIT_CACHE_MIN_KEYS } from "../../limits.ts";

const KEYS_CONFIG_PATH = "config/keys";
const CACHE_CONFIG_PATH = "config/cache";
const FORMAT = 1;

const KEYS_CONFIG_FIELDS = {
  disable_upsert: boolean(
    "whether encrypting with a name that has no key fails; false if left out",
  ),
};
const CACHE_CONFIG_FIELDS = {
  size: integer("number of keys, at least 10, or 0 for any; stored and without effect"),
};

export interface KeysConfig {
  readonly disableUpsert: boolean;
}

export async function loadKeysConfig(storage: MountRecords): Promise<KeysConfig> {
  const json = await load(storage, KEYS_CONFIG_PATH);
  return { disableUpsert: json !== null && booleanMember(json, "disableUpsert") };
}

export function mountConfigPaths(storage: MountRecords): readonly EnginePath[] {
  return [
    enginePath("config/keys", {
      read: engineOperation(
        { summary: "Read the settings of all keys" },
        () => readKeysConfig(storage),
      ),
      update: engineOperation(
        { summary: "Set the settings of all keys", fields: KEYS_CONFIG_FIELDS, answers: ["data"] },
        (_call, sent) => writeKeysConfig(storage, sent),
      ),
    }),
    enginePath("cache-config", {
      read: engineOperation(
        { summary: "Read how many keys are kept in memory" },
        () => readCacheConfig(storage),
      ),
      update: engineOperation(
        {
          summary: "Set how many keys are kept in memory",
          fields: CACHE_CONFIG_FIELDS,
          answers: ["data"],
        },
        (_call, sent) => writeCacheConfig(storage, sent),
      ),
    }),
  ];
}

async function readKeysConfig(storage: MountRecords): Promise<EngineReply> {
  return describeKeysConfig(await loadKeysConfig(storage));
}

/** A setting left out becomes false, as in the reference. */
async function writeKeysConfig(
  storage: MountRecords,
  { disable_upsert: disableUpsert = false }: Sent<typeof KEYS_CONFIG_FIELDS>,
): Promise<EngineReply> {
  await store(storage, KEYS_CONFIG_PATH, { disableUpsert });
  return describeKeysConfig({ disableUpsert });
}

async function readCacheConfig(storage: MountRecords): Promise<EngineReply> {
  const json = await load(storage, CACHE_CONFIG_PATH);
  return { kind: "data", data: { size: json === null ? 0 : numberMember(json, "size") } };
}

async function writeCacheConfig(
  storage: MountRecords,
  { size = 0 }: Sent<typeof CACHE_CONFIG_FIELDS>,
): Promise<EngineReply> {
  if (size !== 0 && size < TRANSIT_CACHE_MIN_KEYS) {
    throw invalidRequest(`size must be 0 or a value greater or equal to ${TRANSIT_CACHE_MIN_KEYS}`);
  }
  await store(storage, CACHE_CONFIG_PATH, { size });
  return { kind: "data", data: { size } };
}

function describeKeysConfig({ disableUpsert }: KeysConfig): EngineReply {
  return { kind: "data", data: { disable_upsert: disableUpsert } };
}

async function load(storage: MountRecords, path: string): Promise<JsonObject | null> {
  const record = await storage.get(path);
  if (record === null) return null;
  const json = decodeJsonRecord(record.value);
  if (ownMember(json, "format") !== FORMAT) throw malformedRecord("unknown format");
  return json;
}

async function store(storage: MountRecords, path: string, json: JsonObject): Promise<void> {
  await overwrite(storage, path, encodeJsonRecord({ format: FORMAT, ...json }));
}
