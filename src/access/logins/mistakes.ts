/**
 * Mistakes of the caller that the reference answers as faults of its own (500). Here they are the
 * caller's (D1); their text stays, and with it the form of a list that such faults have there.
 */

import { invalidRequest, VaultError } from "../../errors.ts";

export function listedMistake(text: string): VaultError {
  return invalidRequest(`1 error occurred:\n\t* ${text}\n\n`);
}

/** Runs `check` and gives the mistakes that it finds this form. */
export function listingMistakes<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof VaultError && error.code === "invalid_request") {
      throw listedMistake(error.message);
    }
    throw error;
  }
}
