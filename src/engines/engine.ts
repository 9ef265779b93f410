/**
 * The port of a secrets engine. An engine knows its own paths and records; it does not know tokens'
 * policies, mounts of others, HTTP or the store. Everything it stores goes through `EngineStorage`,
 * which encrypts, binds each record to its path and keeps it below the mount.
 */

import type { Revision } from "../storage/store.ts";

export type Operation = "create" | "read" | "update" | "patch" | "delete" | "list";

export interface EngineRecord {
  readonly value: Uint8Array;
  readonly revision: Revision;
}

export interface EngineWrite {
  readonly path: string;
  /** Null removes. */
  readonly value: Uint8Array | null;
  /** Precondition: the revision read before, or ABSENT. Left out: unconditional. */
  readonly expected?: Revision;
}

/** Storage of one mount; paths are relative to it. */
export interface EngineStorage {
  get(path: string): Promise<EngineRecord | null>;
  /** Whether `get` would find a record; costs less. */
  has(path: string): Promise<boolean>;
  /** Names directly below `prefix` ("" or ending in "/"), folders with a trailing "/", sorted. */
  listChildren(prefix: string): Promise<readonly string[]>;
  /** All paths below `prefix`, in pages. */
  list(prefix: string, after: string, limit: number): Promise<readonly string[]>;
  /** All or nothing; false when a precondition failed and nothing was written. */
  commit(writes: readonly EngineWrite[]): Promise<boolean>;
}

export interface EngineRequest {
  readonly operation: Operation;
  /** Below the mount, without leading slash; a list ends in "/" or is "". */
  readonly path: string;
  /** Body of a write, or the query of a read; names as sent. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Random id of the calling token's private storage (cubbyhole); never the token itself. */
  readonly tokenScope: string;
  readonly nowMs: number;
  /** Lease to answer for a read when the value names none. */
  readonly defaultLeaseSeconds: number;
}

export type EngineReply =
  /** Done, nothing to say. */
  | { readonly kind: "done" }
  | {
    readonly kind: "data";
    readonly data: Readonly<Record<string, unknown>>;
    readonly leaseSeconds?: number;
    readonly warnings?: readonly string[];
    /** Items of a batch failed: the status the caller wants for that, null for the default. */
    readonly failedItems?: { readonly responseCode: number | null };
  }
  /** Nothing there. `data` (kv v2: a deleted version's metadata) or `warnings` go into the envelope. */
  | {
    readonly kind: "missing";
    readonly data?: Readonly<Record<string, unknown>>;
    readonly warnings?: readonly string[];
  };

export interface Engine {
  /** Whether the value at this storage path is wrapped when the mount has `seal_wrap`. */
  wrapsPath(path: string): boolean;

  /**
   * Decides between the capabilities `create` and `update`: true when a write would overwrite, and
   * where an engine makes no difference. `tokenScope` as in `EngineRequest`.
   */
  exists(path: string, tokenScope: string): Promise<boolean>;

  /**
   * Serves one request whose token was allowed. Throws `VaultError` with `invalid_request`,
   * `unsupported_operation` or `unsupported_path`; then nothing was changed.
   */
  handle(request: EngineRequest): Promise<EngineReply>;
}
