/**
 * Lines to the standard error output, which may be a pipe that nobody reads: writing there by
 * `process.stderr` would stop the process until somebody does, and end it when the reader has ended.
 * Lines are written by another thread instead, in order; what waits is bounded, the rest is counted.
 */

import { Buffer } from "node:buffer";
import { write } from "node:fs";
import { LOG_WAITING_CHARACTERS_MAX } from "../../limits.ts";
import { endsWithin } from "../ends_within.ts";
import { LineQueue } from "../line_queue.ts";

const STDERR = 2;
/** A pipe that is full, and was opened to say so, is tried again. */
const FULL_RETRY_MS = 50;

export interface LogOutput {
  /** Never throws. A line that finds no room is lost, and the next one that does says how many were. */
  readonly log: (line: string) => void;
  /** Resolves when the line is written, rejects when it cannot be. */
  readonly write: (line: string) => Promise<void>;
  /** Waits for what is under way, for so long at most. */
  readonly flush: (maxMs: number) => Promise<void>;
}

/** `lost` makes the line that tells of lost ones. */
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
      // Where the log cannot be written there is nowhere to say so.
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

/** Bytes that were taken; 0 when there is no room just now. */
function appendSome(file: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(file, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") resolve(0);
      else reject(error);
    });
  });
}
