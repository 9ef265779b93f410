/**
 * kv version 2: versions, check-and-set, soft deletion (core-api §7). This file only finds the way;
 * the data of versions is seal-wrapped, metadata is not (seal §10).
 */

import type { Engine, EngineReply, EngineRequest, EngineStorage, Operation } from "./engine.ts";
import { fieldsOf, refuseFolderWrite, unsupportedOperation } from "./fields.ts";
import { patchData, readData, readSubkeys, writeData } from "./kv2_data.ts";
import {
  deleteMetadata,
  patchMetadata,
  readConfig,
  readMetadata,
  writeConfig,
  writeMetadata,
} from "./kv2_metadata.ts";
import { METADATA_FOLDER, VERSIONS_FOLDER } from "./kv2_records.ts";
import { loadKey } from "./kv2_store.ts";
import {
  deleteCurrent,
  deleteVersions,
  destroyVersions,
  undeleteVersions,
} from "./kv2_versions.ts";
import { listFolder } from "./listing.ts";

const ROOTS: readonly string[] = ["metadata", "data", "delete", "undelete", "destroy"];
const ROOT_WARNING = "Non-listing operations on the root of a K/V v2 mount are not supported.";
const KV_COMMANDS: Readonly<Record<Operation, string>> = {
  create: "put",
  update: "put",
  patch: "patch",
  read: "get",
  delete: "delete",
  list: "list",
};

export function createKv2(storage: EngineStorage): Engine {
  return {
    wrapsPath: (path) => path.startsWith(VERSIONS_FOLDER),
    exists: async (path) => {
      const { area, key } = splitPath(path);
      if (area !== "data" && area !== "metadata") return true;
      return await loadKey(storage, key) !== null;
    },
    handle: (request) => handleKv2(storage, request),
  };
}

async function handleKv2(storage: EngineStorage, request: EngineRequest): Promise<EngineReply> {
  refuseFolderWrite(request);
  const { area, key } = splitPath(request.path);
  switch (area) {
    case "config":
      return await handleConfig(storage, request);
    case "data":
      return await handleData(storage, key, request);
    case "metadata":
      return await handleMetadata(storage, key, request);
    case "subkeys":
      if (request.operation !== "read") throw unsupportedOperation();
      return await readSubkeys(storage, key, fieldsOf(request, false), request.nowMs);
    case "delete":
    case "undelete":
    case "destroy":
      return await handleVersions(storage, area, key, request);
    case null:
      return invalidPath(request);
  }
}

async function handleData(
  storage: EngineStorage,
  key: string,
  request: EngineRequest,
): Promise<EngineReply> {
  const fields = fieldsOf(request, true);
  switch (request.operation) {
    case "read":
      return await readData(storage, key, fields, request.nowMs);
    case "create":
    case "update":
      return await writeData(storage, key, fields, request.nowMs);
    case "patch":
      return await patchData(storage, key, fields, request.nowMs);
    case "delete":
      return await deleteCurrent(storage, key, request.nowMs);
    case "list":
      throw unsupportedOperation();
  }
}

async function handleMetadata(
  storage: EngineStorage,
  key: string,
  request: EngineRequest,
): Promise<EngineReply> {
  const fields = fieldsOf(request, true);
  switch (request.operation) {
    case "read":
      return await readMetadata(storage, key);
    case "create":
    case "update":
      return await writeMetadata(storage, key, fields, request.nowMs);
    case "patch":
      return await patchMetadata(storage, key, fields);
    case "delete":
      return await deleteMetadata(storage, key);
    case "list":
      return await listFolder(storage, METADATA_FOLDER + key, request);
  }
}

async function handleVersions(
  storage: EngineStorage,
  area: "delete" | "undelete" | "destroy",
  key: string,
  request: EngineRequest,
): Promise<EngineReply> {
  if (request.operation !== "create" && request.operation !== "update") {
    throw unsupportedOperation();
  }
  const fields = fieldsOf(request, false);
  switch (area) {
    case "delete":
      return await deleteVersions(storage, key, fields, request.nowMs);
    case "undelete":
      return await undeleteVersions(storage, key, fields, request.nowMs);
    case "destroy":
      return await destroyVersions(storage, key, fields);
  }
}

async function handleConfig(storage: EngineStorage, request: EngineRequest): Promise<EngineReply> {
  switch (request.operation) {
    case "read":
      return await readConfig(storage);
    case "create":
    case "update":
      return await writeConfig(storage, fieldsOf(request, false));
    case "patch":
    case "delete":
    case "list":
      throw unsupportedOperation();
  }
}

type Area = "config" | "data" | "metadata" | "subkeys" | "delete" | "undelete" | "destroy";
const FOLDER_AREAS: readonly Area[] = [
  "data",
  "metadata",
  "subkeys",
  "delete",
  "undelete",
  "destroy",
];

/** `area` is null where the engine serves nothing. */
function splitPath(path: string): { readonly area: Area | null; readonly key: string } {
  if (path === "config") return { area: "config", key: "" };
  const slash = path.indexOf("/");
  const head = path.slice(0, Math.max(slash, 0));
  const area = FOLDER_AREAS.find((name) => name === head) ?? null;
  return { area, key: path.slice(slash + 1) };
}

/** People who use the paths of version 1 are told the command that knows those of version 2. */
function invalidPath(request: EngineRequest): EngineReply {
  const warning = ROOTS.includes(request.path)
    ? ROOT_WARNING
    : "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API " +
      "endpoints to use. If using the OpenBao CLI, use 'bao kv " +
      `${KV_COMMANDS[request.operation]}' for this operation.`;
  return { kind: "missing", warnings: [warning] };
}
