/**
 * kv version 1: one JSON object per path, overwritten whole, no history (core-api §6). All values
 * are seal-wrapped. Never looks into a value but for the advice `ttl` or `lease`.
 */

import { parseDurationSeconds } from "../access/duration.ts";
import { invalidRequest } from "../errors.ts";
import type { Engine, EngineReply, EngineRequest, EngineStorage } from "./engine.ts";
import { isFolder, refuseFolderWrite, unsupportedOperation } from "./fields.ts";
import { decodeJsonRecord, encodeJsonRecord, type JsonObject, ownMember } from "./json_record.ts";
import { listFolder } from "./listing.ts";
import { overwrite } from "./overwrite.ts";

export function createKv1(storage: EngineStorage): Engine {
  return {
    wrapsPath: () => true,
    exists: async (path) => path !== "" && await storage.has(path),
    handle: (request) => handleKv1(storage, request),
  };
}

async function handleKv1(storage: EngineStorage, request: EngineRequest): Promise<EngineReply> {
  refuseFolderWrite(request);
  switch (request.operation) {
    case "read":
      return await read(storage, request);
    case "list":
      return await listFolder(storage, request.path, request);
    case "create":
    case "update":
      if (Object.keys(request.data).length === 0) throw invalidRequest("missing data fields");
      await overwrite(storage, request.path, encodeJsonRecord(request.data));
      return { kind: "done" };
    case "delete":
      if (!isFolder(request.path)) await overwrite(storage, request.path, null);
      return { kind: "done" };
    case "patch":
      throw unsupportedOperation();
  }
}

async function read(storage: EngineStorage, request: EngineRequest): Promise<EngineReply> {
  const record = request.path === "" ? null : await storage.get(request.path);
  if (record === null) return { kind: "missing" };
  const data = decodeJsonRecord(record.value);
  return { kind: "data", data, leaseSeconds: leaseOf(data, request.defaultLeaseSeconds) };
}

/** `ttl` hides `lease`, also when it cannot be read. */
function leaseOf(data: JsonObject, defaultSeconds: number): number {
  const advice = ownMember(data, Object.hasOwn(data, "ttl") ? "ttl" : "lease");
  if (advice === undefined || advice === null) return defaultSeconds;
  const seconds = parseDurationSeconds(advice);
  return seconds === null ? defaultSeconds : Math.trunc(seconds);
}
