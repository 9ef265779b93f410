/**
 * The audit device `file`. Appends lines to a file that only its owner may read, without syncing
 * (as in Vault). After a torn line the next one begins on a new line. Writes to a named pipe never
 * block, so a reader that stops reading does not stop the vault.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, writeSync } from "node:fs";
import { setImmediate, setTimeout as pause } from "node:timers/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { AuditSink, DeviceOptions, DeviceOrigin } from "../audit/sinks.ts";
import { encodeUtf8 } from "../crypto/bytes.ts";
import { invalidRequest, messageOf } from "../errors.ts";
import { AUDIT_PIPE_WAIT_MS } from "../limits.ts";
import type { Log } from "../log.ts";
import { LineQueue } from "./line_queue.ts";
import type { AuditDeviceSettings } from "./settings.ts";

const FOLDER = "audit";
const MODE = 0o600;
const FOLDER_MODE = 0o700;
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
/** Interval between tries on a full pipe, up to `AUDIT_PIPE_WAIT_MS`. */
const PIPE_TRY_MS = 10;

/** File devices. `settle` and `open` behave as in `AuditSinks`. */
export interface FileDevices {
  settle(options: DeviceOptions, origin: DeviceOrigin): DeviceOptions;
  open(options: DeviceOptions, origin: DeviceOrigin): Promise<AuditSink>;
}

/** Files enabled by request are below `audit/` of the data directory, with paths relative to it. */
export function createFileDevices(dataDirectory: string | null): FileDevices {
  const settle = (options: DeviceOptions, origin: DeviceOrigin): DeviceOptions => {
    const { path, file_path = path ?? "", ...others } = options;
    if (file_path === "") throw invalidRequest("file_path is required");
    if (origin === "settings") return { ...others, file_path };
    return { ...others, file_path: pathBelow(folderOf(dataDirectory), file_path) };
  };
  const open = async (options: DeviceOptions, origin: DeviceOrigin): Promise<AuditSink> => {
    const { file_path: path = "" } = settle(options, origin);
    if (origin === "settings") return createFileSink(() => openFile(resolve(path), FLAGS));
    const absolutePath = join(folderOf(dataDirectory), path);
    return createFileSink(() => {
      mkdirSync(dirname(absolutePath), { recursive: true, mode: FOLDER_MODE });
      // Refuses a symbolic link as the last segment, which could lead out of the folder.
      return openFile(absolutePath, FLAGS | constants.O_NOFOLLOW);
    });
  };
  return { settle, open };
}

/**
 * Call at process start. Logs why the audit file of the settings cannot be opened; otherwise the
 * operator would find out only when the unsealed vault refuses every request.
 */
export function reportUnopenable({ filePath }: AuditDeviceSettings, log: Log): void {
  if (filePath === null) return;
  try {
    const { descriptor } = openFile(resolve(filePath), FLAGS);
    // A pipe stays open: its reader would take closing for the end of all lines.
    if (!fstatSync(descriptor).isFIFO()) closeSync(descriptor);
  } catch (error) {
    const reason = messageOf(error);
    log.error(
      "SEALWRIGHT_AUDIT_FILE cannot be opened: as long as it cannot and no other audit device " +
        "works, every request is refused once the vault is unsealed",
      { reason },
    );
  }
}

function folderOf(dataDirectory: string | null): string {
  if (dataDirectory === null) {
    throw invalidRequest("cannot enable a file device: the vault has no data directory");
  }
  return resolve(dataDirectory, FOLDER);
}

/** The path relative to `folder`. Throws `invalid_request` if it is not below `folder`. */
function pathBelow(folder: string, requested: string): string {
  if (["stdout", "discard"].includes(requested)) {
    throw invalidRequest(`file_path "${requested}" is not supported: use the type "console"`);
  }
  const path = isAbsolute(requested) ? resolve(requested) : join(folder, requested);
  const rest = relative(folder, path);
  if (rest === "" || rest.startsWith("..") || isAbsolute(rest)) {
    throw invalidRequest(
      `cannot enable a file device at "${requested}": a file enabled by request must be below ` +
        `${FOLDER}/ of the data directory; the operator's setting SEALWRIGHT_AUDIT_FILE may name any`,
    );
  }
  return rest;
}

/** Compared by identity, because the system may reuse a descriptor for another file. */
interface OpenFile {
  readonly descriptor: number;
}

function openFile(path: string, flags: number): OpenFile {
  try {
    return { descriptor: openSync(path, flags, MODE) };
  } catch (error) {
    if (codeOf(error) !== "ENXIO") throw error;
    throw new Error(`nobody reads the named pipe ${path}, or it is no file`, { cause: error });
  }
}

/**
 * Appends are synchronous: they end in the page cache, and one trip through the thread pool costs
 * more than ten of them. Every audited request waits for its entry anyway.
 */
function createFileSink(open: () => OpenFile): AuditSink {
  let file: OpenFile | null = open();
  let isBroken = false;
  const append = async (text: string): Promise<void> => {
    file ??= open();
    const target = file;
    const bytes = encodeUtf8(isBroken ? `\n${text}` : text);
    for (let written = 0; written < bytes.length;) {
      const writeSome = (): number | null => {
        if (file !== target) throw new Error("the file was opened anew while a line was written");
        return writeNow(target, bytes.subarray(written));
      };
      written += writeSome() ?? await writeWhenRead(writeSome);
      isBroken = written < bytes.length;
    }
  };
  const queue = new LineQueue((lines) => append(`${lines.join("\n")}\n`), setImmediate);
  const closeFile = (): void => {
    const closed = file;
    file = null;
    if (closed !== null) closeSync(closed.descriptor);
  };
  return {
    write: (line) => queue.write(line),
    reopen: () => {
      closeFile();
      try {
        file = open();
      } catch {
        // The next line tries again and reports the error.
      }
    },
    close: async () => {
      await queue.drained();
      closeFile();
    },
  };
}

/** Number of bytes taken; null if the pipe is full. */
function writeNow({ descriptor }: OpenFile, bytes: Uint8Array): number | null {
  try {
    return writeSync(descriptor, bytes);
  } catch (error) {
    switch (codeOf(error)) {
      case "EAGAIN":
        return null;
      case "EPIPE":
        throw new Error("nobody reads the named pipe any more", { cause: error });
      default:
        throw error;
    }
  }
}

/** Retries a full pipe: its reader may need more than one turn for a large write. */
async function writeWhenRead(write: () => number | null): Promise<number> {
  for (let waitedMs = 0; waitedMs < AUDIT_PIPE_WAIT_MS; waitedMs += PIPE_TRY_MS) {
    await pause(PIPE_TRY_MS);
    const taken = write();
    if (taken !== null) return taken;
  }
  throw new Error("the named pipe is full: its reader does not keep up");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "code") : null;
}
