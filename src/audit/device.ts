/** Audit devices, and the record of those enabled by request. */

import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "../crypto/bytes.ts";
import { VaultError } from "../errors.ts";
import type { DeviceOptions } from "./sinks.ts";

/** Reserved for devices from the settings. */
export const SETTINGS_PREFIX = "settings/";
/** The digest's length. */
export const SALT_BYTES = 32;

export interface AuditDevice {
  /** Ends in "/". */
  readonly path: string;
  readonly type: string;
  readonly description: string;
  /** As sent, for display. */
  readonly options: DeviceOptions;
  readonly local: boolean;
}

/** A device from the settings. It has no record. */
export type ConfiguredDevice = Pick<AuditDevice, "type" | "options">;

/** A device as stored: with the options that open it and the salt of its hashes. */
export interface KeptDevice {
  readonly device: AuditDevice;
  /** The options as `AuditSinks.settle` returned them. */
  readonly settled: DeviceOptions;
  readonly salt: Uint8Array;
}

/** Version 1 stored file paths as sent, tied to the data directory's location. */
const VERSION = 2;

/** Encodes the record `core/audit`. */
export function encodeDevices(devices: readonly KeptDevice[]): Uint8Array<ArrayBuffer> {
  const stored = devices.map(({ device, settled, salt }) => ({
    ...device,
    settled,
    salt: encodeBase64(salt),
  }));
  return encodeUtf8(JSON.stringify({ version: VERSION, devices: stored }));
}

/** Throws `record_malformed` for another version or a bad salt. */
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
