/**
 * Vault's logical endpoints as tables: what a request on one is, what it may answer, and the rules
 * that hold for it. `serve_logical.ts` serves them.
 */

import type { Acl, AclPath } from "../../access/policies/acl.ts";
import type { Operation } from "../../wire/operation.ts";
import type { FieldEntries, Sent } from "../../wire/fields.ts";
import {
  operation,
  type OperationNotes,
  type ServedOperation,
  type ServedOperations,
  type ServedPath,
  servedPath,
  type Spellings,
} from "../../wire/served_path.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import type { Call } from "./call.ts";
import type { DescribedPath } from "../../wire/described_path.ts";
import type { Envelope } from "./replies.ts";
import type { JsonObject } from "../../wire/json_value.ts";

/** A request whose token is valid; handlers run only after the policies allowed it. */
export interface LogicalCall {
  readonly call: Call;
  readonly unsealed: UnsealedVault;
  readonly path: string;
  readonly operation: Operation;
  readonly data: JsonObject;
  /** Null: the answer is not to be wrapped. */
  readonly wrapTtlSeconds: number | null;
  readonly acl: Acl;
  /** The deciding pattern grants `sudo`, or the token is root. */
  readonly hasSudo: boolean;
}

export type LogicalReply =
  | { readonly kind: "done" }
  | ({ readonly kind: "data"; readonly status?: number } & Envelope)
  /** `withoutBody`: not even an empty list of errors, as after a patch of nothing. */
  | { readonly kind: "missing"; readonly withoutBody?: true };

export const DONE: LogicalReply = { kind: "done" };
export const MISSING: LogicalReply = { kind: "missing" };

/** What clearing something is answered with, which is over by then. `whose` logs: Vault's words. */
export function tidied(
  whose: "OpenBao's server" | "the server's",
  warnings: readonly string[] = [],
): LogicalReply {
  const warning = "Tidy operation successfully started. Any information from the operation will " +
    `be printed to ${whose} logs.`;
  return { kind: "data", status: 202, data: null, warnings: [warning, ...warnings] };
}

/** What holds for an endpoint besides its operations. */
export interface EndpointRules {
  /** Policies must grant `sudo` besides the operation's own capability. */
  readonly sudo?: boolean;
  /** Repeats `data` at the top level, as Vault does for its oldest paths. */
  readonly copiesData?: boolean;
  /** D15: the same path with a trailing slash means the same. */
  readonly slashAlias?: boolean;
  /** Where policies judge what a parameter makes another path's request; null where none does. */
  readonly judgedAs?: (operation: Operation, data: JsonObject) => AclPath | null;
  /** A write is allowed by `create` as well as by `update`. */
  readonly createSuffices?: boolean;
  /** Whether a write would overwrite: then it is `update`, else `create`. Left out: `update`. */
  readonly exists?: (
    unsealed: UnsealedVault,
    parameter: EndpointCall["parameter"],
  ) => Promise<boolean>;
  /**
   * Another path by which the same is reached at this moment, null for none: a rule that decides about
   * it must allow the request too.
   */
  readonly alias?: (
    unsealed: UnsealedVault,
    parameter: EndpointCall["parameter"],
    operation: Operation,
  ) => string | null;
  /**
   * Left out: needed, and its policies decide. `valid`: needed, whatever its policies, and no use of
   * it is counted; `optional`: the same, or none; `ignored`: not looked at.
   */
  readonly token?: "valid" | "optional" | "ignored";
}

/** An endpoint of the system; its template is below `/v1/`. */
export interface LogicalEndpoint extends ServedPath<EndpointCall, LogicalReply>, EndpointRules {}

/** A request on an endpoint of the system. */
export interface EndpointCall extends LogicalCall {
  /** A part of the path as it is stored, by its name in the template. */
  readonly parameter: (name: string) => string;
  /** The same as it was written. */
  readonly written: (name: string) => string;
}

export function logicalOperation<Entries extends FieldEntries = Record<never, never>>(
  notes: OperationNotes<Entries>,
  handle: (request: EndpointCall, sent: Sent<Entries>) => Promise<LogicalReply>,
): ServedOperation<EndpointCall, LogicalReply> {
  return operation(notes, handle);
}

export function logicalEndpoint(
  template: string,
  operations: ServedOperations<EndpointCall, LogicalReply>,
  rules: EndpointRules = {},
  spellings: Spellings = {},
): LogicalEndpoint {
  return { ...servedPath(template, operations, spellings), ...rules };
}

export interface Explained {
  readonly asked: string;
  readonly served: DescribedPath;
}

/** What serves a path: found after the token, so that nobody without one learns what exists. */
export interface Route {
  readonly rules: EndpointRules;
  /** Where policies judge an operation. Left out: at the path as it was written. */
  readonly judged?: (operation: Operation, data: JsonObject) => AclPath | Promise<AclPath>;
  readonly serve: (request: LogicalCall) => Promise<LogicalReply>;
  /** The table's entry for this path, and the path below its mount; null where no table has it. */
  readonly explain?: () => Promise<Explained | null>;
  /** What it answers is seal-wrapped where it is stored. */
  readonly sealWrap?: boolean;
  /** Distinguishes `create` from `update` where the engine can tell. */
  readonly exists?: (path: string, tokenScope: string) => Promise<boolean>;
}
