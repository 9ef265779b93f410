/**
 * Assertions on arguments, for the entry points of this room. A failure is a bug in the calling
 * code (or a damaged record that was not parsed), so it is a TypeError or RangeError rather than a
 * VaultError. Messages name the argument, what was wanted and what came, but no byte of the value.
 */

/** Throws TypeError if `value` is not a Uint8Array, RangeError if its length is out of bounds. */
export function checkBytes(
  name: string,
  value: Uint8Array,
  minBytes: number,
  maxBytes: number = minBytes,
): void {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`${name} must be a Uint8Array: got ${typeof value}`);
  }
  if (value.length < minBytes || value.length > maxBytes) {
    const wanted = minBytes === maxBytes ? `${minBytes}` : `${minBytes} to ${maxBytes}`;
    throw new RangeError(`${name} must be ${wanted} bytes: got ${value.length}`);
  }
}

/** Throws RangeError unless `value` is an integer from `min` to `max`, both inclusive. */
export function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}: got ${value}`);
  }
}
