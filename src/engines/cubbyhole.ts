/**
 * cubbyhole: JSON objects private to one token, removed with it (core-api §6). Records lie below
 * `<tokenScope>/`. A request cannot reach another scope, because the scope never comes from the
 * path. All values are seal-wrapped.
 */

import { invalidRequest } from "../errors.ts";
import { listedMistake } from "../wire/multi_error.ts";
import {
  createEngine,
  type Engine,
  engineOperation,
  enginePath,
  type EngineRequest,
  isFolder,
} from "./engine.ts";
import type { MountRecords } from "../barrier/mount_records.ts";
import { decodeJsonRecord, encodeGivenRecord } from "./json_record.ts";
import { listFolder } from "./listing.ts";
import { overwrite } from "./overwrite.ts";

export function createCubbyhole(storage: MountRecords): Engine {
  const read = engineOperation({ summary: "Read a secret" }, async ({ path, tokenScope }) => {
    if (path === "") throw listedMistake("missing path");
    const record = await storage.get(scopeFolder(tokenScope) + path);
    if (record === null) return { kind: "missing" };
    return { kind: "data", data: decodeJsonRecord(record.value), leaseSeconds: 0 };
  });
  const list = engineOperation(
    { summary: "List secrets" },
    ({ path, tokenScope }) => listFolder(storage, scopeFolder(tokenScope) + path, {}),
  );
  const write = engineOperation(
    { summary: "Write a secret", takesAnything: true },
    async ({ path, tokenScope, data }) => {
      if (Object.keys(data).length === 0) throw listedMistake("missing data fields");
      if (path === "") throw listedMistake("missing path");
      await overwrite(storage, scopeFolder(tokenScope) + path, encodeGivenRecord(data));
      return { kind: "done" };
    },
  );
  const remove = engineOperation({ summary: "Delete a secret" }, async ({ path, tokenScope }) => {
    if (!isFolder(path)) await overwrite(storage, scopeFolder(tokenScope) + path, null);
    return { kind: "done" };
  });
  const engine = createEngine({
    wrapsPath: () => true,
    exists: async (path, tokenScope) =>
      path !== "" && await storage.has(scopeFolder(tokenScope) + path),
    paths: [enginePath("{path*}", { read, list, create: write, update: write, delete: remove })],
  });
  return {
    ...engine,
    handle: async (request) => {
      refuseBatchToken(request);
      return await engine.handle(request);
    },
  };
}

/** Batch tokens are not recorded, so their values could never be removed. */
function refuseBatchToken({ tokenType }: EngineRequest): void {
  if (tokenType !== "batch") return;
  throw invalidRequest("cubbyhole operations are only supported by 'service' type tokens");
}

/** Removes everything a token stored. Revoke the token first, or it may write again. */
export async function destroyScope(storage: MountRecords, tokenScope: string): Promise<void> {
  await storage.removeBelow(scopeFolder(tokenScope));
}

/** Throws RangeError, a bug of the caller, for a scope that would not keep tokens apart. */
function scopeFolder(tokenScope: string): string {
  if (tokenScope === "" || tokenScope.includes("/")) {
    throw new RangeError("tokenScope must be one non-empty path segment");
  }
  return `${tokenScope}/`;
}
