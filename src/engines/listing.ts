/**
 * The answer to a list: names directly below a folder, in the order of the store, optionally a page
 * of them (`after`, `limit` of OpenBao). Reads only.
 */

import { comparePaths } from "../storage/paths.ts";
import type { EngineReply, EngineStorage } from "./engine.ts";
import { integer, type Sent, text } from "./fields.ts";

export const LIST_FIELDS = {
  after: text("name after which the list begins"),
  limit: integer("most names to list; 0 for all"),
};

/** `folder` is a storage prefix: "" or ending in "/". An empty list is missing, as in Vault. */
export async function listFolder(
  storage: EngineStorage,
  folder: string,
  { after = "", limit = 0 }: Sent<typeof LIST_FIELDS>,
): Promise<EngineReply> {
  const names = await storage.listChildren(folder);
  const rest = after === "" ? names : names.filter((name) => comparePaths(name, after) > 0);
  const keys = limit > 0 ? rest.slice(0, limit) : rest;
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}
