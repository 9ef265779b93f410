/**
 * The one error type that leaves a room. Codes are stable. Messages are Vault's and may be shown to
 * the caller, so they never carry a secret, a share or a key. `http/request/errors.ts` maps each
 * code to an HTTP status.
 */

export type ErrorCode =
  /** The caller's mistake; nothing was changed. */
  | "invalid_request"
  /** No token, or an unknown or expired one. */
  | "unauthenticated"
  /** A valid token whose policies do not allow the operation. */
  | "denied"
  /** The client has tried too often and may come back later. */
  | "rate_limited"
  /** Nothing is stored at the path. */
  | "not_found"
  /** No engine has the route. */
  | "unsupported_path"
  /** The route exists, the operation does not. */
  | "unsupported_operation"
  /** No key is in memory: the vault is sealed or not initialised. */
  | "sealed"
  /** A ciphertext failed authentication: wrong key, moved or damaged. One code for all causes. */
  | "ciphertext_rejected"
  /** A ciphertext names an unknown key. */
  | "unknown_key"
  /** A stored record does not parse. */
  | "record_malformed"
  /** Other writers kept winning; the caller may retry. */
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

/** Message of a runtime or file system error. It may name paths, so only operators may see it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}

const FRAMES_SHOWN = 3;

/**
 * Why something failed, for the log: our own message, and the database's if the store failed. For
 * any other error only its name and where it was thrown, because its message may quote a request.
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

/** Shorthand for the most common case, the caller's mistake. */
export function invalidRequest(message: string): VaultError {
  return new VaultError("invalid_request", message);
}

/** Ends a `switch` over a union; reaching it is a bug, never a caller's mistake. */
export function unreachable(value: never): never {
  throw new TypeError(`unhandled case: ${typeof value}`);
}
