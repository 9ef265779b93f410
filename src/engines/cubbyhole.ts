/**
 * cubbyhole: JSON objects private to one token, gone with it (core-api §6). Records lie below
 * `<tokenScope>/`; no request reaches another scope, since the scope is never taken from the path.
 * All values are seal-wrapped.
 */

import { invalidRequest, VaultError } from "../errors.ts";
import type { Engine, EngineReply, EngineRequest, EngineStorage } from "./engine.ts";
import { isFolder, refuseFolderWrite, unsupportedOperation } from "./fields.ts";
import { decodeJsonRecord, encodeJsonRecord } from "./json_record.ts";
import { listFolder } from "./listing.ts";
import { overwrite } from "./overwrite.ts";

/** Records removed by one commit. */
const DESTROY_PAGE_RECORDS = 200;

export function createCubbyhole(storage: EngineStorage): Engine {
  return {
    wrapsPath: () => true,
    exists: async (path, tokenScope) =>
      path !== "" && await storage.has(scopeFolder(tokenScope) + path),
    handle: (request) => handleCubbyhole(storage, request),
  };
}

/**
 * Removes everything of one token, in pages. The token must be revoked before, or it may write
 * again. Repeating it after a stop is safe. Throws `store_conflict` when the store refuses.
 */
export async function destroyScope(storage: EngineStorage, tokenScope: string): Promise<void> {
  const folder = scopeFolder(tokenScope);
  for (;;) {
    const paths = await storage.list(folder, "", DESTROY_PAGE_RECORDS);
    if (paths.length === 0) return;
    // A page that stayed would be listed again for ever.
    if (!await storage.commit(paths.map((path) => ({ path, value: null })))) {
      throw new VaultError(
        "store_conflict",
        "cannot empty a cubbyhole: other writers kept winning",
      );
    }
  }
}

async function handleCubbyhole(
  storage: EngineStorage,
  request: EngineRequest,
): Promise<EngineReply> {
  const folder = scopeFolder(request.tokenScope);
  refuseFolderWrite(request);
  switch (request.operation) {
    case "read": {
      if (request.path === "") throw mistake("missing path");
      const record = await storage.get(folder + request.path);
      if (record === null) return { kind: "missing" };
      return { kind: "data", data: decodeJsonRecord(record.value), leaseSeconds: 0 };
    }
    case "list":
      return await listFolder(storage, folder + request.path, request);
    case "create":
    case "update":
      if (Object.keys(request.data).length === 0) throw mistake("missing data fields");
      await overwrite(storage, folder + request.path, encodeJsonRecord(request.data));
      return { kind: "done" };
    case "delete":
      if (!isFolder(request.path)) await overwrite(storage, folder + request.path, null);
      return { kind: "done" };
    case "patch":
      throw unsupportedOperation();
  }
}

/** Throws RangeError for a scope that would not keep tokens apart; a bug of the caller. */
function scopeFolder(tokenScope: string): string {
  if (tokenScope === "" || tokenScope.includes("/")) {
    throw new RangeError("tokenScope must be one non-empty path segment");
  }
  return `${tokenScope}/`;
}

/** The reference reports these as faults of its own (500), hence the two-line form; we say 400. */
function mistake(reason: string): VaultError {
  return invalidRequest(`1 error occurred:\n\t* ${reason}\n\n`);
}
