/**
 * The one error type that leaves a room. Codes are stable; messages are Vault's and may be shown to
 * the caller, so a message never carries a secret, a share or a key. No HTTP here: `http/request/errors.ts`
 * maps each code to a status.
 */

export type ErrorCode =
  /** The caller's mistake; nothing was changed. */
  | "invalid_request"
  /** No token, or an unknown or expired one. */
  | "unauthenticated"
  /** A valid token whose policies do not allow the operation. */
  | "denied"
  /** The client has tried too often; it may come back later. */
  | "rate_limited"
  /** Nothing is stored there. */
  | "not_found"
  /** The route exists in no engine. */
  | "unsupported_path"
  /** The route exists, the operation does not. */
  | "unsupported_operation"
  /** No key in memory: sealed, or not initialised yet. */
  | "sealed"
  /** Authentication of a ciphertext failed: wrong key, moved or damaged. One code for all causes. */
  | "ciphertext_rejected"
  /** An envelope names a key that is not known here. */
  | "unknown_key"
  /** A stored record does not parse. */
  | "record_malformed"
  /** Another writer kept winning; the caller may repeat. */
  | "store_conflict"
  /** The store refused or failed; nothing was changed. */
  | "store_failed";

export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What a runtime or a file system says of its own error. It may name paths: for operators only. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}

const FRAMES_SHOWN = 3;

/**
 * Why something failed, for the log: our own text, and the database's where the store failed. Of any
 * other error only where it was thrown, because its text may quote what was sent.
 */
export function causeOf(error: unknown): string {
  if (error instanceof VaultError) {
    const { code, message, cause } = error;
    const below = code === "store_failed" && cause instanceof Error ? `: ${cause.message}` : "";
    return `${code}: ${message}${below}`;
  }
  if (!(error instanceof Error)) return "unknown";
  const frames = (error.stack ?? "").split("\n").map((line) => line.trim())
    .filter((line) => line.startsWith("at ")).slice(0, FRAMES_SHOWN);
  return [error.name, ...frames].join(" ");
}

/** Shorthand for the commonest case: the caller's mistake. */
export function invalidRequest(message: string): VaultError {
  return new VaultError("invalid_request", message);
}

/** Ends a `switch` over a union; reaching it is a bug, never a caller's mistake. */
export function unreachable(value: never): never {
  throw new TypeError(`unhandled case: ${typeof value}`);
}
