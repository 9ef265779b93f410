/**
 * A small file beside the database that marks the vault as initialised. Without it, a lost or empty
 * database would look like a new vault, and the operator might initialise it by mistake. Holds no
 * secret.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "initialized";
const TEXT = "A Sealwright vault was initialised in this directory. " +
  "Remove this file only to begin an empty vault here.\n";

export interface VaultMarker {
  /** Whether the file exists. */
  exists(): boolean;
  /** Leaves an existing file unchanged. Throws file system errors. */
  write(): void;
  /** Why an uninitialised vault must not start, and what to do. */
  readonly refusal: string;
}

export function createVaultMarker(dataDirectory: string): VaultMarker {
  const path = join(dataDirectory, FILE);
  return {
    exists: () => existsSync(path),
    write: () => {
      if (!existsSync(path)) writeFileSync(path, TEXT, { mode: 0o600, flush: true });
    },
    refusal: `there was a vault in ${dataDirectory}, but its database is missing or empty: ` +
      `put it back from a backup; to begin an empty vault instead, remove ${path}`,
  };
}
