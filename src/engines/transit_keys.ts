/**
 * `keys/` of transit: create, read, configure, rotate, trim and delete keys, in Vault's words (openbao
 * builtin/logical/transit). Key material goes into no reply.
 */

import { invalidRequest } from "../errors.ts";
import type { EngineReply } from "./engine.ts";
import { type Fields, readBoolean, readDurationSeconds, readInteger, readText } from "./fields.ts";
import {
  DEFAULT_KEY_TYPE,
  parseKeyType,
  type TransitKey,
  type TransitKeyType,
} from "./transit_records.ts";
import type { TransitChange, TransitStore } from "./transit_store.ts";
import { readKeyConfig } from "./transit_config.ts";
import { describeKey, newTransitKey, rotateKey, trimKey } from "./transit_versions.ts";

const AUTO_ROTATE_MIN_SECONDS = 3600;

/** Creates the key; one that is there stays as it is, with a warning. */
export async function createKey(
  store: TransitStore,
  name: string,
  fields: Fields,
  nowMs: number,
): Promise<EngineReply> {
  const autoRotateSeconds = readAutoRotateSeconds(fields) ?? 0;
  refuseDerivation(fields, false);
  const settings = {
    type: readNewKeyType(fields),
    exportable: readBoolean(fields, "exportable") ?? false,
    allowPlaintextBackup: readBoolean(fields, "allow_plaintext_backup") ?? false,
    autoRotateSeconds,
  };
  if ((readInteger(fields, "key_size") ?? 0) !== 0) {
    throw invalidRequest(`key_size is not valid for algorithm ${settings.type}`);
  }
  const key = newTransitKey(settings, store.random, nowMs);
  const { loaded, isNew } = await store.create(name, key);
  const warnings = isNew ? [] : [`key ${name} already existed`];
  return { kind: "data", data: describeKey(name, loaded.key), warnings };
}

export async function readKey(store: TransitStore, name: string): Promise<EngineReply> {
  const loaded = await store.load(name);
  if (loaded === null) return { kind: "missing" };
  return { kind: "data", data: describeKey(name, loaded.key) };
}

export async function deleteKey(store: TransitStore, name: string): Promise<EngineReply> {
  return await store.change<EngineReply>(name, (key) => {
    const refusal = `error deleting policy ${name}`;
    if (key === null) throw invalidRequest(`${refusal}: could not delete key; not found`);
    if (!key.deletionAllowed) {
      throw invalidRequest(`${refusal}: deletion is not allowed for this key`);
    }
    return { kind: "remove", result: { kind: "done" } };
  });
}

export async function configureKey(
  store: TransitStore,
  name: string,
  fields: Fields,
): Promise<EngineReply> {
  const autoRotateSeconds = readAutoRotateSeconds(fields);
  return await store.change<EngineReply>(name, (key) => {
    if (key === null) throw invalidRequest(`no existing key named ${name} could be found`);
    const { changed, warnings } = readKeyConfig(fields, key, autoRotateSeconds);
    const data = describeKey(name, changed ?? key);
    const result: EngineReply = { kind: "data", data, warnings };
    return changed === null ? { kind: "keep", result } : { kind: "put", key: changed, result };
  });
}

export async function rotate(
  store: TransitStore,
  name: string,
  nowMs: number,
): Promise<EngineReply> {
  return await store.change<EngineReply>(name, (key) => {
    if (key === null) throw invalidRequest("key not found");
    return putDescribed(name, rotateKey(key, store.random, nowMs));
  });
}

/** Erases the versions below `min_available_version`. */
export async function trim(
  store: TransitStore,
  name: string,
  fields: Fields,
): Promise<EngineReply> {
  const asked = readInteger(fields, "min_available_version");
  return await store.change<EngineReply>(name, (key) => {
    if (key === null) throw invalidRequest("invalid key name");
    if (asked === undefined) throw invalidRequest("missing min_available_version");
    refuseTrim(key, asked);
    return putDescribed(name, trimKey(key, asked));
  });
}

/** The type of a key to be made. Throws `invalid_request` for one that there are no keys of. */
export function readNewKeyType(fields: Fields): TransitKeyType {
  const text = readText(fields, "type") ?? DEFAULT_KEY_TYPE;
  const type = parseKeyType(text);
  if (type === null) throw invalidRequest(`unknown key type ${text}`);
  return type;
}

/** Derived and convergent keys do not exist here. `hasContext`: Vault would make a derived one. */
export function refuseDerivation(fields: Fields, hasContext: boolean): void {
  const isDerived = readBoolean(fields, "derived") ?? false;
  const isConvergent = readBoolean(fields, "convergent_encryption") ?? false;
  if (isConvergent && !isDerived && !hasContext) {
    throw invalidRequest("convergent encryption requires derivation to be enabled");
  }
  if (isDerived || isConvergent || hasContext) {
    throw invalidRequest("cannot create a derived key: key derivation is not supported");
  }
}

function readAutoRotateSeconds(fields: Fields): number | undefined {
  const seconds = readDurationSeconds(fields, "auto_rotate_period");
  if (seconds !== undefined && seconds !== 0 && seconds < AUTO_ROTATE_MIN_SECONDS) {
    throw invalidRequest("auto rotate period must be 0 to disable or at least an hour");
  }
  return seconds;
}

function putDescribed(name: string, key: TransitKey): TransitChange<EngineReply> {
  return { kind: "put", key, result: { kind: "data", data: describeKey(name, key) } };
}

function refuseTrim(key: TransitKey, asked: number): void {
  const refuse = (reason: string): never => {
    throw invalidRequest(`minimum available version ${reason}`);
  };
  if (asked < key.minAvailableVersion) refuse("cannot be decremented");
  if (key.minEncryptionVersion === 0) {
    refuse("cannot be set when minimum encryption version is not set");
  }
  if (asked > key.minEncryptionVersion) {
    refuse("cannot be greater than minmum encryption version");
  }
  if (asked > key.minDecryptionVersion) {
    refuse("cannot be greater than minimum decryption version");
  }
  if (asked < 0) refuse("cannot be negative");
  if (asked === 0) refuse("should be positive");
}
