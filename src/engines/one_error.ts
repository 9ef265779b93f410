/**
 * What the reference reports as a fault of its own (500), in its form, though the caller made the
 * mistake: here it is 400 with the same text.
 */

import { invalidRequest, type VaultError } from "../errors.ts";

export function oneError(reason: string): VaultError {
  return invalidRequest(`1 error occurred:\n\t* ${reason}\n\n`);
}
