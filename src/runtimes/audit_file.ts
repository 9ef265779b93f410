/**
 * The audit device `file`: lines appended to a file that only its owner may read, not synced to disk
 * (as in Vault). After a failed append the next one begins on a new line.
 */

import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { AuditSink, DeviceOptions, DeviceOrigin } from "../audit/sinks.ts";
import { encodeUtf8 } from "../crypto/bytes.ts";
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
    if (origin === "settings") return openFile(resolve(asked), FLAGS);
    const path = pathBelow(dataDirectory, asked);
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
    return openFile(path, FLAGS | constants.O_NOFOLLOW);
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

/**
 * Appends are synchronous: they end in the page cache, and a turn through the thread pool would cost
 * more than ten of them. Every audited request waits for its entry in any case.
 */
function openFile(path: string, flags: number): AuditSink {
  let file: number | null = openSync(path, flags, MODE);
  let isBroken = false;
  const append = (text: string): void => {
    file ??= openSync(path, flags, MODE);
    const bytes = encodeUtf8(isBroken ? `\n${text}` : text);
    isBroken = true;
    for (let written = 0; written < bytes.length;) {
      written += writeSync(file, bytes, written);
    }
    isBroken = false;
  };
  const queue = new LineQueue(async (lines) => append(`${lines.join("\n")}\n`), setImmediate);
  const closeFile = (): void => {
    const closed = file;
    file = null;
    if (closed !== null) closeSync(closed);
  };
  return {
    write: (line) => queue.write(line),
    reopen: () => {
      closeFile();
      try {
        file = openSync(path, flags, MODE);
      } catch {
        // The next line tries again and reports it.
      }
    },
    close: async () => {
      await queue.drained();
      closeFile();
    },
  };
}
