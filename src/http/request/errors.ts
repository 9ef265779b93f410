/** The one map from errors to what the client sees. Causes are never shown. */

import { type ErrorCode, VaultError } from "../../errors.ts";
import { multiError } from "../../wire/multi_error.ts";
import { BodyTooLarge } from "./json.ts";
import { UnsupportedMediaType } from "./patch.ts";
import { InvalidQuery } from "./query.ts";

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  unauthenticated: 403,
  denied: 403,
  rate_limited: 429,
  not_found: 404,
  unsupported_path: 404,
  unsupported_operation: 405,
  sealed: 503,
  ciphertext_rejected: 500,
  unknown_key: 500,
  record_malformed: 500,
  store_conflict: 500,
  store_failed: 500,
};
const BODY_TOO_LARGE = 413;
const UNSUPPORTED_MEDIA_TYPE = 415;

/** Every status that `answerError` gives. */
export const ERROR_STATUSES: ReadonlySet<number> = new Set([
  ...Object.values(STATUS),
  BODY_TOO_LARGE,
  UNSUPPORTED_MEDIA_TYPE,
]);

/** Vault's fixed texts by code; null if the error's own message is shown. */
const TEXT: Readonly<Record<ErrorCode, string | null>> = {
  invalid_request: null,
  unauthenticated: "permission denied",
  denied: null,
  rate_limited: null,
  not_found: null,
  unsupported_path: null,
  unsupported_operation: null,
  sealed: "Vault is sealed",
  ciphertext_rejected: "internal error: a stored record could not be decrypted",
  unknown_key: "internal error: a stored record could not be decrypted",
  record_malformed: "internal error: a stored record could not be read",
  store_conflict: "internal error: the request met a concurrent change; nothing was changed",
  store_failed: "internal error: the store failed; nothing was changed",
};

export interface ErrorAnswer {
  readonly status: number;
  readonly errors: readonly string[];
}

/** `isBare`: on paths that need no token, the reference does not use multierror's form. */
export function answerError(error: unknown, isBare = false): ErrorAnswer {
  if (error instanceof InvalidQuery) return { status: 400, errors: [] };
  if (error instanceof BodyTooLarge) return { status: BODY_TOO_LARGE, errors: [error.message] };
  if (error instanceof UnsupportedMediaType) {
    return { status: UNSUPPORTED_MEDIA_TYPE, errors: [error.message] };
  }
  if (!(error instanceof VaultError)) return { status: 500, errors: ["internal error"] };
  const text = TEXT[error.code] ??
    (isUnserved(error) && !isBare ? multiError([error.message]) : error.message);
  return { status: STATUS[error.code], errors: text === "" ? [] : [text] };
}

function isUnserved({ code }: VaultError): boolean {
  return code === "unsupported_path" || code === "unsupported_operation";
}

/** Whether the operator should know about it: our fault, not the caller's. */
export function isFault(error: unknown): boolean {
  return answerError(error).status >= 500 &&
    !(error instanceof VaultError && error.code === "sealed");
}
