/** Reads the message of a refused input, for tests of functions that throw `invalid_request`. */

import { VaultError } from "../../src/errors.ts";

/** The message with which `act` refuses its input (`invalid_request`). Any other outcome throws. */
export function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof VaultError && error.code === "invalid_request") return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}
