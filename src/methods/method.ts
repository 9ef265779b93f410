/** The paths below the mount of an auth method, as data: what every method shares. */

import type { AclPath } from "../access/policies/acl.ts";
import type { AuthMount } from "../access/auth_mount.ts";
import type { Operation } from "../wire/operation.ts";
import { type Sent, VALIDATION_FAILED } from "../wire/fields.ts";
import { type LIST_FIELDS, pageOf } from "../wire/paging.ts";
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
import { VaultError } from "../errors.ts";
import { judgedPath } from "../access/policies/judged_path.ts";
import {
  type LogicalCall,
  type LogicalReply,
  MISSING,
  withWarnings,
} from "../http/request/logical.ts";
import { CASELESS } from "../access/policies/name_spellings.ts";
import type { JsonObject } from "../wire/json_value.ts";
import { Barrier } from "../barrier/barrier.ts";
import type { RandomBytes } from "../crypto/random.ts";

/** A request on one of a method's paths. */
export interface LoginCall extends LogicalCall {
  readonly mount: AuthMount;
  /** A part of the path as it is stored, by its name in the template. */
  readonly parameter: (name: string) => string;
}

export interface LoginPath<Asked extends LoginCall> extends ServedPath<Asked, LogicalReply> {
  /** A write there creates or updates. Vault then converts its fields before anything else. */
  readonly checksExistence?: boolean;
  /** Runs before it is asked whether there is such an operation, and throws what comes first. */
  readonly before?: (asked: Asked, data: JsonObject) => Promise<void>;
}

/** A user or a role is the same in upper and in lower case. */
const NAMES: Spellings = { username: CASELESS, role_name: CASELESS };

/** The template is as `servedPath` reads it, below the mount. */
export function loginPath<Asked extends LoginCall>(
  template: string,
  operations: ServedOperations<Asked, LogicalReply>,
  rules: Pick<LoginPath<Asked>, "checksExistence" | "before"> = {},
): LoginPath<Asked> {
  return { ...servedPath(template, operations, NAMES), ...rules };
}

/** Serves a request; `rest` is its path below the mount, `ask` adds what the method needs. */
export async function serveLoginPath<Asked extends LoginCall>(
  paths: readonly LoginPath<Asked>[],
  rest: string,
  { operation, data }: LogicalCall,
  ask: (parameter: LoginCall["parameter"]) => Asked,
): Promise<LogicalReply> {
  const found = findLoginPath(paths, rest);
  if (found === null) throw new VaultError("unsupported_path", "unsupported path");
  const { served } = found;
  const parameters = storedParameters(served, found.parameters, operation);
  const asked = ask((name) => parameter(parameters, name));
  await served.before?.(asked, data);
  const wanted = operationOf(served, operation);
  const writes = operation === "create" || operation === "update";
  const prefix = served.checksExistence === true && writes ? "" : VALIDATION_FAILED;
  const reply = await wanted.serve(asked, data, prefix);
  return withWarnings(reply, fieldWarnings(served, data), operation);
}

/** A list has its path with or without the slash at the end. */
export function findLoginPath<Asked extends LoginCall>(
  paths: readonly LoginPath<Asked>[],
  rest: string,
): { readonly served: LoginPath<Asked>; readonly parameters: Parameters } | null {
  const lists = paths.filter(({ operations }) => operations.list !== undefined);
  return findPath(paths, rest) ?? findPath(lists, rest.replace(/\/$/, ""));
}

/** Where policies judge an operation on a path of a method's mount. */
export function judgedLogin<Asked extends LoginCall>(
  paths: readonly LoginPath<Asked>[],
  { path: mountPath }: AuthMount,
  path: string,
  operation: Operation,
): AclPath {
  const prefix = `auth/${mountPath}`;
  const found = findLoginPath(paths, path.slice(prefix.length));
  return found === null ? { path } : judgedPath({ ...found, prefix, path }, operation);
}

/** Names, or a page of them. An empty list is missing, as in Vault. */
export function listNames(
  names: readonly string[],
  page: Sent<typeof LIST_FIELDS>,
): LogicalReply {
  const keys = pageOf(names, page);
  return keys.length === 0 ? MISSING : { kind: "data", data: { keys } };
}

export interface MethodPorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  /** Something got a time to end at: the alarm must be set anew. */
  readonly dueChanged: () => void;
}
