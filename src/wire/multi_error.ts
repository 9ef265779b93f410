/** Vault's format for several errors in one text (Go's multierror). Pure. */

import { invalidRequest, VaultError } from "../errors.ts";

/** Formats several errors as one text. `count` is their number if not all are shown. */
export function multiError(texts: readonly string[], count = texts.length): string {
  const lines = texts.map((text) => `\t* ${text}\n`).join("");
  return `${count} ${count === 1 ? "error" : "errors"} occurred:\n${lines}\n`;
}

/**
 * An `invalid_request` where the reference answers 500 for a mistake of the caller (D1). The text
 * keeps the format that the reference uses.
 */
export function listedMistake(text: string): VaultError {
  return invalidRequest(multiError([text]));
}

/** Runs `check` and formats any `invalid_request` it throws as `listedMistake` does. */
export function listingMistakes<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw asListed(error);
  }
}

/** Returns other errors unchanged. */
export function asListed(error: unknown): unknown {
  const isMistake = error instanceof VaultError && error.code === "invalid_request";
  return isMistake ? listedMistake(error.message) : error;
}
