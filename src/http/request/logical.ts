/**
 * Vault's logical endpoints as tables: requests, possible replies, and rules per endpoint.
 * `serve_logical.ts` serves them.
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

/** A request as handlers get it, once its token is valid and the policies allow it. */
export interface LogicalCall {
  readonly call: Call;
  readonly unsealed: UnsealedVault;
  readonly path: string;
  readonly operation: Operation;
  readonly data: JsonObject;
  /** Null if the answer is not to be wrapped. */
  readonly wrapTtlSeconds: number | null;
  readonly acl: Acl;
  /** The deciding pattern grants `sudo`, or the token is root. */
  readonly hasSudo: boolean;
}

export type LogicalReply =
  | { readonly kind: "done" }
  | ({ readonly kind: "data"; readonly status?: number } & Envelope)
  /** `withoutBody`: not even an empty list of errors, as after an empty patch. */
  | { readonly kind: "missing"; readonly withoutBody?: true };

export const DONE: LogicalReply = { kind: "done" };
export const MISSING: LogicalReply = { kind: "missing" };

/** The answer to a tidy request, which is already done. Vault's words; `whose` names the logs. */
export function tidied(
  whose: "OpenBao's server" | "the server's",
  warnings: readonly string[] = [],
): LogicalReply {
  const warning = "Tidy operation successfully started. Any information from the operation will " +
    `be printed to ${whose} logs.`;
  return { kind: "data", status: 202, data: null, warnings: [warning, ...warnings] };
}

/** Rules of an endpoint besides its operations. */
export interface EndpointRules {
  /** Policies must grant `sudo` as well as the operation's own capability. */
  readonly sudo?: boolean;
  /** Repeats `data` at the top level, as Vault does on its oldest paths. */
  readonly copiesData?: boolean;
  /** D15: a trailing slash on the path changes nothing. */
  readonly slashAlias?: boolean;
  /** The other path at which policies judge a request, if a parameter names one; otherwise null. */
  readonly judgedAs?: (operation: Operation, data: JsonObject) => AclPath | null;
  /** `create` allows a write as well as `update` does. */
  readonly createSuffices?: boolean;
  /** Whether a write would overwrite: `update` if so, else `create`. Defaults to `update`. */
  readonly exists?: (
    unsealed: UnsealedVault,
    parameter: EndpointCall["parameter"],
  ) => Promise<boolean>;
  /**
   * Another path that currently reaches the same thing; null if there is none. A rule that matches
   * it must also allow the request.
   */
  readonly alias?: (
    unsealed: UnsealedVault,
    parameter: EndpointCall["parameter"],
    operation: Operation,
  ) => string | null;
  /**
   * By default a token is required, and its policies decide. `valid`: any valid token, without
   * spending a use. `optional`: the same, or no token. `ignored`: the token is not looked at.
   */
  readonly token?: "valid" | "optional" | "ignored";
}

/** A system endpoint. Its template is below `/v1/`. */
export interface LogicalEndpoint extends ServedPath<EndpointCall, LogicalReply>, EndpointRules {}

/** A request on a system endpoint. */
export interface EndpointCall extends LogicalCall {
  /** A parameter of the template, as it is stored. */
  readonly parameter: (name: string) => string;
  /** The same parameter as it was written. */
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

/** What serves a path. Looked up after the token, so that anonymous callers learn nothing. */
export interface Route {
  readonly rules: EndpointRules;
  /** Where policies judge an operation. Defaults to the path as written. */
  readonly judged?: (operation: Operation, data: JsonObject) => AclPath | Promise<AclPath>;
  readonly serve: (request: LogicalCall) => Promise<LogicalReply>;
  /** The table's entry for this path, and the path below its mount; null if no table has it. */
  readonly explain?: () => Promise<Explained | null>;
  /** Its answers are seal-wrapped if stored. */
  readonly sealWrap?: boolean;
  /** Tells `create` from `update` where the engine can. */
  readonly exists?: (path: string, tokenScope: string) => Promise<boolean>;
}
