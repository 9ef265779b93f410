/**
 * The port of a secrets engine. An engine knows its own paths and records; it does not know tokens'
 * policies, mounts of others, HTTP or the store. Everything it stores goes through `MountRecords`,
 * which encrypts, binds each record to its path and keeps it below the mount.
 */

import { VaultError } from "../errors.ts";
import { type FieldEntries, type Sent, VALIDATION_FAILED } from "../wire/fields.ts";
import {
  findPath,
  operation,
  type OperationNotes,
  operationOf,
  type Parameters,
  parameterWarnings,
  type ServedOperation,
  type ServedOperations,
  type ServedPath,
  servedPath,
  storedParameters,
} from "../wire/served_path.ts";
import type { Operation } from "../wire/operation.ts";
import { withWarnings } from "../wire/replies.ts";

export interface EngineRequest {
  readonly operation: Operation;
  /** Below the mount, without leading slash; that of a list or a scan ends in "/" or is "". */
  readonly path: string;
  /** Body of a write, or the query of a read; names as sent. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Random id of the calling token's private storage (cubbyhole); never the token itself. */
  readonly tokenScope: string;
  /** Null: a request that needs no token. */
  readonly tokenType: "service" | "batch" | null;
  readonly nowMs: number;
  /** Lease to answer for a read when the value names none. */
  readonly defaultLeaseSeconds: number;
}

export type EngineReply =
  /** Done, nothing to say. */
  | { readonly kind: "done" }
  | {
    readonly kind: "data";
    /** Null where there are only warnings to say. */
    readonly data: Readonly<Record<string, unknown>> | null;
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
    /** The reference answers some of these without any body. */
    readonly withoutBody?: true;
  };

/** A request on one of the engine's paths. */
export interface EngineCall extends EngineRequest {
  readonly parameters: Parameters;
}

export interface EnginePath extends ServedPath<EngineCall, EngineReply> {
  /** Vault converts the fields of a write there before it does anything else. */
  readonly checksExistence?: boolean;
  /** Another path below the mount by which the same is reached at this moment; null for none. */
  readonly alias?: (parameters: Parameters) => Promise<string | null>;
}

export interface Engine {
  readonly paths: readonly EnginePath[];

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

export function engineOperation<Entries extends FieldEntries = Record<never, never>>(
  notes: OperationNotes<Entries>,
  handle: (call: EngineCall, sent: Sent<Entries>) => Promise<EngineReply>,
): ServedOperation<EngineCall, EngineReply> {
  return operation(notes, handle);
}

/**
 * The template is as `servedPath` reads it, below the mount. `parameters` are given where the
 * reference has one path for several templates: then each captures them all.
 */
export function enginePath(
  template: string,
  operations: ServedOperations<EngineCall, EngineReply>,
  { spellings, ...rules }: Partial<
    Pick<EnginePath, "alias" | "checksExistence" | "parameters" | "spellings">
  > = {},
): EnginePath {
  return { ...servedPath(template, operations, spellings), ...rules };
}

/** What makes an engine besides its table of paths. */
export interface EngineParts extends Omit<Engine, "handle"> {
  /** The reply for a path that is none of the table. Left out: the path is unsupported. */
  readonly unknownPath?: (request: EngineRequest) => EngineReply;
}

export function createEngine(parts: EngineParts): Engine {
  return { ...parts, handle: (request) => serve(parts, request) };
}

async function serve(parts: EngineParts, request: EngineRequest): Promise<EngineReply> {
  const found = findPath(parts.paths, request.path);
  if (found === null) {
    if (parts.unknownPath !== undefined) return parts.unknownPath(request);
    throw new VaultError("unsupported_path", "unsupported path");
  }
  const { served } = found;
  const parameters = storedParameters(served, found.parameters, request.operation);
  const wanted = operationOf(served, request.operation);
  const writes = request.operation === "create" || request.operation === "update";
  const prefix = served.checksExistence === true && writes ? "" : VALIDATION_FAILED;
  const reply = await wanted.serve({ ...request, parameters }, request.data, prefix);
  // What a write takes whole is no parameter, but a read of the same path has parameters all the same.
  const warnings = wanted.takesAnything ? [] : parameterWarnings(served, request.data);
  return withWarnings(reply, warnings, request.operation);
}

/** Nothing is ever stored at such a path. */
export function isFolder(path: string): boolean {
  return path === "" || path.endsWith("/");
}
