/** Vault's form of several errors in one text (Go's multierror). Pure. */

import { invalidRequest, VaultError } from "../errors.ts";

/** Vault's form of several errors in one text. `count`, where not all of them are shown. */
export function multiError(texts: readonly string[], count = texts.length): string {
  const lines = texts.map((text) => `\t* ${text}\n`).join("");
  return `${count} ${count === 1 ? "error" : "errors"} occurred:\n${lines}\n`;
}

/**
 * A mistake of the caller that the reference takes for a fault of its own (500). Here it is the
 * caller's (D1); the text keeps the form that such faults have there.
 */
export function listedMistake(text: string): VaultError {
  return invalidRequest(multiError([text]));
}

/** Runs `check` and gives the mistakes that it finds this form. */
export function listingMistakes<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw asListed(error);
  }
}

/** The error itself, where it is no mistake of the caller. */
export function asListed(error: unknown): unknown {
  const isMistake = error instanceof VaultError && error.code === "invalid_request";
  return isMistake ? listedMistake(error.message) : error;
}
