/**
 * The port of a login method. A method knows its own paths and records, and who may log in by it. It
 * knows no HTTP and makes no token: a login ends in an outcome, and the vault makes the token.
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
  /** A record got a time at which it ends: the alarm must be set anew. */
  readonly dueChanged: () => void;
}

/** One row of the table of methods. */
export interface AuthMethodModule {
  readonly type: AuthMethodType;
  /** The path below the mount that needs no token; `login/*` stands for everything below `login/`. */
  readonly loginPath: "login" | "login/*";
  /** Its logins name a user or a role, which failed logins can lock out. */
  readonly hasLockout: boolean;
  /** Loads the method's code. Few Workers need it at their start. */
  readonly load: () => Promise<OpenMethod>;
}

/** Called once for each unsealed vault. The result makes the method of one mount. */
export type OpenMethod = (
  ports: MethodPorts,
) => (mountUuid: string, records: JsonRecords) => AuthMethod;

/** The client that waits for an answer. */
export interface Client {
  /** Null when the platform does not tell. */
  readonly address: string | null;
  /** Aborted when the client has left; null where the platform does not tell. */
  readonly signal: AbortSignal | null;
}

export interface MethodRequest {
  /** The mount as the table has it now. */
  readonly mount: AuthMount;
  readonly operation: Operation;
  /** Below the mount, without a leading slash. */
  readonly path: string;
  readonly data: JsonObject;
  readonly client: Client;
}

/** A request on one of a method's paths. */
export interface MethodCall extends MethodRequest {
  /** A part of the path as it is stored, by its name in the template. */
  readonly parameter: (name: string) => string;
}

export type MethodReply =
  | { readonly kind: "done" }
  | {
    readonly kind: "data";
    /** Null where there are only warnings. */
    readonly data: JsonObject | null;
    readonly warnings?: readonly string[] | undefined;
  }
  /** `data`: what the envelope holds beside the status. */
  | {
    readonly kind: "missing";
    readonly data?: JsonObject;
    readonly warnings?: readonly string[] | undefined;
  }
  /** Clearing something, which is over by the time of the answer. */
  | { readonly kind: "tidied"; readonly warnings?: readonly string[] | undefined }
  | {
    readonly kind: "login";
    readonly outcome: LoginOutcome;
    readonly warnings?: readonly string[] | undefined;
  };

export const DONE: MethodReply = { kind: "done" };
export const MISSING: MethodReply = { kind: "missing" };

/** `Own`: what the method's own code adds to each call. */
export interface MethodPath<Own> extends ServedPath<MethodCall & Own, MethodReply> {
  /**
   * Whether a write would overwrite: then it is `update`, else `create`. Left out: `update`. Where it
   * is asked, Vault converts the fields of a write before anything else.
   */
  readonly overwrites?: (own: Own, parameter: MethodCall["parameter"]) => Promise<boolean>;
  /**
   * Of a path to log in: the alias that wants to. It is asked before anything
   * else, and a locked one is refused. Throws `invalid_request` where the request names none.
   */
  readonly loginAlias?: (call: MethodCall & Own) => string;
}

export interface AuthMethod {
  /** For callers that describe them. The same array for every mount of the type. */
  readonly paths: readonly MethodPath<never>[];
  /** Where policies judge an operation on a path of the mount; `whole` begins with `auth/`. */
  judged(mount: AuthMount, whole: string, operation: Operation): AclPath;
  /** Whether a write at the path would overwrite: `update`, not `create`. */
  exists(path: string): Promise<boolean>;
  /**
   * Serves a request whose token was allowed, or one to log in. `admit` throws for an alias that is
   * locked. Throws `VaultError` with `unsupported_path`, `unsupported_operation` or what the path
   * says; then nothing was changed.
   */
  handle(request: MethodRequest, admit: (alias: string) => Promise<void>): Promise<MethodReply>;
  /**
   * What the maker of a login's token says about tokens now. Null when it is gone, and with it any
   * reason to renew. Throws `invalid_request` where that forbids to renew.
   */
  renewalRules(token: Token): Promise<TokenRules | null>;
}

/** Names of users and roles are the same in upper and lower case. */
const NAMES: Spellings = { username: CASELESS, role_name: CASELESS };

/** The template is as `servedPath` reads it, below the mount. */
export function methodPath<Own>(
  template: string,
  operations: ServedOperations<MethodCall & Own, MethodReply>,
  rules: Pick<MethodPath<Own>, "overwrites" | "loginAlias"> = {},
): MethodPath<Own> {
  return { ...servedPath(template, operations, NAMES), ...rules };
}

/** What makes a method: its table, and what each call gets besides the request. */
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

/** A list has its path with or without the slash at the end. */
function find<Served extends MethodPath<never>>(
  paths: readonly Served[],
  path: string,
): { readonly served: Served; readonly parameters: Parameters } | null {
  const lists = paths.filter(({ operations }) => operations.list !== undefined);
  return findPath(paths, path) ?? findPath(lists, path.replace(/\/$/, ""));
}

/** Names, or a page of them. An empty list is missing, as in Vault. */
export function listNames(names: readonly string[], page: Sent<typeof LIST_FIELDS>): MethodReply {
  const keys = pageOf(names, page);
  return keys.length === 0 ? MISSING : { kind: "data", data: { keys } };
}
