/**
 * Holds a device to its bounds: a write that takes too long has failed, and what waits at a device
 * that hangs takes bounded memory.
 */

import type { AuditSink } from "../audit/sinks.ts";
import {
  AUDIT_WAITING_CHARACTERS_MAX,
  AUDIT_WAITING_LINES_MAX,
  AUDIT_WRITE_MAX_MS,
} from "../limits.ts";

export interface SinkBounds {
  /** For a write, and for closing. */
  readonly maxMs: number;
  /** What may wait at the device at once. One line may be longer, if it waits alone. */
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
  const deadlines = new Deadlines(maxMs);
  // Until the sink itself is done with them: a line given up on takes memory as before.
  let lines = 0;
  let characters = 0;
  return {
    write: (line) => {
      if (lines >= maxLines || (lines > 0 && characters + line.length > maxCharacters)) {
        return Promise.reject(new Error("too many lines wait for the device"));
      }
      lines += 1;
      characters += line.length;
      const written = sink.write(line).finally(() => {
        lines -= 1;
        characters -= line.length;
      });
      return deadlines.hold(written, `the device did not take a line within ${maxMs / 1000} s`);
    },
    reopen: () => sink.reopen(),
    close: () => deadlines.hold(sink.close(), "").catch(() => {}),
  };
}

interface Held {
  readonly endMs: number;
  readonly giveUp: () => void;
  isOver: boolean;
}

/** Gives up on work that takes too long, by one timer for all of it: each audited request has a line. */
class Deadlines {
  readonly #maxMs: number;
  /** In the order of their ends. */
  #held: Held[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  /** As `work` ends, or rejects with `reason` when its time is over before. */
  hold(work: Promise<void>, reason: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const held: Held = {
        endMs: performance.now() + this.#maxMs,
        giveUp: () => reject(new Error(reason)),
        isOver: false,
      };
      this.#held.push(held);
      this.#timer ??= setTimeout(() => this.#check(), this.#maxMs);
      const settle = (end: () => void) => {
        held.isOver = true;
        end();
      };
      work.then(() => settle(resolve), (error) => settle(() => reject(error)));
    });
  }

  #check(): void {
    const nowMs = performance.now();
    for (const held of this.#held) if (held.endMs <= nowMs && !held.isOver) held.giveUp();
    this.#held = this.#held.filter((held) => held.endMs > nowMs && !held.isOver);
    const [next] = this.#held;
    this.#timer = next === undefined
      ? null
      : setTimeout(() => this.#check(), Math.max(1, next.endMs - nowMs));
  }
}
