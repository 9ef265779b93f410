/**
 * The port of a login method. A method knows its own paths and records, and who may log in. It
 * knows no HTTP and makes no tokens: a login ends in an outcome, and the vault makes the token.
 */

import type { AuthMethodType, AuthMount } from "../access/auth_mount.ts";
import type { AclPath } from "../access/policies/acl.ts";
import { judgedPath } from "../access/policies/judged_path.ts";
import { CASELESS } from "../access/policies/name_spellings.ts";
import type { LoginOutcome, TokenRules } from "../access/tokens/login_token.ts";
import type { Token } from "../access/tokens/token.ts";
import type { Barrier } from "../barrier/barrier.ts";
import type { JsonRecords } from "../barrier/mount_records.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { type Sent, VALIDATION_FAILED } from "../wire/fields.ts";
import type { JsonObject } from "../wire/json_value.ts";
import type { Operation } from "../wire/operation.ts";
import { type LIST_FIELDS, pageOf } from "../wire/paging.ts";
import { withWarnings } from "../wire/replies.ts";
import {
  fieldWarnings,
  findPath,
  operationOf,
  parameter,
  type Parameters,
  type ServedOperations,
  type ServedPath,
  servedPath,
  type Spellings,
  storedParameters,
} from "../wire/served_path.ts";

export interface MethodPorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  /** A record now expires, so the alarm must be set again. */
  readonly dueChanged: () => void;
}

export interface AuthMethodModule {
  readonly type: AuthMethodType;
  /** The path below the mount that needs no token. `login/*` covers everything below `login/`. */
  readonly loginPath: "login" | "login/*";
  /** Whether logins name a user or role that failed attempts can lock out. */
  readonly hasLockout: boolean;
  /** Loads the method's code, which few Workers need at startup. */
  readonly load: () => Promise<OpenMethod>;
}

/** Called once per unsealed vault. The returned function makes the method of one mount. */
export type OpenMethod = (
  ports: MethodPorts,
) => (mountUuid: string, records: JsonRecords) => AuthMethod;

/** The client waiting for a reply. */
export interface Client {
  /** Null if the platform does not report it. */
  readonly address: string | null;
  /** Aborted when the client disconnects. Null if the platform does not report that. */
  readonly signal: AbortSignal | null;
}

export interface MethodRequest {
  /** The mount as it is in the table now. */
  readonly mount: AuthMount;
  readonly operation: Operation;
  /** Below the mount, without a leading slash. */
  readonly path: string;
  readonly data: JsonObject;
  readonly client: Client;
}

/** A request on one of a method's paths. */
export interface MethodCall extends MethodRequest {
  /** A part of the path in its stored spelling, by its name in the template. */
  readonly parameter: (name: string) => string;
}

export type MethodReply =
  | { readonly kind: "done" }
  | {
    readonly kind: "data";
    /** Null for a reply with warnings only. */
    readonly data: JsonObject | null;
    readonly warnings?: readonly string[] | undefined;
  }
  /** `data`: the envelope's content, besides the status. */
  | {
    readonly kind: "missing";
    readonly data?: JsonObject;
    readonly warnings?: readonly string[] | undefined;
  }
  /** A cleanup, finished before the reply. */
  | { readonly kind: "tidied"; readonly warnings?: readonly string[] | undefined }
  | {
    readonly kind: "login";
    readonly outcome: LoginOutcome;
    readonly warnings?: readonly string[] | undefined;
  };

export const DONE: MethodReply = { kind: "done" };
export const MISSING: MethodReply = { kind: "missing" };

/** `Own`: what the method adds to each call. */
export interface MethodPath<Own> extends ServedPath<MethodCall & Own, MethodReply> {
  /**
   * Whether a write overwrites, and so is an `update`, not a `create`. Omit if writes are always
   * updates. Vault converts the fields of a write first if a path has this check.
   */
  readonly overwrites?: (own: Own, parameter: MethodCall["parameter"]) => Promise<boolean>;
  /**
   * For login paths: the alias that logs in. Runs before anything else, so that locked aliases are
   * refused first. Throws `invalid_request` if the request names none.
   */
  readonly loginAlias?: (call: MethodCall & Own) => string;
}

export interface AuthMethod {
  /** For callers that describe them. One array serves all mounts of the type. */
  readonly paths: readonly MethodPath<never>[];
  /** The path under which policies judge an operation; `whole` begins with `auth/`. */
  judged(mount: AuthMount, whole: string, operation: Operation): AclPath;
  /** Whether a write at the path is an `update` rather than a `create`. */
  exists(path: string): Promise<boolean>;
  /**
   * Serves an authorised request, or a login. `admit` throws for a locked alias. Throws
   * `VaultError` with `unsupported_path`, `unsupported_operation` or the path's own codes; then
   * nothing has changed.
   */
  handle(request: MethodRequest, admit: (alias: string) => Promise<void>): Promise<MethodReply>;
  /**
   * The current token rules of the user or role that a token came from. Null if that is gone, so
   * the token must not be renewed. Throws `invalid_request` if renewal is forbidden.
   */
  renewalRules(token: Token): Promise<TokenRules | null>;
}

/** Names of users and roles ignore letter case. */
const NAMES: Spellings = { username: CASELESS, role_name: CASELESS };

/** A path below the mount, in the template syntax of `servedPath`. */
export function methodPath<Own>(
  template: string,
  operations: ServedOperations<MethodCall & Own, MethodReply>,
  rules: Pick<MethodPath<Own>, "overwrites" | "loginAlias"> = {},
): MethodPath<Own> {
  return { ...servedPath(template, operations, NAMES), ...rules };
}

/** A method's table of paths, and what each call gets besides the request. */
export interface MethodParts<Own extends object> {
  readonly paths: readonly MethodPath<Own>[];
  readonly own: Own;
  readonly renewalRules: AuthMethod["renewalRules"];
}

export function createMethod<Own extends object>(parts: MethodParts<Own>): AuthMethod {
  const { paths, own, renewalRules } = parts;
  const callOf = (request: MethodRequest, parameters: Parameters) => ({
    ...request,
    ...own,
    parameter: (name: string) => parameter(parameters, name),
  });
  return {
    paths,
    renewalRules,
    judged(mount, whole, operation) {
      const prefix = `auth/${mount.path}`;
      const found = find(paths, whole.slice(prefix.length));
      return found === null
        ? { path: whole }
        : judgedPath({ ...found, prefix, path: whole }, operation);
    },
    async exists(path) {
      const found = find(paths, path);
      const overwrites = found?.served.overwrites;
      if (found === null || overwrites === undefined) return true;
      return await overwrites(own, (name) => parameter(found.parameters, name));
    },
    async handle(request, admit) {
      const found = find(paths, request.path);
      if (found === null) throw new VaultError("unsupported_path", "unsupported path");
      const { served } = found;
      const { operation, data } = request;
      const call = callOf(request, storedParameters(served, found.parameters, operation));
      if (served.loginAlias !== undefined) await admit(served.loginAlias(call));
      const wanted = operationOf(served, operation);
      const writes = operation === "create" || operation === "update";
      const errorPrefix = served.overwrites !== undefined && writes ? "" : VALIDATION_FAILED;
      const reply = await wanted.serve(call, data, errorPrefix);
      return withWarnings(reply, fieldWarnings(served, data), operation);
    },
  };
}

/** The path of a list may end in a slash. */
function find<Served extends MethodPath<never>>(
  paths: readonly Served[],
  path: string,
): { readonly served: Served; readonly parameters: Parameters } | null {
  const lists = paths.filter(({ operations }) => operations.list !== undefined);
  return findPath(paths, path) ?? findPath(lists, path.replace(/\/$/, ""));
}

/** A page of names. An empty list is missing, as in Vault. */
export function listNames(names: readonly string[], page: Sent<typeof LIST_FIELDS>): MethodReply {
  const keys = pageOf(names, page);
  return keys.length === 0 ? MISSING : { kind: "data", data: { keys } };
}
