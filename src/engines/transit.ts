/**
 * transit: encryption as a service. This file only finds the way. Keys never leave unless they were
 * made exportable; what is encrypted here is stored nowhere. Derived keys, signing and HMAC are not
 * served.
 */

import type { RandomBytes } from "../crypto/random.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { Engine, EngineReply, EngineRequest, EngineStorage } from "./engine.ts";
import { fieldsOf, refuseFolderWrite, unsupportedOperation } from "./fields.ts";
import { listFolder } from "./listing.ts";
import { decrypt, rewrap } from "./transit_decrypt.ts";
import { encrypt, generateDataKey } from "./transit_encrypt.ts";
import { exportKey } from "./transit_export.ts";
import { configureKey, createKey, deleteKey, readKey, rotate, trim } from "./transit_keys.ts";
import { ARCHIVE_FOLDER, POLICY_FOLDER } from "./transit_records.ts";
import { TransitStore } from "./transit_store.ts";
import { drawRandom, hashInput } from "./transit_tools.ts";

/** Vault's names of keys: word characters, inside also "-" and "." (framework.GenericNameRegex). */
const NAME = /^\w(?:[\w.-]*\w)?$/;

export function createTransit(storage: EngineStorage, random: RandomBytes): Engine {
  const store = new TransitStore(storage, random);
  return {
    wrapsPath: (path) => path.startsWith(POLICY_FOLDER) || path.startsWith(ARCHIVE_FOLDER),
    // Only encrypting makes the difference: with `create` it also makes the key.
    exists: async (path) => {
      const [area, name, ...rest] = path.split("/");
      if (area !== "encrypt" || !isName(name) || rest.length > 0) return true;
      return await store.load(name) !== null;
    },
    handle: (request) => handleTransit(store, request),
  };
}

async function handleTransit(store: TransitStore, request: EngineRequest): Promise<EngineReply> {
  refuseFolderWrite(request);
  const [area = "", ...rest] = request.path.split("/");
  switch (area) {
    case "keys":
      return await handleKeys(store, rest, request);
    case "encrypt":
    case "decrypt":
    case "rewrap":
      return await handleCrypt(store, area, rest, request);
    case "datakey":
      return await handleDataKey(store, rest, request);
    case "export":
      return await handleExport(store, rest, request);
    case "random":
      if (rest.length > 2) throw unsupportedPath();
      refuseUnlessWrite(request);
      return drawRandom(rest, fieldsOf(request, false), store.random);
    case "hash":
      if (rest.length > 1) throw unsupportedPath();
      refuseUnlessWrite(request);
      return hashInput(rest[0] ?? null, fieldsOf(request, false));
    default:
      throw unsupportedPath();
  }
}

async function handleKeys(
  store: TransitStore,
  [name, action, ...rest]: readonly string[],
  request: EngineRequest,
): Promise<EngineReply> {
  if (name === undefined || name === "") {
    if (request.operation !== "list" || action !== undefined) throw unsupportedOperation();
    return await listFolder(store.storage, POLICY_FOLDER, request);
  }
  if (!isName(name) || rest.length > 0) throw unsupportedPath();
  const fields = fieldsOf(request, false);
  switch (action) {
    case undefined:
      return await handleKey(store, name, request);
    case "config":
      refuseUnlessWrite(request);
      return await configureKey(store, name, fields);
    case "rotate":
      refuseUnlessWrite(request);
      return await rotate(store, name, request.nowMs);
    case "trim":
      refuseUnlessWrite(request);
      return await trim(store, name, fields);
    default:
      throw unsupportedPath();
  }
}

async function handleKey(
  store: TransitStore,
  name: string,
  request: EngineRequest,
): Promise<EngineReply> {
  switch (request.operation) {
    case "create":
    case "update":
      return await createKey(store, name, fieldsOf(request, false), request.nowMs);
    case "read":
      return await readKey(store, name);
    case "delete":
      return await deleteKey(store, name);
    case "patch":
    case "list":
      throw unsupportedOperation();
  }
}

async function handleCrypt(
  store: TransitStore,
  area: "encrypt" | "decrypt" | "rewrap",
  [name, ...rest]: readonly string[],
  request: EngineRequest,
): Promise<EngineReply> {
  if (!isName(name) || rest.length > 0) throw unsupportedPath();
  refuseUnlessWrite(request);
  const fields = fieldsOf(request, area === "encrypt");
  switch (area) {
    case "encrypt":
      return await encrypt(store, name, fields, request);
    case "decrypt":
      return await decrypt(store, name, fields);
    case "rewrap":
      return await rewrap(store, name, fields, request.nowMs);
  }
}

async function handleDataKey(
  store: TransitStore,
  [kind, name, ...rest]: readonly string[],
  request: EngineRequest,
): Promise<EngineReply> {
  if (!isName(kind) || !isName(name) || rest.length > 0) throw unsupportedPath();
  refuseUnlessWrite(request);
  if (kind !== "plaintext" && kind !== "wrapped") {
    throw invalidRequest("Invalid path, must be 'plaintext' or 'wrapped'");
  }
  const fields = fieldsOf(request, false);
  return await generateDataKey(store, name, kind === "plaintext", fields, request.nowMs);
}

async function handleExport(
  store: TransitStore,
  [type, name, version, ...rest]: readonly string[],
  request: EngineRequest,
): Promise<EngineReply> {
  if (!isName(type) || !isName(name) || version === "" || rest.length > 0) throw unsupportedPath();
  if (request.operation !== "read") throw unsupportedOperation();
  return await exportKey(store, type, name, version ?? null, fieldsOf(request, false));
}

function isName(segment: string | undefined): segment is string {
  return segment !== undefined && NAME.test(segment);
}

function refuseUnlessWrite(request: EngineRequest): void {
  if (request.operation !== "create" && request.operation !== "update") {
    throw unsupportedOperation();
  }
}

function unsupportedPath(): VaultError {
  return new VaultError("unsupported_path", "unsupported path");
}
