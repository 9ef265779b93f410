/**
 * `keys/` of transit: create, read, configure, rotate, trim and delete keys, in Vault's words (openbao
 * builtin/logical/transit). No reply contains key material.
 */

import { invalidRequest, type VaultError } from "../../errors.ts";
import type { EngineReply } from "../engine.ts";
import { boolean, integer, type Sent, text } from "../../wire/fields.ts";
import { checkBase64 } from "./base64.ts";
import { CONTEXT } from "./items.ts";
import {
  DEFAULT_KEY_TYPE,
  isReferenceKeyType,
  KEY_TYPE_NAMES,
  type KeyType,
  parseKeyType,
} from "./key_types.ts";
import type { TransitKey } from "./records.ts";
import type { TransitChange, TransitStore } from "./store.ts";
import { CONFIG_FIELDS, planKeyConfig } from "./config.ts";
import { describeKey, newTransitKey, rotateKey, trimKey } from "./versions.ts";
import { AUTO_ROTATE_MIN_SECONDS } from "../../limits.ts";

/** Settings of a key that the request may create. */
export const NEW_KEY_FIELDS = {
  type: text(`type of the key: ${KEY_TYPE_NAMES.join(" or ")}`),
  derived: boolean("refused if true: there are no derived keys"),
  convergent_encryption: boolean("refused if true: it needs derived keys"),
};
export const CREATE_FIELDS = {
  ...NEW_KEY_FIELDS,
  exportable: CONFIG_FIELDS.exportable,
  allow_plaintext_backup: CONFIG_FIELDS.allow_plaintext_backup,
  auto_rotate_period: CONFIG_FIELDS.auto_rotate_period,
  key_size: integer("refused unless 0: no type of key has a choice"),
  external_key_ref: text("refused unless empty: there are no external keys"),
};
export const READ_KEY_FIELDS = {
  context: CONTEXT,
};
export const TRIM_FIELDS = {
  min_available_version: integer("first version that is kept; earlier ones are erased"),
};

/** Creates the key. An existing key stays as it is, without a warning. */
export async function createKey(
  store: TransitStore,
  name: string,
  sent: Sent<typeof CREATE_FIELDS>,
  nowMs: number,
): Promise<EngineReply> {
  refuseShortPeriod(sent.auto_rotate_period);
  if (sent.convergent_encryption === true && sent.derived !== true) {
    throw invalidRequest("convergent encryption requires derivation to be enabled");
  }
  const { type = DEFAULT_KEY_TYPE, key_size: keyBytes = 0, external_key_ref: reference } = sent;
  if (!isReferenceKeyType(type)) throw unknownKeyType(type);
  if (keyBytes !== 0) throw invalidRequest(`key_size is not valid for algorithm ${type}`);
  if (reference !== undefined && reference !== "") {
    throw invalidRequest("must provide type=external-key to use external_key_ref");
  }
  // An impossible key type is ignored if the key already exists.
  const found = await store.load(name);
  const loaded = found ?? (await store.create(name, newKey(store, sent, nowMs))).loaded;
  return { kind: "data", data: describeKey(name, loaded.key) };
}

function newKey(
  store: TransitStore,
  sent: Sent<typeof CREATE_FIELDS>,
  nowMs: number,
): TransitKey {
  if (sent.derived === true) throw derivationRefused();
  const settings = {
    type: newKeyType(sent),
    exportable: sent.exportable ?? false,
    allowPlaintextBackup: sent.allow_plaintext_backup ?? false,
    autoRotateSeconds: sent.auto_rotate_period ?? 0,
  };
  return newTransitKey(settings, store.random, nowMs);
}

export async function readKey(
  store: TransitStore,
  name: string,
  { context = "" }: Sent<typeof READ_KEY_FIELDS>,
): Promise<EngineReply> {
  const loaded = await store.load(name);
  if (loaded === null) return { kind: "missing" };
  if (checkBase64(context).kind === "refused") {
    throw invalidRequest("failed to base64-decode context");
  }
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

/** Forbids all use of the key until it is restored, or restores it. */
export async function setSoftDeleted(
  store: TransitStore,
  name: string,
  softDeleted: boolean,
): Promise<EngineReply> {
  return await store.change<EngineReply>(name, (key) => {
    if (key === null) return { kind: "keep", result: { kind: "done" } };
    const data = describeKey(name, { ...key, softDeleted });
    if (key.softDeleted !== softDeleted) {
      return { kind: "put", key: { ...key, softDeleted }, result: { kind: "data", data } };
    }
    const warning = softDeleted
      ? "key was already marked as soft deleted"
      : "key was already restored";
    return { kind: "keep", result: { kind: "data", data, warnings: [warning] } };
  });
}

export async function configureKey(
  store: TransitStore,
  name: string,
  sent: Sent<typeof CONFIG_FIELDS>,
): Promise<EngineReply> {
  refuseShortPeriod(sent.auto_rotate_period);
  return await store.change<EngineReply>(name, (key) => {
    if (key === null) throw invalidRequest(`no existing key named ${name} could be found`);
    const { changed, warnings } = planKeyConfig(sent, key);
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
  { min_available_version: asked }: Sent<typeof TRIM_FIELDS>,
): Promise<EngineReply> {
  return await store.change<EngineReply>(name, (key) => {
    if (key === null) throw invalidRequest("invalid key name");
    if (asked === undefined) throw invalidRequest("missing min_available_version");
    refuseTrim(key, asked);
    return putDescribed(name, trimKey(key, asked));
  });
}

/** The type of a new key. Throws `invalid_request` for a type that is not served here. */
export function newKeyType(
  { type: asked = DEFAULT_KEY_TYPE }: { readonly type?: string | undefined },
): KeyType {
  const type = parseKeyType(asked);
  if (type === null) throw unknownKeyType(asked);
  return type;
}

/** The refusal of derived and convergent keys, which do not exist here. */
export function derivationRefused(): VaultError {
  return invalidRequest("cannot create a derived key: key derivation is not supported");
}

function unknownKeyType(type: string): VaultError {
  return invalidRequest(`unknown key type ${type}`);
}

function refuseShortPeriod(seconds: number | undefined): void {
  if (seconds !== undefined && seconds !== 0 && seconds < AUTO_ROTATE_MIN_SECONDS) {
    throw invalidRequest("auto rotate period must be 0 to disable or at least an hour");
  }
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
