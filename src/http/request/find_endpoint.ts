/** Finds the system endpoint that serves a path, and the path at which policies judge it. */

import type { AclPath } from "../../access/policies/acl.ts";
import type { Operation } from "../../wire/operation.ts";
import { findPath, parameter, type Parameters, storedParameters } from "../../wire/served_path.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import { judgedPath } from "../../access/policies/judged_path.ts";
import type { LogicalEndpoint } from "./logical.ts";
import type { RawEndpoint } from "./raw_endpoint.ts";

export interface FoundEndpoint {
  readonly served: LogicalEndpoint;
  /** As written. */
  readonly parameters: Parameters;
}

/** Whether its path may have a trailing slash. */
export function takesSlash({ slashAlias, operations }: LogicalEndpoint): boolean {
  return slashAlias === true || operations.list !== undefined;
}

/** The first endpoint that serves the path, with its parameters as written; null if none does. */
export function findEndpoint(
  endpoints: readonly LogicalEndpoint[],
  path: string,
): FoundEndpoint | null {
  const found = findPath(endpoints, path);
  if (found !== null || !path.endsWith("/")) return found;
  return findPath(endpoints.filter(takesSlash), path.slice(0, -1));
}

export function judgedEndpoint(
  unsealed: UnsealedVault,
  { served, parameters }: FoundEndpoint,
  path: string,
  operation: Operation,
): AclPath {
  const stored = storedParameters(served, parameters, operation);
  const alias = served.alias?.(unsealed, (name) => parameter(stored, name), operation) ?? null;
  const { slashAlias = false } = served;
  return judgedPath({ served, parameters, prefix: "", path, slashAlias }, operation, alias);
}

export interface SystemTables {
  readonly raw: readonly RawEndpoint[];
  readonly logical: readonly LogicalEndpoint[];
}
