/**
 * The port of audit devices: where lines go is the runtime's affair. A sink takes whole lines and
 * says whether it has them; it never looks into one.
 */

/** Options of a device, as sent to `sys/audit` or made from the settings. */
export type DeviceOptions = Readonly<Record<string, string>>;

/** `settings`: the operator of the process chose it. `api`: somebody with a token did. */
export type DeviceOrigin = "settings" | "api";

export interface AuditSink {
  /**
   * Resolves when the device has taken the line (given without its line break), not when it is on
   * a disk. Rejects when it has not, or not in time; it may still take the line then, and a later
   * one may be taken again. Never stops the process while a device hangs.
   */
  write(line: string): Promise<void>;
  /** A file that was renamed is opened anew by its name. Harmless for other devices. */
  reopen(): void;
  /** Waits for the lines under way, as long as a write may take, then lets go of the device. */
  close(): Promise<void>;
}

export interface AuditSinks {
  /**
   * The options to store and to open the device with: the same, but for a file of the data
   * directory, which is named relative to it so that the directory can be moved. Settling what is
   * settled changes nothing. Touches no device. Throws `VaultError("invalid_request")` for a type,
   * or options, that this runtime does not have or does not allow for this origin.
   */
  settle(type: string, options: DeviceOptions, origin: DeviceOrigin): DeviceOptions;
  /**
   * Opens a device by settled options. Throws as `settle` does; any other error means that the
   * device cannot be opened now, and its message may be shown to the operator.
   */
  open(type: string, options: DeviceOptions, origin: DeviceOrigin): Promise<AuditSink>;
}
