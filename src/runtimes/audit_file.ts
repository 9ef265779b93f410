/**
 * The audit device `file`: lines appended to a file that only its owner may read, not synced to disk
 * (as in Vault). After a failed append the next one begins on a new line.
 */

import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { AuditSink, DeviceOptions, DeviceOrigin } from "../audit/sinks.ts";
import { invalidRequest } from "../errors.ts";
import { LineQueue } from "./line_queue.ts";

const FOLDER = "audit";
const MODE = 0o600;
const FOLDER_MODE = 0o700;
/** A link could lead out of the folder; on the last segment it is refused. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

/** Opens file devices; those enabled by request only below `audit/` of the data directory. */
export function createFileOpener(
  dataDirectory: string | null,
): (options: DeviceOptions, origin: DeviceOrigin) => Promise<AuditSink> {
  return async (options, origin) => {
    const asked = options["file_path"] ?? options["path"] ?? "";
    if (asked === "") throw invalidRequest("file_path is required");
    if (origin === "settings") return await openFile(resolve(asked), FLAGS);
    const path = pathBelow(dataDirectory, asked);
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
    return await openFile(path, FLAGS | constants.O_NOFOLLOW);
  };
}

function pathBelow(dataDirectory: string | null, asked: string): string {
  if (dataDirectory === null) {
    throw invalidRequest("cannot enable a file device: the vault has no data directory");
  }
  if (["stdout", "discard"].includes(asked)) {
    throw invalidRequest(`file_path "${asked}" is not supported: use the type "console"`);
  }
  const folder = resolve(dataDirectory, FOLDER);
  const path = isAbsolute(asked) ? resolve(asked) : join(folder, asked);
  const rest = relative(folder, path);
  if (rest === "" || rest.startsWith("..") || isAbsolute(rest)) {
    throw invalidRequest(
      `cannot enable a file device at "${asked}": a file enabled by request must be below ` +
        `${FOLDER}/ of the data directory; the operator's setting SEALWRIGHT_AUDIT_FILE may name any`,
    );
  }
  return path;
}

async function openFile(path: string, flags: number): Promise<AuditSink> {
  let file: FileHandle | null = await open(path, flags, MODE);
  let isStale = false;
  let isBroken = false;
  const append = async (lines: readonly string[]): Promise<void> => {
    if (isStale) {
      await file?.close();
      file = null;
      isStale = false;
    }
    file ??= await open(path, flags, MODE);
    const text = `${isBroken ? "\n" : ""}${lines.join("\n")}\n`;
    try {
      await file.appendFile(text);
      isBroken = false;
    } catch (error) {
      isBroken = true;
      throw error;
    }
  };
  const queue = new LineQueue(append);
  return {
    write: (line) => queue.write(line),
    reopen: () => isStale = true,
    close: async () => {
      await queue.drained();
      await file?.close();
      file = null;
    },
  };
}
