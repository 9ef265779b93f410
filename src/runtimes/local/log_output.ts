/**
 * Writes lines to stderr, which may be an unread pipe. `process.stderr` would then block the
 * process, and end it when the reader exits. Here another thread writes the lines in order. Waiting
 * lines are bounded; lines beyond that are dropped and counted.
 */

import { Buffer } from "node:buffer";
import { write } from "node:fs";
import { LOG_WAITING_CHARACTERS_MAX } from "../../limits.ts";
import { endsWithin } from "../ends_within.ts";
import { LineQueue } from "../line_queue.ts";

const STDERR = 2;
/** Delay before retrying a full non-blocking pipe. */
const FULL_RETRY_MS = 50;

export interface LogOutput {
  /** Never throws. Drops a line if there is no room; the next one that fits reports the count. */
  readonly log: (line: string) => void;
  /** Resolves when the line is written. Rejects on failure. */
  readonly write: (line: string) => Promise<void>;
  /** Waits for lines under way, for at most `maxMs`. */
  readonly flush: (maxMs: number) => Promise<void>;
}

/** `lost` formats the line that reports dropped lines. */
export function createLogOutput(
  lost: (count: number) => string,
  append: (bytes: Uint8Array) => Promise<void> = (bytes) => appendAll(STDERR, bytes),
): LogOutput {
  const queue = new LineQueue((lines) => append(Buffer.from(`${lines.join("\n")}\n`)));
  let waiting = 0;
  let lostCount = 0;
  const writeLine = (line: string): Promise<void> => {
    waiting += line.length;
    return queue.write(line).finally(() => waiting -= line.length);
  };
  return {
    log: (line) => {
      if (waiting > 0 && waiting + line.length > LOG_WAITING_CHARACTERS_MAX) {
        lostCount += 1;
        return;
      }
      const count = lostCount;
      lostCount = 0;
      const text = count === 0 ? line : `${lost(count)}\n${line}`;
      // If the log cannot be written, there is nowhere to report it.
      writeLine(text).catch(() => {});
    },
    write: writeLine,
    flush: async (maxMs) => void await endsWithin(queue.drained(), maxMs),
  };
}

async function appendAll(file: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const written = await appendSome(file, bytes.subarray(at));
    if (written === 0) await new Promise((resolve) => setTimeout(resolve, FULL_RETRY_MS));
    at += written;
  }
}

/** Number of bytes taken; 0 if there is no room now. */
function appendSome(file: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(file, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") resolve(0);
      else reject(error);
    });
  });
}
