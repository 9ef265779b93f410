/** Reads the seal configuration at start, and refuses stores a vault must not start on. */

import { SEAL_CONFIG_PATH } from "../../storage/record_paths.ts";
import { decodeSealConfig, type SealConfig } from "../../seal/seal_config.ts";
import type { Revision, Store } from "../../storage/store.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import type { SealSettings } from "../../seal/kinds.ts";

/** The seal configuration and its stored revision. */
export interface StoredConfig {
  readonly config: SealConfig;
  readonly revision: Revision;
}

export async function readConfig(store: Store): Promise<StoredConfig | null> {
  const record = await store.get(SEAL_CONFIG_PATH);
  if (record === null) return null;
  return { config: decodeSealConfig(record.bytes), revision: record.revision };
}

/** Throws `record_malformed` if the store has records: without configuration it is damaged. */
export async function refuseRemains(store: Store): Promise<void> {
  const [path] = await store.list("", "", 1);
  if (path === undefined) return;
  throw new VaultError(
    "record_malformed",
    `the store holds records (${path} is the first) but no seal configuration: ` +
      "it is damaged; put it back from a backup",
  );
}

export function refuseOtherSeal(config: SealConfig, settings: SealSettings): void {
  if (config.type === settings.type) return;
  throw invalidRequest(
    `cannot start with the ${settings.type} seal: this vault was initialised with ${config.type}`,
  );
}
