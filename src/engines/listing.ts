/**
 * The answer to a list: names directly below a folder, in the order of the store, optionally a page
 * of them (`after`, `limit` of OpenBao). Reads only.
 */

import { comparePaths } from "../storage/paths.ts";
import type { EngineReply, EngineRequest, EngineStorage } from "./engine.ts";
import { fieldsOf, readInteger, readText } from "./fields.ts";

/** `folder` is a storage prefix: "" or ending in "/". An empty list is missing, as in Vault. */
export async function listFolder(
  storage: EngineStorage,
  folder: string,
  request: EngineRequest,
): Promise<EngineReply> {
  const fields = fieldsOf(request, false);
  const after = readText(fields, "after") ?? "";
  const limit = readInteger(fields, "limit") ?? 0;
  const names = await storage.listChildren(folder);
  const rest = after === "" ? names : names.filter((name) => comparePaths(name, after) > 0);
  const keys = limit > 0 ? rest.slice(0, limit) : rest;
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}
