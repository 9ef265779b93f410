/**
 * Bounds a device: a write that takes too long fails, and lines waiting at a device that hangs take
 * bounded memory.
 */

import type { AuditSink } from "../audit/sinks.ts";
import {
  AUDIT_WAITING_CHARACTERS_MAX,
  AUDIT_WAITING_LINES_MAX,
  AUDIT_WRITE_MAX_MS,
} from "../limits.ts";
import { endsWithin } from "./ends_within.ts";

export interface SinkBounds {
  /** Longest time for a write, and for closing. */
  readonly maxMs: number;
  /** Bounds on waiting lines. A single line may exceed `maxCharacters` if it waits alone. */
  readonly maxLines: number;
  readonly maxCharacters: number;
}

export const SINK_BOUNDS: SinkBounds = {
  maxMs: AUDIT_WRITE_MAX_MS,
  maxLines: AUDIT_WAITING_LINES_MAX,
  maxCharacters: AUDIT_WAITING_CHARACTERS_MAX,
};

export function boundSink(sink: AuditSink, bounds: SinkBounds = SINK_BOUNDS): AuditSink {
  const { maxMs, maxLines, maxCharacters } = bounds;
  // Counts until the sink settles, because a line given up on still takes memory.
  let lines = 0;
  let characters = 0;
  const release = (line: string): void => {
    lines -= 1;
    characters -= line.length;
  };
  return {
    write: async (line) => {
      if (lines >= maxLines || (lines > 0 && characters + line.length > maxCharacters)) {
        throw new Error("too many lines wait for the device");
      }
      lines += 1;
      characters += line.length;
      const written = sink.write(line).finally(() => release(line));
      if (!await endsWithin(written, maxMs)) {
        throw new Error(`the device did not take a line within ${maxMs / 1000} s`);
      }
    },
    reopen: () => sink.reopen(),
    close: async () => void await endsWithin(sink.close(), maxMs),
  };
}
