/**
 * Decides whether a token's policies allow a request. Compiled once per set of policies, then asked
 * for every request: a decision runs no regular expression, splits nothing and allocates nothing.
 * Pure; knows no token, mount or engine. Matching rules: OpenBao vault/acl.go.
 *
 * One pattern decides: the exact path, or else the matching pattern of highest priority. The rules
 * of all policies for that pattern are united; a deny in a lower pattern has no effect.
 *
 * A decision changes only the `limit` of a list; see `acl_pagination.ts`.
 */

import { RULE_SPELLINGS_MAX } from "../../limits.ts";
import {
  type AclDecision,
  type AclGrant,
  type AclOperation,
  DENIED,
  DENY,
  type Grant,
  type RuleSpelling,
  uniteRules,
} from "./acl_grants.ts";
import { ROOT_POLICY_NAME } from "./policy_names.ts";
import type { Policy } from "./policy.ts";
import { compileMatcher } from "./acl_matcher.ts";
import { limitList } from "./acl_pagination.ts";
import { parametersFit } from "./acl_parameters.ts";

export type { AclDecision, AclGrant, AclOperation, RuleSpelling } from "./acl_grants.ts";

/** The path under which a request is judged. */
export interface AclPath {
  /** The whole path, decoded, with names as stored. The path of a list ends in "/". */
  readonly path: string;
  /** Other paths to the same thing. A rule that matches one of them must allow the request too. */
  readonly also?: readonly string[];
  /** Omit if no name in the path has several spellings. */
  readonly spelling?: RuleSpelling | undefined;
}

export interface AclRequest extends AclPath {
  /** The caller tells `create` from `update`, by whether something exists. */
  readonly operation: AclOperation;
  /** The body or query, with names as sent. `allows` sets the `limit` of a list. */
  readonly data: Record<string, unknown>;
  /** Null or absent without response wrapping. */
  readonly wrapTtlSeconds?: number | null;
  /** Whether the path is a protected one. */
  readonly needsSudo: boolean;
}

export interface Acl {
  readonly isRoot: boolean;
  allows(request: AclRequest): AclDecision;
  /**
   * Sorted capabilities on a path: `["root"]` for root, `["deny"]` if there are none. `at` gives
   * the path under which an operation is judged, and defaults to `path`.
   */
  capabilities(path: string, at?: (operation: AclOperation) => AclPath): readonly string[];
  /** Whether something is granted on a mount's own path, which ends in "/", or below it. */
  grantsBelow(mountPath: string): boolean;
  /** What all policies together grant, pattern by pattern. Empty for root. */
  grants(): readonly AclGrant[];
}

export const ACL_OPERATIONS: readonly AclOperation[] = [
  "create",
  "read",
  "update",
  "patch",
  "delete",
  "list",
  "scan",
];
const NOWHERE: readonly string[] = [];
const ROOT_ALLOWED: AclDecision = {
  allowed: true,
  root: true,
  sudo: true,
  policyNames: [ROOT_POLICY_NAME],
};
const ROOT_ACL: Acl = {
  isRoot: true,
  allows: () => ROOT_ALLOWED,
  capabilities: () => ["root"],
  grantsBelow: () => true,
  grants: () => [],
};

/** Unites policies, in any order. A policy named "root" allows everything. */
export function compileAcl(policies: readonly Policy[]): Acl {
  if (policies.some((policy) => policy.name === ROOT_POLICY_NAME)) return ROOT_ACL;
  const grants = uniteRules(policies);
  const find = compileMatcher(grants);
  const finderOf = compileSpellings(policies, find);
  return {
    isRoot: false,
    allows: (request) => judge(finderOf(request.spelling), request),
    capabilities: (path, at = () => ({ path })) => {
      const names = new Set(ACL_OPERATIONS.flatMap((operation) => {
        const where = at(operation);
        return namesFor(finderOf(where.spelling), where, operation);
      }));
      return names.size === 0 ? DENY : [...names].sort();
    },
    grants: () => grants,
    grantsBelow: (mountPath) =>
      (find(mountPath, true)?.names ?? DENY)[0] !== "deny" ||
      grants.some((grant) => grant.names[0] !== "deny" && mayMatchBelow(grant, mountPath)),
  };
}

/** Whether a pattern may match below a mount. One with `+` is compared by its first segments. */
function mayMatchBelow({ kind, path }: AclGrant, mountPath: string): boolean {
  if (kind !== "segments") return path.startsWith(mountPath);
  const wanted = mountPath.slice(0, -1).split("/");
  const isOpen = path.endsWith("*");
  const segments = (isOpen ? path.slice(0, -1) : path).split("/");
  return wanted.every((segment, index) => {
    const each = segments[index];
    if (each === undefined) return false;
    const isLast = index === segments.length - 1;
    return each === "+" || each === segment || (isOpen && isLast && segment.startsWith(each));
  });
}

type Finder = ReturnType<typeof compileMatcher<Grant>>;

/** The rules as written, or compiled on first use as a spelling reads them. */
function compileSpellings(
  policies: readonly Policy[],
  asWritten: Finder,
): (spelling: RuleSpelling | undefined) => Finder {
  const compiled = new Map<string, Finder>();
  const rules = policies.flatMap((policy) => policy.rules);
  return (spelling) => {
    if (spelling === undefined) return asWritten;
    const known = compiled.get(spelling.key);
    if (known !== undefined) return known;
    const { read } = spelling;
    const finder = rules.every(({ path, kind }) => read(path, kind) === path)
      ? asWritten
      : compileMatcher(uniteRules(policies, read));
    if (compiled.size >= RULE_SPELLINGS_MAX) compiled.clear();
    compiled.set(spelling.key, finder);
    return finder;
  };
}

function judge(find: Finder, request: AclRequest): AclDecision {
  const isListing = isList(request.operation);
  const grant = find(request.path, isListing);
  if (grant === null) return DENIED;
  const decision = decide(grant, request);
  if (!decision.allowed) return DENIED;
  for (const path of request.also ?? NOWHERE) {
    const other = find(path, isListing);
    if (other !== null && !decide(other, request).allowed) return DENIED;
  }
  return decision;
}

/** The operation and `sudo`, each if granted. */
function namesFor(
  find: Finder,
  { path, also = [] }: AclPath,
  operation: AclOperation,
): readonly string[] {
  const isListing = isList(operation);
  const grant = find(path, isListing);
  if (grant === null) return [];
  const all = [
    grant,
    ...also.map((other) => find(other, isListing)).filter((each) => each !== null),
  ];
  return [operation, "sudo"].filter((name) => all.every(({ names }) => names.includes(name)));
}

function isList(operation: AclOperation): boolean {
  return operation === "list" || operation === "scan";
}

function decide(grant: Grant, request: AclRequest): AclDecision {
  const decision = grant.decisions[request.operation];
  if (!decision.allowed || (request.needsSudo && !decision.sudo)) return DENIED;
  if (!wrappingFits(grant, request.wrapTtlSeconds ?? null)) return DENIED;
  switch (request.operation) {
    case "create":
    case "read":
    case "update":
    case "patch":
      return parametersFit(grant, request.data) ? decision : DENIED;
    case "delete":
      return decision;
    case "list":
    case "scan":
      return limitList(grant, request.data) ? decision : DENIED;
  }
}

// United policies may leave no TTL between the bounds. Then none is allowed, as in Vault.
function wrappingFits(grant: Grant, wrapTtlSeconds: number | null): boolean {
  const { minWrappingTtlSeconds: min, maxWrappingTtlSeconds: max } = grant;
  if (min === null && max === null) return true;
  if (wrapTtlSeconds === null) return false;
  return (min === null || wrapTtlSeconds >= min) && (max === null || wrapTtlSeconds <= max);
}
