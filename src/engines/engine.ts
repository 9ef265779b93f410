/**
 * The port of a secrets engine. An engine knows its own paths and records. It knows nothing of
 * policies, other mounts, HTTP or the store. Everything it stores goes through `MountRecords`,
 * which encrypts each record, binds it to its path and keeps it below the mount.
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
  /** Below the mount, without a leading slash. For a list or a scan it ends in "/" or is "". */
  readonly path: string;
  /** The body of a write or the query of a read; names as sent. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Random id of the calling token's private storage (cubbyhole), never the token itself. */
  readonly tokenScope: string;
  /** Null if the request needs no token. */
  readonly tokenType: "service" | "batch" | null;
  readonly nowMs: number;
  /** Lease of a read if the value names none. */
  readonly defaultLeaseSeconds: number;
}

export type EngineReply =
  /** Done, without content. */
  | { readonly kind: "done" }
  | {
    readonly kind: "data";
    /** Null for a reply with warnings only. */
    readonly data: Readonly<Record<string, unknown>> | null;
    readonly leaseSeconds?: number;
    readonly warnings?: readonly string[];
    /** Items of a batch failed. The status the caller wants for that; null for the default. */
    readonly failedItems?: { readonly responseCode: number | null };
  }
  /** Not found. `data` (kv v2: a deleted version's metadata) or `warnings` go into the envelope. */
  | {
    readonly kind: "missing";
    readonly data?: Readonly<Record<string, unknown>>;
    readonly warnings?: readonly string[];
    /** Set where the reference replies without a body. */
    readonly withoutBody?: true;
  };

/** A request on one of the engine's paths. */
export interface EngineCall extends EngineRequest {
  readonly parameters: Parameters;
}

export interface EnginePath extends ServedPath<EngineCall, EngineReply> {
  /** Whether Vault converts the fields of a write before anything else. */
  readonly checksExistence?: boolean;
  /** Another path below the mount that reaches the same thing now; null if none does. */
  readonly alias?: (parameters: Parameters) => Promise<string | null>;
}

export interface Engine {
  readonly paths: readonly EnginePath[];

  /** Whether the value at this storage path is wrapped if the mount has `seal_wrap`. */
  wrapsPath(path: string): boolean;

  /**
   * Decides between the capabilities `create` and `update`: true if a write would overwrite, or if
   * the engine does not distinguish them. `tokenScope` as in `EngineRequest`.
   */
  exists(path: string, tokenScope: string): Promise<boolean>;

  /**
   * Serves one authorised request. Throws `VaultError` with `invalid_request`,
   * `unsupported_operation` or `unsupported_path`; then nothing has changed.
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
 * A path below the mount, in the template syntax of `servedPath`. Give `parameters` if the
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

export interface EngineParts extends Omit<Engine, "handle"> {
  /** The reply for a path outside the table. Defaults to throwing `unsupported_path`. */
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
  // A write that takes anything has no parameters, but reads of the same path do.
  const warnings = wanted.takesAnything ? [] : parameterWarnings(served, request.data);
  return withWarnings(reply, warnings, request.operation);
}

/** Whether the path names a folder. Nothing is ever stored at one. */
export function isFolder(path: string): boolean {
  return path === "" || path.endsWith("/");
}
