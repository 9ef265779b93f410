/** Makes the file of a database, which only its owner may read. */

import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { platform } from "node:os";
import { dirname, resolve } from "node:path";

/** Creates a missing file with mode 0600 and missing directories with 0700. */
export function createPrivateFile(file: string): void {
  const directory = dirname(resolve(file));
  const firstCreated = mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    // "wx" opens only a new file: closing a second handle of an open database would drop the locks
    // that this process holds on it.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw error;
  }
  syncDirectories(directory, firstCreated === undefined ? directory : dirname(firstCreated));
}

/** Syncs directories from `directory` up to `top`, to make new names durable. Not on Windows. */
function syncDirectories(directory: string, top: string): void {
  if (platform() === "win32") return;
  for (let current = directory;; current = dirname(current)) {
    const handle = openSync(current, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    if (current === top || current === dirname(current)) return;
  }
}
