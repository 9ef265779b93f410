/** Server settings that clients may change, each a JSON record behind the barrier. */

import type { Barrier } from "../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { SERVER_SETTING_PREFIX } from "../storage/record_paths.ts";

export type ServerSetting = "cors" | "ui-headers";

/** Null if not set. */
export async function readSetting<Setting>(
  barrier: Barrier,
  name: ServerSetting,
): Promise<Setting | null> {
  const record = await barrier.get(SERVER_SETTING_PREFIX + name);
  return record === null ? null : JSON.parse(decodeUtf8(record.value)) as Setting;
}

/** Null removes the setting. */
export async function writeSetting(
  barrier: Barrier,
  name: ServerSetting,
  setting: object | null,
): Promise<void> {
  const value = setting === null ? null : encodeUtf8(JSON.stringify(setting));
  await barrier.commit({ entries: [{ path: SERVER_SETTING_PREFIX + name, value }] });
}
