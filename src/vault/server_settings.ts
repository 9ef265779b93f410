/** Server settings that clients may change, each a JSON record behind the barrier. */

import type { Barrier } from "../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { SERVER_SETTING_PREFIX } from "../storage/record_paths.ts";
import { LOST, repeatWhileLost, settled } from "../barrier/compare_and_set.ts";
import { ABSENT } from "../storage/store.ts";

export type ServerSetting = "cors" | "ui-headers";

/** Null if not set. */
export async function readSetting<Setting>(
  barrier: Barrier,
  name: ServerSetting,
): Promise<Setting | null> {
  const record = await barrier.get(SERVER_SETTING_PREFIX + name);
  return record === null ? null : decode<Setting>(record.value);
}

/**
 * Replaces a setting by what `change` makes of it; null means that it is not set. `change` may run
 * several times if other writers are faster.
 */
export async function changeSetting<Setting extends object>(
  barrier: Barrier,
  name: ServerSetting,
  change: (setting: Setting | null) => Setting | null,
): Promise<void> {
  const path = SERVER_SETTING_PREFIX + name;
  await repeatWhileLost(async () => {
    const record = await barrier.get(path);
    const next = change(record === null ? null : decode<Setting>(record.value));
    const outcome = await barrier.commit({
      entries: [{ path, value: next === null ? null : encodeUtf8(JSON.stringify(next)) }],
      expect: [{ path, revision: record?.revision ?? ABSENT }],
    });
    return outcome.kind === "committed" ? settled(undefined) : LOST;
  });
}

function decode<Setting>(value: Uint8Array): Setting {
  return JSON.parse(decodeUtf8(value)) as Setting;
}
