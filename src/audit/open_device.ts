/**
 * One enabled device and its sink. If a sink cannot be opened, the next line tries again. A failed
 * device computes its rest; the caller decides whether to respect it. A failure is logged when it
 * begins and when it ends, not for every line.
 */

import { messageOf } from "../errors.ts";
import { AUDIT_REST_MAX_MS, AUDIT_REST_MIN_MS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { AuditDevice, KeptDevice } from "./device.ts";
import type { DeviceHashing } from "./hashing.ts";
import type { AuditSink, AuditSinks, DeviceOptions, DeviceOrigin } from "./sinks.ts";

export interface OpenDeviceParts extends KeptDevice {
  readonly hashing: DeviceHashing;
  readonly origin: DeviceOrigin;
  readonly sinks: AuditSinks;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** Lasts from the first line a device did not take to the next one it takes. */
interface Failure {
  readonly triedAtMs: number;
  /** Rest after `triedAtMs`; 0 to retry with the next line. */
  readonly restMs: number;
}

export class OpenDevice implements KeptDevice {
  readonly device: AuditDevice;
  readonly settled: DeviceOptions;
  readonly salt: Uint8Array;
  readonly hashing: DeviceHashing;
  readonly origin: DeviceOrigin;
  readonly #sinks: AuditSinks;
  readonly #log: Log;
  readonly #nowMs: () => number;
  #opening: Promise<AuditSink> | null = null;
  #sink: AuditSink | null = null;
  #failure: Failure | null = null;
  /** Lines not taken, or not offered, since the failure began. */
  #missed = 0;
  #underWay = 0;
  #isClosed = false;

  constructor(parts: OpenDeviceParts) {
    this.device = parts.device;
    this.settled = parts.settled;
    this.salt = parts.salt;
    this.hashing = parts.hashing;
    this.origin = parts.origin;
    this.#sinks = parts.sinks;
    this.#log = parts.log;
    this.#nowMs = parts.nowMs;
  }

  /** Opens the sink; concurrent calls share one attempt. Rejects as `AuditSinks.open` does. */
  async open(): Promise<AuditSink> {
    if (this.#isClosed) throw new Error("the audit device is closed");
    if (this.#sink !== null) return this.#sink;
    this.#opening ??= this.#sinks.open(this.device.type, this.settled, this.origin)
      .finally(() => this.#opening = null);
    const sink = await this.#opening;
    // It may have been closed while it opened.
    if (this.#isClosed) {
      await sink.close();
      throw new Error("the audit device is closed");
    }
    this.#sink = sink;
    return sink;
  }

  async tryOpen(): Promise<void> {
    try {
      await this.open();
    } catch (error) {
      this.#failed(error, null);
    }
  }

  get isFailing(): boolean {
    return this.#failure !== null;
  }

  /** Whether a failing device has rested. False while a line is under way: one probe at a time. */
  isRested(): boolean {
    if (this.#failure === null || this.#underWay > 0) return false;
    const { triedAtMs, restMs } = this.#failure;
    const restedMs = this.#nowMs() - triedAtMs;
    // Setting the clock back must not prolong the rest.
    return restedMs >= restMs || restedMs < 0;
  }

  /** Whether the device took the line. */
  async write(line: string): Promise<boolean> {
    const failure = this.#failure;
    this.#underWay += 1;
    try {
      await (this.#sink ?? await this.open()).write(line);
    } catch (error) {
      this.#missed += 1;
      this.#failed(error, failure);
      return false;
    } finally {
      this.#underWay -= 1;
    }
    this.#works();
    return true;
  }

  /** Counts a line that was not offered because the device rests. */
  miss(): void {
    if (this.#failure !== null) this.#missed += 1;
  }

  /** Writes the test line before the device is enabled. Rejects if it is not taken. */
  async writeTest(line: string): Promise<void> {
    await (await this.open()).write(line);
  }

  /** Reopens the sink and ends a rest: the operator may have repaired the device. */
  reopen(): void {
    this.#sink?.reopen();
    if (this.#failure !== null) this.#failure = { ...this.#failure, restMs: 0 };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const sink = this.#sink;
    this.#sink = null;
    await sink?.close();
    if (this.#failure === null || this.#missed === 0) return;
    const { path } = this.device;
    this.#log.warn("audit device is closed and took no more entries", {
      path,
      missed: this.#missed,
    });
  }

  /** `before` is the failure when the line began. Of lines that fail together, one counts. */
  #failed(error: unknown, before: Failure | null): void {
    const isFirst = this.#failure === null;
    if (this.#failure !== before) return;
    const restMs = before === null
      ? AUDIT_REST_MIN_MS
      : Math.min(Math.max(2 * before.restMs, AUDIT_REST_MIN_MS), AUDIT_REST_MAX_MS);
    this.#failure = { triedAtMs: this.#nowMs(), restMs };
    if (!isFirst) return;
    const reason = messageOf(error);
    const { path, type } = this.device;
    this.#log.error("audit device does not take entries", { path, type, reason });
  }

  #works(): void {
    if (this.#failure === null) return;
    const { path } = this.device;
    this.#log.info("audit device takes entries again", { path, missed: this.#missed });
    this.#failure = null;
    this.#missed = 0;
  }
}
