/**
 * One enabled device and its sink. A sink that could not be opened is opened again by the next line;
 * a failure is logged when it begins and when it ends, not for every line.
 */

import type { Log } from "../log.ts";
import type { AuditDevice, KeptDevice } from "./device.ts";
import type { DeviceHashing } from "./hashing.ts";
import type { AuditSink, AuditSinks, DeviceOptions, DeviceOrigin } from "./sinks.ts";

export interface OpenDeviceParts extends KeptDevice {
  readonly hashing: DeviceHashing;
  readonly origin: DeviceOrigin;
  readonly sinks: AuditSinks;
  readonly log: Log;
}

export class OpenDevice implements KeptDevice {
  readonly device: AuditDevice;
  readonly settled: DeviceOptions;
  readonly salt: Uint8Array;
  readonly hashing: DeviceHashing;
  readonly origin: DeviceOrigin;
  readonly #sinks: AuditSinks;
  readonly #log: Log;
  #opening: Promise<AuditSink> | null = null;
  #sink: AuditSink | null = null;
  #isFailing = false;
  #isClosed = false;

  constructor(parts: OpenDeviceParts) {
    this.device = parts.device;
    this.settled = parts.settled;
    this.salt = parts.salt;
    this.hashing = parts.hashing;
    this.origin = parts.origin;
    this.#sinks = parts.sinks;
    this.#log = parts.log;
  }

  /** Opens the sink, once for all who ask meanwhile. Rejects as `AuditSinks.open` does. */
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
      this.#failed(error);
    }
  }

  /** Whether the device took the line. */
  async write(line: string): Promise<boolean> {
    try {
      await (this.#sink ?? await this.open()).write(line);
    } catch (error) {
      this.#failed(error);
      return false;
    }
    if (this.#isFailing) {
      this.#isFailing = false;
      this.#log.info("audit device takes entries again", { path: this.device.path });
    }
    return true;
  }

  /** The first line of a device that is about to be enabled. Rejects when it is not taken. */
  async writeTest(line: string): Promise<void> {
    await (await this.open()).write(line);
  }

  reopen(): void {
    this.#sink?.reopen();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const sink = this.#sink;
    this.#sink = null;
    await sink?.close();
  }

  #failed(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const reason = error instanceof Error ? error.message : "unknown";
    const { path, type } = this.device;
    this.#log.error("audit device does not take entries", { path, type, reason });
  }
}
