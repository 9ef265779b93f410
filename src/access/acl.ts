/**
 * The decision whether a token's policies allow a request. Compiled once per set of policies, then
 * asked for every request: no regular expression, no splitting and no allocation on the way of a
 * decision. Pure; knows no token, mount or engine. Matching rules: OpenBao vault/acl.go.
 *
 * One pattern decides: the exact path, or else the pattern of highest priority. All policies that
 * name this very pattern are united; a deny of a lower pattern has no say.
 */

import { CAPABILITY_BITS, capabilityNames, ROOT_POLICY_NAME } from "./policy.ts";
import type { ParameterRules, ParameterValue, PathRule, Policy } from "./policy.ts";

export type AclOperation = "create" | "read" | "update" | "patch" | "delete" | "list" | "scan";

export interface AclRequest {
  /** A write is `create` when nothing is there yet, else `update`; the caller finds out which. */
  readonly operation: AclOperation;
  /** Whole path, decoded; a list ends in "/". */
  readonly path: string;
  /** Body or query, names as sent. */
  readonly data: Readonly<Record<string, unknown>>;
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
  /** Whether any rule but a denial concerns something at or below `prefix`. */
  grantsBelow(prefix: string): boolean;
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
}

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
    capabilities: (path) => find(path, true)?.names ?? ["deny"],
    grants: () => grants,
    grantsBelow(prefix) {
      return [...grants].some(({ path, names }) => {
        const literal = path.replace(/\*$/, "").replace(/(^|\/)\+(\/.*)?$/, "$1");
        return names[0] !== "deny" && (literal.startsWith(prefix) || prefix.startsWith(literal));
      });
    },
  };
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
    case "list":
    case "scan":
      return decision;
  }
}

// United policies may leave no TTL between the two bounds; then nothing fits, as in Vault.
function wrappingFits(grant: Grant, wrapTtlSeconds: number | null): boolean {
  const { minWrappingTtlSeconds: min, maxWrappingTtlSeconds: max } = grant;
  if (min === null && max === null) return true;
  if (wrapTtlSeconds === null) return false;
  return (min === null || wrapTtlSeconds >= min) && (max === null || wrapTtlSeconds <= max);
}

function parametersFit(grant: Grant, data: Readonly<Record<string, unknown>>): boolean {
  const { allowedParameters: allowed, deniedParameters: denied, requiredParameters } = grant;
  if (requiredParameters.length === 0 && denied.size === 0 && allowed.size === 0) return true;
  if (!requiredParameters.every((name) => Object.hasOwn(data, name))) return false;
  const sent = Object.keys(data);
  if (sent.length === 0) return true;
  if (denied.has("*")) return false;
  const allowsOthers = allowed.size === 0 || allowed.has("*");
  return sent.every((sentName) => {
    const name = sentName.toLowerCase();
    const value = data[sentName];
    const deniedValues = denied.get(name);
    if (deniedValues !== undefined && isDeniedValue(value, deniedValues)) return false;
    const allowedValues = allowed.get(name);
    if (allowedValues === undefined) return allowsOthers;
    return allowedValues.length === 0 || allowedValues.some((each) => matchesValue(each, value));
  });
}

// A denial is read generously, for many fields take "5" for 5 and ["a"] for "a"; a permission is not.
function isDeniedValue(value: unknown, denied: readonly ParameterValue[]): boolean {
  if (denied.length === 0) return true;
  const candidates: readonly unknown[] = Array.isArray(value) ? [value, ...value] : [value];
  return candidates.some((candidate) => {
    const text = isScalar(candidate) ? String(candidate) : candidate;
    return denied.some((each) =>
      matchesValue(each, candidate) || (each === "*" && isScalar(candidate)) ||
      matchesValue(isScalar(each) ? String(each) : each, text)
    );
  });
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Text may have `*` at either end; a lone `*` is itself. Anything else is compared whole. */
function matchesValue(wanted: ParameterValue, value: unknown): boolean {
  if (typeof wanted === "string") return typeof value === "string" && matchesGlob(wanted, value);
  return equalValues(wanted, value);
}

function matchesGlob(glob: string, text: string): boolean {
  if (glob.length < 2) return text === glob;
  const open = glob.startsWith("*") ? 1 : 0;
  if (glob.endsWith("*")) {
    const part = glob.slice(open, -1);
    return open === 1 ? text.includes(part) : text.startsWith(part);
  }
  return open === 1 ? text.endsWith(glob.slice(1)) : text === glob;
}

function equalValues(wanted: ParameterValue, value: unknown): boolean {
  if (wanted === null || typeof wanted !== "object") return wanted === value;
  if (typeof value !== "object" || value === null) return false;
  if (wanted instanceof Map) {
    const names = Object.keys(value);
    return !Array.isArray(value) && names.length === wanted.size && names.every((name) => {
      const each: ParameterValue | undefined = wanted.get(name);
      return each !== undefined &&
        equalValues(each, (value as Readonly<Record<string, unknown>>)[name]);
    });
  }
  const items = wanted as readonly ParameterValue[];
  return Array.isArray(value) && value.length === items.length &&
    items.every((item, index) => equalValues(item, value[index]));
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
      names: names.length === 0 ? ["deny"] : names,
      allowedParameters: uniteParameters(rules.map((rule) => rule.allowedParameters)),
      deniedParameters: uniteParameters(rules.map((rule) => rule.deniedParameters)),
      requiredParameters: [...new Set(rules.flatMap((rule) => rule.requiredParameters))],
      minWrappingTtlSeconds: smallest(rules.map((rule) => rule.minWrappingTtlSeconds)),
      maxWrappingTtlSeconds: smallest(rules.map((rule) => rule.maxWrappingTtlSeconds)),
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
      united.set(name, isAnyValue ? [] : [...(known ?? []), ...values]);
    }
  }
  return united;
}

function smallest(values: readonly (number | null)[]): number | null {
  const set = values.filter((value) => value !== null);
  return set.length === 0 ? null : Math.min(...set);
}

/** A pattern that is not exact. `literals` are the pieces between the `+` segments. */
interface Pattern {
  readonly grant: Grant;
  readonly literals: readonly string[];
  readonly isOpen: boolean;
  /** The text without the final `*`. */
  readonly text: string;
  /** Place in the order of priority, 0 first. */
  rank: number;
  /** For a prefix: the longest other prefix that this one begins with. */
  parent: Pattern | null;
}

function compileMatcher(
  grants: readonly Grant[],
): (path: string, isListing: boolean) => Grant | null {
  const exact = new Map(
    grants.filter((grant) => grant.kind === "exact").map((grant) => [grant.path, grant]),
  );
  const patterns = grants.filter((grant) => grant.kind !== "exact").map(compilePattern);
  patterns.sort(comparePriority).forEach((pattern, rank) => pattern.rank = rank);
  const segments = patterns.filter((pattern) => pattern.grant.kind === "segments");
  const prefixes = linkPrefixes(patterns.filter((pattern) => pattern.grant.kind === "prefix"));

  const findPattern = (path: string): Grant | null => {
    const prefix = longestPrefix(prefixes, path);
    for (const pattern of segments) {
      if (prefix !== null && prefix.rank < pattern.rank) break;
      if (matchesSegments(pattern, path)) return pattern.grant;
    }
    return prefix?.grant ?? null;
  };

  return (requestPath, isListing) => {
    let path = requestPath;
    while (path.startsWith("/")) path = path.slice(1);
    const hasSlash = isListing && path.endsWith("/");
    const withoutSlash = hasSlash ? path.slice(0, -1) : path;
    return exact.get(path) ?? (hasSlash ? exact.get(withoutSlash) : undefined) ??
      findPattern(path) ?? (hasSlash ? findPattern(withoutSlash) : null);
  };
}

function compilePattern(grant: Grant): Pattern {
  const isOpen = grant.path.endsWith("*");
  const text = isOpen ? grant.path.slice(0, -1) : grant.path;
  const literals: string[] = [];
  let literal = "";
  text.split("/").forEach((segment, index) => {
    if (index > 0) literal += "/";
    if (segment === "+") {
      literals.push(literal);
      literal = "";
    } else literal += segment;
  });
  literals.push(literal);
  return { grant, literals, isOpen, text, rank: 0, parent: null };
}

/** Negative when `left` goes before: the five rules of priority, in their order. */
function comparePriority(left: Pattern, right: Pattern): number {
  const firstWildcard = (pattern: Pattern) => pattern.literals[0]?.length ?? 0;
  return (
    firstWildcard(right) - firstWildcard(left) ||
    Number(left.isOpen) - Number(right.isOpen) ||
    left.literals.length - right.literals.length ||
    right.text.length - left.text.length ||
    (left.text > right.text ? -1 : 1)
  );
}

// In sorted order every text that begins with a prefix follows it without a gap, so the prefixes of
// a path are its predecessor or the predecessor's parents.
function linkPrefixes(prefixes: readonly Pattern[]): readonly Pattern[] {
  const sorted = [...prefixes].sort((left, right) => left.text < right.text ? -1 : 1);
  let previous: Pattern | null = null;
  for (const pattern of sorted) {
    let parent: Pattern | null = previous;
    while (parent !== null && !pattern.text.startsWith(parent.text)) parent = parent.parent;
    pattern.parent = parent;
    previous = pattern;
  }
  return sorted;
}

function longestPrefix(sorted: readonly Pattern[], path: string): Pattern | null {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const candidate = sorted[middle];
    if (candidate !== undefined && candidate.text <= path) low = middle + 1;
    else high = middle;
  }
  let pattern = sorted[low - 1] ?? null;
  while (pattern !== null && !path.startsWith(pattern.text)) pattern = pattern.parent;
  return pattern;
}

function matchesSegments(pattern: Pattern, path: string): boolean {
  const { literals } = pattern;
  let position = 0;
  for (let index = 0; index < literals.length; index += 1) {
    if (index > 0) {
      const slash = path.indexOf("/", position);
      position = slash === -1 ? path.length : slash;
    }
    const literal = literals[index] ?? "";
    if (!path.startsWith(literal, position)) return false;
    position += literal.length;
  }
  return pattern.isOpen || position === path.length;
}
