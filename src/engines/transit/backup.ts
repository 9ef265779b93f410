/**
 * `backup/` and `restore/` of transit. A backup is all of a key in plaintext. It is given only of keys
 * that are exportable and allow it.
 */

import { invalidRequest } from "../../errors.ts";
import { boolean, type Sent, text } from "../../wire/fields.ts";
import { quoteText } from "../../wire/go_text.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { isWord } from "../../wire/served_path.ts";
import type { EngineReply } from "../engine.ts";
import { decodeBackup, encodeBackup } from "./backup_form.ts";
import { checkBase64 } from "./base64.ts";
import type { TransitKey } from "./records.ts";
import type { TransitStore } from "./store.ts";
import { SOFT_DELETED, withHmacKeys } from "./versions.ts";

export const RESTORE_FIELDS = {
  backup: text("the key, as a backup answered it"),
  force: boolean("whether a key of that name is overwritten"),
};

export async function backUpKey(
  store: TransitStore,
  name: string,
  nowMs: number,
): Promise<EngineReply> {
  return await store.change<EngineReply>(name, (found) => {
    if (found === null) throw listedMistake(`key ${quoteText(name)} not found`);
    if (found.softDeleted) throw listedMistake(SOFT_DELETED);
    if (!found.exportable) throw listedMistake("exporting is disallowed on the policy");
    if (!found.allowPlaintextBackup) {
      throw listedMistake("plaintext backup is disallowed on the policy");
    }
    const complete = withHmacKeys(found, store.random) ?? found;
    const backedUp = { timeMs: nowMs, version: found.latestVersion };
    const key: TransitKey = { ...complete, backedUp };
    return {
      kind: "put",
      key,
      result: { kind: "data", data: { backup: encodeBackup(name, key) } },
    };
  });
}

/** `pathName`: the new name of the key; null for the name in the backup. */
export async function restoreKey(
  store: TransitStore,
  pathName: string | null,
  { backup = "", force = false }: Sent<typeof RESTORE_FIELDS>,
  nowMs: number,
): Promise<EngineReply> {
  if (backup === "") throw invalidRequest("'backup' must be supplied");
  if (pathName?.includes("/") === true) throw listedMistake("key names cannot be paths");
  const bytes = checkBase64(backup);
  if (bytes.kind === "refused") throw listedMistake(bytes.reason);
  const { backupName, key } = decodeBackup(bytes.value);
  const name = pathName ?? backupName;
  // No path would ever find a key of another name.
  if (!isWord(name)) throw invalidRequest("cannot restore the key: its name is none for a key");
  const restored = { ...key, restored: { timeMs: nowMs, version: key.latestVersion } };
  return await store.change<EngineReply>(name, (found) => {
    if (found !== null && !force) throw listedMistake(`key ${quoteText(name)} already exists`);
    return { kind: "put", key: restored, result: { kind: "done" } };
  });
}
