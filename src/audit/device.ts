/** What an audit device is, and the record that keeps those enabled by request. */

import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "../crypto/bytes.ts";
import { VaultError } from "../errors.ts";
import type { DeviceOptions } from "./sinks.ts";

/** Paths below it belong to the devices of the settings. */
export const SETTINGS_PREFIX = "settings/";
/** As long as the digest. */
export const SALT_BYTES = 32;

export interface AuditDevice {
  /** Ends in "/". */
  readonly path: string;
  readonly type: string;
  readonly description: string;
  /** As they were sent, to be shown. */
  readonly options: DeviceOptions;
  readonly local: boolean;
}

/** A device of the settings, which has no record. */
export type ConfiguredDevice = Pick<AuditDevice, "type" | "options">;

/** What is kept of a device: besides itself how it is opened, and the key of its hashes. */
export interface KeptDevice {
  readonly device: AuditDevice;
  /** As `AuditSinks.settle` makes them of the shown ones. */
  readonly settled: DeviceOptions;
  readonly salt: Uint8Array;
}

/** Version 1 named files as they were sent, and so by where the data directory was then. */
const VERSION = 2;

/** The record `core/audit`. */
export function encodeDevices(devices: readonly KeptDevice[]): Uint8Array<ArrayBuffer> {
  const stored = devices.map(({ device, settled, salt }) => ({
    ...device,
    settled,
    salt: encodeBase64(salt),
  }));
  return encodeUtf8(JSON.stringify({ version: VERSION, devices: stored }));
}

/** Throws `record_malformed`. */
export function decodeDevices(bytes: Uint8Array): readonly KeptDevice[] {
  const record = JSON.parse(decodeUtf8(bytes)) as {
    readonly version: number;
    readonly devices: readonly (AuditDevice & {
      readonly settled: DeviceOptions;
      readonly salt: string;
    })[];
  };
  if (record.version !== VERSION) {
    throw new VaultError(
      "record_malformed",
      `cannot read the audit devices: their record has version ${record.version}, and this ` +
        `release reads ${VERSION} alone`,
    );
  }
  return record.devices.map(({ salt: text, settled, ...device }) => {
    const salt = decodeBase64(text);
    if (salt === null || salt.length !== SALT_BYTES) {
      throw new VaultError("record_malformed", "cannot read audit devices: a salt is malformed");
    }
    return { device, settled, salt };
  });
}
