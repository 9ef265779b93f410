/**
 * Assertions on byte arguments, for the doors of this room. A failed one is a bug of the caller (or
 * a damaged record that was not parsed), so it is a TypeError or RangeError and no VaultError. The
 * messages name the argument, what was wanted and what came; never a byte of the value.
 */

/** Throws TypeError when `value` is not a Uint8Array, RangeError when its length is not in bounds. */
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

/** Throws RangeError when `value` is not an integer from `min` to `max`, both inclusive. */
export function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}: got ${value}`);
  }
}
