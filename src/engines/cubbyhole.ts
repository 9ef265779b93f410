/**
 * cubbyhole: JSON objects private to one token, gone with it (core-api §6). Records lie below
 * `<tokenScope>/`; no request reaches another scope, since the scope is never taken from the path.
 * All values are seal-wrapped.
 */

import { invalidRequest, VaultError } from "../errors.ts";
import {
  createEngine,
  type Engine,
  engineOperation,
  enginePath,
  type EngineStorage,
  isFolder,
} from "./engine.ts";
import { decodeJsonRecord, encodeJsonRecord } from "./json_record.ts";
import { LIST_FIELDS, listFolder } from "./listing.ts";
import { overwrite } from "./overwrite.ts";

/** Records removed by one commit. */
const DESTROY_PAGE_RECORDS = 200;

export function createCubbyhole(storage: EngineStorage): Engine {
  const read = engineOperation({ summary: "Read a secret" }, async ({ path, tokenScope }) => {
    if (path === "") throw mistake("missing path");
    const record = await storage.get(scopeFolder(tokenScope) + path);
    if (record === null) return { kind: "missing" };
    return { kind: "data", data: decodeJsonRecord(record.value), leaseSeconds: 0 };
  });
  const list = engineOperation(
    { summary: "List secrets", fields: LIST_FIELDS },
    ({ path, tokenScope }, sent) => listFolder(storage, scopeFolder(tokenScope) + path, sent),
  );
  const write = engineOperation(
    { summary: "Write a secret", takesAnything: true },
    async ({ path, tokenScope, data }) => {
      if (Object.keys(data).length === 0) throw mistake("missing data fields");
      await overwrite(storage, scopeFolder(tokenScope) + path, encodeJsonRecord(data));
      return { kind: "done" };
    },
  );
  const remove = engineOperation({ summary: "Delete a secret" }, async ({ path, tokenScope }) => {
    if (!isFolder(path)) await overwrite(storage, scopeFolder(tokenScope) + path, null);
    return { kind: "done" };
  });
  return createEngine({
    wrapsPath: () => true,
    exists: async (path, tokenScope) =>
      path !== "" && await storage.has(scopeFolder(tokenScope) + path),
    paths: [enginePath("{path*}", { read, list, create: write, update: write, delete: remove })],
  });
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
