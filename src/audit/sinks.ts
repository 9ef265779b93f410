/**
 * The port of audit devices. The runtime decides where lines go. A sink takes whole lines, reports
 * whether it has them, and never reads them.
 */

/** Options of a device, as sent to `sys/audit` or made from the settings. */
export type DeviceOptions = Readonly<Record<string, string>>;

/** Who enabled a device: the process's operator (`settings`) or a token holder (`api`). */
export type DeviceOrigin = "settings" | "api";

export interface AuditSink {
  /**
   * Takes a line without its line break. Resolves once the device has it, not once it is on disk.
   * Rejects if the device fails or is too slow; it may still take this line, and later ones. Never
   * blocks the process while a device hangs.
   */
  write(line: string): Promise<void>;
  /** Reopens a file by name after a rename. Does nothing for other devices. */
  reopen(): void;
  /** Waits for lines under way, no longer than a write may take, then releases the device. */
  close(): Promise<void>;
}

export interface AuditSinks {
  /**
   * Returns the options to store and open the device with. Only a file below the data directory
   * changes: its path becomes relative, so that the directory can move. Idempotent; touches no
   * device. Throws `VaultError("invalid_request")` for a type or options that this runtime lacks or
   * does not allow for this origin.
   */
  settle(type: string, options: DeviceOptions, origin: DeviceOrigin): DeviceOptions;
  /**
   * Opens a device with settled options. Throws as `settle` does. Any other error means the device
   * cannot be opened now; its message is safe to show to the operator.
   */
  open(type: string, options: DeviceOptions, origin: DeviceOrigin): Promise<AuditSink>;
}
