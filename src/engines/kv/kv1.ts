/**
 * kv version 1: one JSON object per path, overwritten whole, without history (core-api §6). All
 * values are seal-wrapped. Reads only the advice `ttl` or `lease` from a value.
 */

import { invalidRequest } from "../../errors.ts";
import {
  createEngine,
  type Engine,
  type EngineCall,
  engineOperation,
  enginePath,
  type EngineReply,
  isFolder,
} from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { coerceDuration } from "../../wire/fields.ts";
import { decodeJsonRecord, encodeGivenRecord } from "../json_record.ts";
import { type JsonObject, ownMember } from "../../wire/json_value.ts";
import { listFolder, scanFolder } from "../listing.ts";
import { overwrite } from "../overwrite.ts";

export function createKv1(storage: MountRecords): Engine {
  const write = engineOperation(
    { summary: "Write a secret", takesAnything: true },
    async ({ path, data }) => {
      if (path === "") throw invalidRequest("missing path");
      if (Object.keys(data).length === 0) throw invalidRequest("missing data fields");
      await overwrite(storage, path, encodeGivenRecord(data));
      return { kind: "done" };
    },
  );
  const secrets = enginePath("{path*}", {
    read: engineOperation({ summary: "Read a secret" }, (call) => read(storage, call)),
    list: engineOperation(
      { summary: "List secrets" },
      ({ path }) => listFolder(storage, path, {}),
    ),
    scan: engineOperation(
      { summary: "List secrets at any depth" },
      ({ path }) => scanFolder(storage, path),
    ),
    create: write,
    update: write,
    delete: engineOperation({ summary: "Delete a secret" }, async ({ path }) => {
      if (!isFolder(path)) await overwrite(storage, path, null);
      return { kind: "done" };
    }),
  });
  return createEngine({
    wrapsPath: () => true,
    exists: async (path) => path !== "" && await storage.has(path),
    paths: [secrets],
  });
}

async function read(storage: MountRecords, request: EngineCall): Promise<EngineReply> {
  const record = request.path === "" ? null : await storage.get(request.path);
  if (record === null) return { kind: "missing" };
  const data = decodeJsonRecord(record.value);
  return { kind: "data", data, leaseSeconds: leaseOf(data, request.defaultLeaseSeconds) };
}

/** `ttl` hides `lease`, even if it is unreadable. A negative lease is passed on unchanged. */
function leaseOf(data: JsonObject, defaultSeconds: number): number {
  const advice = ownMember(data, Object.hasOwn(data, "ttl") ? "ttl" : "lease");
  return advice === undefined ? defaultSeconds : coerceDuration(advice) ?? defaultSeconds;
}
