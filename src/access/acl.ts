/**
 * The decision whether a token's policies allow a request. Compiled once per set of policies, then
 * asked for every request: no regular expression, no splitting and no allocation on the way of a
 * decision. Pure; knows no token, mount or engine. Matching rules: OpenBao vault/acl.go.
 *
 * One pattern decides: the exact path, or else the pattern of highest priority. All policies that
 * name this very pattern are united; a deny of a lower pattern has no say.
 *
 * The one thing that a decision changes is the `limit` of a list; see `acl_pagination.ts`.
 */

import { CAPABILITY_BITS, capabilityNames } from "./capabilities.ts";
import { ROOT_POLICY_NAME } from "./policy_names.ts";
import type { ParameterRules, ParameterValue, PathRule, Policy } from "./policy.ts";
import { compileMatcher } from "./acl_matcher.ts";
import { limitList } from "./acl_pagination.ts";
import { parametersFit } from "./acl_parameters.ts";

export type AclOperation = "create" | "read" | "update" | "patch" | "delete" | "list" | "scan";

export interface AclRequest {
  /** A write is `create` when nothing is there yet, else `update`; the caller finds out which. */
  readonly operation: AclOperation;
  /** Whole path, decoded; a list ends in "/". */
  readonly path: string;
  /** Body or query, names as sent. A list gets the `limit` that it is allowed. */
  readonly data: Record<string, unknown>;
  /** Null or absent: no response wrapping asked. */
  readonly wrapTtlSeconds?: number | null;
  /** The path is one of the protected ones. */
  readonly needsSudo: boolean;
}

export interface AclDecision {
  readonly allowed: boolean;
  /** Allowed by the root policy: nothing was checked. */
  readonly root: boolean;
  /** Allowed, and the pattern grants `sudo` (for fields that only sudo may set). */
  readonly sudo: boolean;
  /** The policies that grant the operation at the deciding pattern; only when allowed. */
  readonly policyNames?: readonly string[];
}

export interface Acl {
  readonly isRoot: boolean;
  allows(request: AclRequest): AclDecision;
  /** Sorted capabilities on a path; `["root"]` for root, `["deny"]` when there are none. */
  capabilities(path: string): readonly string[];
  /** Whether something is granted on a mount's own path, which ends in "/", or below it. */
  grantsBelow(mountPath: string): boolean;
  /** What all policies together say, pattern by pattern; nothing for root. */
  grants(): readonly AclGrant[];
}

/** What all policies together say about one pattern. */
export interface AclGrant {
  readonly path: string;
  readonly kind: PathRule["kind"];
  /** Sorted capabilities; `["deny"]` when there are none. */
  readonly names: readonly string[];
  readonly allowedParameters: ParameterRules;
  readonly deniedParameters: ParameterRules;
  readonly requiredParameters: readonly string[];
  readonly minWrappingTtlSeconds: number | null;
  readonly maxWrappingTtlSeconds: number | null;
  readonly paginationLimit: number | null;
}

const DENY: readonly string[] = ["deny"];
const DENIED: AclDecision = { allowed: false, root: false, sudo: false };
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

/** Unites policies; their order does not matter. A policy named "root" allows everything. */
export function compileAcl(policies: readonly Policy[]): Acl {
  if (policies.some((policy) => policy.name === ROOT_POLICY_NAME)) return ROOT_ACL;
  const grants = uniteRules(policies);
  const find = compileMatcher(grants);
  return {
    isRoot: false,
    allows(request) {
      const isListing = request.operation === "list" || request.operation === "scan";
      const grant = find(request.path, isListing);
      return grant === null ? DENIED : decide(grant, request);
    },
    // A list finds whatever another operation finds, and the same without a trailing slash.
    capabilities: (path) => find(path, true)?.names ?? DENY,
    grants: () => grants,
    grantsBelow: (mountPath) =>
      (find(mountPath, true)?.names ?? DENY)[0] !== "deny" ||
      grants.some((grant) => grant.names[0] !== "deny" && concerns(grant, mountPath)),
  };
}

/** Whether a pattern is about something below a mount; one with `+` by its first segments. */
function concerns({ kind, path }: AclGrant, mountPath: string): boolean {
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

interface Grant extends AclGrant {
  readonly capabilities: number;
  readonly decisions: Readonly<Record<AclOperation, AclDecision>>;
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

// United policies may leave no TTL between the two bounds; then nothing fits, as in Vault.
function wrappingFits(grant: Grant, wrapTtlSeconds: number | null): boolean {
  const { minWrappingTtlSeconds: min, maxWrappingTtlSeconds: max } = grant;
  if (min === null && max === null) return true;
  if (wrapTtlSeconds === null) return false;
  return (min === null || wrapTtlSeconds >= min) && (max === null || wrapTtlSeconds <= max);
}

function uniteRules(policies: readonly Policy[]): readonly Grant[] {
  const byPath = new Map<string, { readonly rule: PathRule; readonly policyName: string }[]>();
  for (const policy of policies) {
    for (const rule of policy.rules) {
      const entry = { rule, policyName: policy.name };
      const entries = byPath.get(rule.path);
      if (entries === undefined) byPath.set(rule.path, [entry]);
      else entries.push(entry);
    }
  }
  return [...byPath].map(([path, entries]) => {
    const rules = entries.map((entry) => entry.rule);
    const united = rules.reduce((bits, rule) => bits | rule.capabilities, 0);
    const capabilities = (united & CAPABILITY_BITS.deny) !== 0 ? CAPABILITY_BITS.deny : united;
    const names = capabilityNames(capabilities);
    const operation = (bit: number): AclDecision => {
      if ((capabilities & bit) === 0) return DENIED;
      const granting = entries.filter((entry) => (entry.rule.capabilities & bit) !== 0);
      return {
        allowed: true,
        root: false,
        sudo: (capabilities & CAPABILITY_BITS.sudo) !== 0,
        policyNames: [...new Set(granting.map((entry) => entry.policyName))],
      };
    };
    return {
      path,
      kind: rules[0]?.kind ?? "exact",
      capabilities,
      names: names.length === 0 ? DENY : names,
      allowedParameters: uniteParameters(rules.map((rule) => rule.allowedParameters)),
      deniedParameters: uniteParameters(rules.map((rule) => rule.deniedParameters)),
      requiredParameters: [...new Set(rules.flatMap((rule) => rule.requiredParameters))],
      minWrappingTtlSeconds: smallest(rules.map((rule) => rule.minWrappingTtlSeconds)),
      maxWrappingTtlSeconds: smallest(rules.map((rule) => rule.maxWrappingTtlSeconds)),
      paginationLimit: smallest(rules.map((rule) => rule.paginationLimit)),
      decisions: {
        create: operation(CAPABILITY_BITS.create),
        read: operation(CAPABILITY_BITS.read),
        update: operation(CAPABILITY_BITS.update),
        patch: operation(CAPABILITY_BITS.patch),
        delete: operation(CAPABILITY_BITS.delete),
        list: operation(CAPABILITY_BITS.list),
        scan: operation(CAPABILITY_BITS.scan),
      },
    };
  });
}

function uniteParameters(all: readonly ParameterRules[]): ParameterRules {
  const united = new Map<string, readonly ParameterValue[]>();
  for (const rules of all) {
    for (const [name, values] of rules) {
      const known = united.get(name);
      const isAnyValue = values.length === 0 || known?.length === 0;
      united.set(name, isAnyValue ? [] : [...values, ...(known ?? [])]);
    }
  }
  return united;
}

function smallest(values: readonly (number | null)[]): number | null {
  const set = values.filter((value) => value !== null);
  return set.length === 0 ? null : Math.min(...set);
}
