import { VaultError } from "../../src/errors.ts";

/** The message of an `invalid_request`; anything else fails. */
export function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof VaultError && error.code === "invalid_request") return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}
