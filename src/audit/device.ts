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
  readonly options: DeviceOptions;
  readonly local: boolean;
}

/** A device of the settings, which has no record. */
export type ConfiguredDevice = Pick<AuditDevice, "type" | "options">;

/** A device with the key of its hashes. */
export interface SaltedDevice {
  readonly device: AuditDevice;
  readonly salt: Uint8Array;
}

/** The record `core/audit`. */
export function encodeDevices(devices: readonly SaltedDevice[]): Uint8Array<ArrayBuffer> {
  const stored = devices.map(({ device, salt }) => ({ ...device, salt: encodeBase64(salt) }));
  return encodeUtf8(JSON.stringify({ version: 1, devices: stored }));
}

/** Throws `record_malformed`. */
export function decodeDevices(bytes: Uint8Array): readonly SaltedDevice[] {
  const record = JSON.parse(decodeUtf8(bytes)) as {
    readonly version: number;
    readonly devices: readonly (AuditDevice & { readonly salt: string })[];
  };
  if (record.version !== 1) {
    throw new VaultError(
      "record_malformed",
      `cannot read audit devices: version ${record.version}`,
    );
  }
  return record.devices.map(({ salt: text, ...device }) => {
    const salt = decodeBase64(text);
    if (salt === null || salt.length !== SALT_BYTES) {
      throw new VaultError("record_malformed", "cannot read audit devices: a salt is malformed");
    }
    return { device, salt };
  });
}
