/**
 * The enabled audit devices of an unsealed vault. An entry counts as written once one device takes
 * it; if none does, the caller must refuse the request. Each device gets only lines hashed with its
 * own salt. Never logs a line.
 */

import type { Barrier } from "../barrier/barrier.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { randomUuid } from "../crypto/random.ts";
import { invalidRequest, messageOf, VaultError } from "../errors.ts";
import type { Log } from "../log.ts";
import { AUDIT_PATH } from "../storage/record_paths.ts";
import {
  type AuditDevice,
  type ConfiguredDevice,
  decodeDevices,
  encodeDevices,
  type KeptDevice,
  SALT_BYTES,
  SETTINGS_PREFIX,
} from "./device.ts";
import { AuditEntry } from "./entry.ts";
import { createHashing, type DeviceHashing } from "./hashing.ts";
import { OpenDevice } from "./open_device.ts";
import type { AuditSinks, DeviceOrigin } from "./sinks.ts";
import { KeptRecord } from "../barrier/kept_record.ts";

/** The runtime's device types, and the devices its settings enable. */
export interface AuditSettings {
  readonly sinks: AuditSinks;
  readonly devices: readonly ConfiguredDevice[];
}

export interface AuditPorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
  readonly settings: AuditSettings;
}

/** No enabled device took an entry, so the request must not be done or not be answered. */
export class AuditFailed extends Error {
  override readonly name = "AuditFailed";
  readonly code = "audit_failed";
}

export const NO_DEVICES: AuditSettings = {
  sinks: { settle: refuseDevice, open: async (type) => refuseDevice(type) },
  devices: [],
};

function refuseDevice(type: string): never {
  throw invalidRequest(`cannot open an audit device of type "${type}": there are none here`);
}

export class AuditDevices {
  readonly #ports: AuditPorts;
  readonly #record: KeptRecord;
  #devices: readonly OpenDevice[];
  /** Number of requests whose response line is not written yet. */
  #trails = 0;
  #closing: PromiseWithResolvers<void> | null = null;

  private constructor(
    ports: AuditPorts,
    record: KeptRecord,
    devices: readonly OpenDevice[],
  ) {
    this.#ports = ports;
    this.#record = record;
    this.#devices = devices;
  }

  /** Opens the enabled devices. One that fails to open stays enabled but takes no entries yet. */
  static async open(ports: AuditPorts): Promise<AuditDevices> {
    const record = new KeptRecord(ports.barrier, AUDIT_PATH);
    const value = await record.load();
    const stored = value === null ? [] : decodeDevices(value);
    const opened = [
      ...configuredDevices(ports).map((each) => openDevice(ports, each, "settings")),
      ...stored.map((each) => openDevice(ports, each, "api")),
    ];
    await Promise.all(opened.map((device) => device.tryOpen()));
    return new AuditDevices(ports, record, opened);
  }

  /** If false, callers need not make entries. */
  get isEnabled(): boolean {
    return this.#devices.length > 0;
  }

  list(): readonly AuditDevice[] {
    return this.#devices.map(({ device }) => device);
  }

  /**
   * Enables a device after it takes a test line. Throws `invalid_request` and changes nothing if
   * the path is taken or reserved, or the device fails. Calls must not overlap.
   */
  async enable(device: AuditDevice): Promise<void> {
    this.#refusePath(device.path);
    const settled = this.#ports.settings.sinks.settle(device.type, device.options, "api");
    const salt = this.#ports.random(SALT_BYTES);
    const added = openDevice(this.#ports, { device, settled, salt }, "api");
    try {
      await added.open();
      const { nowMs, random } = this.#ports;
      await added.writeTest(
        testEntry(randomUuid(random)).requestLine(added.hashing, nowMs(), null),
      );
      await this.#store([...this.#devices, added]);
    } catch (error) {
      await added.close();
      if (error instanceof VaultError) throw error;
      const reason = messageOf(error);
      throw invalidRequest(`sanity check failed; unable to write to the device: ${reason}`);
    }
    this.#devices = [...this.#devices, added];
    this.#ports.log.info("enabled audit backend", { path: device.path, type: device.type });
  }

  /** Does nothing if absent. Throws `invalid_request` for a device from the settings. */
  async disable(path: string): Promise<void> {
    const removed = this.#devices.find(({ device }) => device.path === path);
    if (removed === undefined) return;
    if (removed.origin === "settings") {
      throw invalidRequest(`cannot disable the audit device at ${path}: it is one of the settings`);
    }
    const rest = this.#devices.filter((other) => other !== removed);
    await this.#store(rest);
    this.#devices = rest;
    this.#ports.log.info("disabled audit backend", { path });
    const closed = removed.close();
    // Waiting for a device that hangs would block all administration of the vault.
    if (removed.isFailing) closed.catch(() => {});
    else await closed;
  }

  /** The hash a device writes for `text`; null if there is no such device. */
  hash(path: string, text: string): string | null {
    const found = this.#devices.find(({ device }) => device.path === path);
    return found === undefined ? null : found.hashing.text(text);
  }

  /**
   * Keeps the devices open until the returned function is called, so that finished work can still
   * be audited. Throws `sealed` if they are closing; then no work may begin.
   */
  beginTrail(): () => void {
    if (this.#closing !== null) throw new VaultError("sealed", "Vault is sealed");
    this.#trails += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.#trails -= 1;
      isOpen = false;
      if (this.#trails === 0) this.#closing?.resolve();
    };
  }

  /**
   * Writes an entry to every device in its own form. Throws `AuditFailed` if none takes it. A
   * failing device is retried once it has rested, but awaited only if no other device takes the
   * entry: a device that hangs must delay one entry, not all.
   */
  async write(format: (hashing: DeviceHashing, nowMs: number) => string): Promise<void> {
    const nowMs = this.#ports.nowMs();
    const offer = (device: OpenDevice) => device.write(format(device.hashing, nowMs));
    const { failing = [], working = [] } = Object.groupBy(
      this.#devices,
      (device) => device.isFailing ? "failing" : "working",
    );
    if (failing.length + working.length === 0) return;
    const tried = new Map(
      failing.filter((device) => device.isRested()).map((device) => [device, offer(device)]),
    );
    if ((await Promise.all(working.map(offer))).includes(true)) {
      for (const device of failing) if (!tried.has(device)) device.miss();
      return;
    }
    const late = failing.map((device) => tried.get(device) ?? offer(device));
    if ((await Promise.all(late)).includes(true)) return;
    throw new AuditFailed("cannot write an audit entry: no enabled device took it");
  }

  reopen(): void {
    for (const device of this.#devices) device.reopen();
  }

  /** Waits for open trails, so it must not be called within one. */
  async close(): Promise<void> {
    this.#closing ??= Promise.withResolvers();
    if (this.#trails > 0) await this.#closing.promise;
    await Promise.all(this.#devices.map((device) => device.close()));
  }

  #refusePath(path: string): void {
    if (path.startsWith(SETTINGS_PREFIX)) {
      throw invalidRequest(
        `cannot enable an audit device below ${SETTINGS_PREFIX}: it is reserved`,
      );
    }
    const clash = this.list().some((other) =>
      other.path.startsWith(path) || path.startsWith(other.path)
    );
    if (clash) throw invalidRequest("path already in use");
  }

  async #store(devices: readonly OpenDevice[]): Promise<void> {
    const stored = devices.filter(({ origin }) => origin === "api");
    await this.#record.write(encodeDevices(stored));
  }
}

/** Their salts are derived, so enabling them writes no record. */
function configuredDevices({ barrier, settings }: AuditPorts): readonly KeptDevice[] {
  return settings.devices.map(({ type, options }) => {
    const path = `${SETTINGS_PREFIX}${type}/`;
    const device = { path, type, description: "enabled by the settings", options, local: true };
    const salt = barrier.deriveMacKey(`audit salt ${path}`);
    return { device, settled: options, salt };
  });
}

function openDevice(
  { settings, log, nowMs }: AuditPorts,
  kept: KeptDevice,
  origin: DeviceOrigin,
): OpenDevice {
  const hashing = createHashing(kept.salt, kept.device.options["hmac_accessor"] !== "false");
  return new OpenDevice({ ...kept, hashing, origin, sinks: settings.sinks, log, nowMs });
}

function testEntry(id: string): AuditEntry {
  return new AuditEntry(null, null, {
    id,
    operation: "update",
    mount: null,
    clientToken: "",
    path: "sys/audit/test",
    data: {},
    remoteAddress: null,
    wrapTtlSeconds: null,
    headers: {},
  });
}
