/**
 * The policies of a new token: those requested, within what the parent token and a role allow
 * (openbao token_store.go `resolveTokenPolicies`). Pure; throws `invalid_request` in the
 * reference's words.
 */

import { invalidRequest } from "../../errors.ts";
import { PATH_MAX_BYTES } from "../../limits.ts";
import { matchesAnyGlob } from "../policies/glob.ts";
import {
  DEFAULT_POLICY_NAME,
  foldPolicyName,
  RESPONSE_WRAPPING_POLICY_NAME,
  ROOT_POLICY_NAME,
} from "../policies/policy_names.ts";
import type { TokenRole } from "./token_roles.ts";

/** Policies that only the vault itself gives to tokens. */
const INTERNAL_POLICIES: readonly string[] = [RESPONSE_WRAPPING_POLICY_NAME];

/** What decides the policies of a new token. */
export interface PolicyWish {
  /** As sent, not cleaned. Empty: those of the parent or of the role. */
  readonly asked: readonly string[];
  readonly noDefault: boolean;
  readonly parent: readonly string[];
  /** Whether the caller is root or has `sudo` on the path. */
  readonly isSudo: boolean;
  readonly role: TokenRole | null;
}

/** Trims names and puts them in lower case, drops empty ones and duplicates, and sorts them. */
export function cleanNames(names: readonly string[]): readonly string[] {
  const cleaned = names.map(foldPolicyName).filter((name) => name !== "");
  return [...new Set(cleaned)].sort();
}

/** Like `cleanNames`, but `root` stands alone if present: it needs no other policy. */
export function cleanPolicies(names: readonly string[], withDefault = false): readonly string[] {
  const cleaned = cleanNames(withDefault ? [...names, DEFAULT_POLICY_NAME] : names);
  return cleaned.includes(ROOT_POLICY_NAME) ? [ROOT_POLICY_NAME] : cleaned;
}

export function resolvePolicies(wish: PolicyWish): readonly string[] {
  if (wish.asked.some((name) => name.length > PATH_MAX_BYTES)) {
    throw invalidRequest(`policy names cannot be longer than ${PATH_MAX_BYTES} bytes`);
  }
  const chosen = choose(wish);
  const policies = wish.noDefault ? chosen.filter((name) => name !== DEFAULT_POLICY_NAME) : chosen;
  const internal = policies.find((name) => INTERNAL_POLICIES.includes(name));
  if (internal !== undefined) throw invalidRequest(`cannot assign policy ${quote(internal)}`);
  refuseLineBreaks(policies);
  // A caller with `sudo` that is not root cannot make a root token.
  if (policies.includes(ROOT_POLICY_NAME) && !wish.parent.includes(ROOT_POLICY_NAME)) {
    throw invalidRequest("root tokens may not be created without parent token being root");
  }
  return policies;
}

function choose(wish: PolicyWish): readonly string[] {
  const { asked, parent, role, noDefault, isSudo } = wish;
  if (role !== null && limitsPolicies(role)) return chooseByRole(wish, role);
  if (asked.length === 0) return cleanPolicies(parent);
  if (isSudo) return cleanPolicies(asked, !noDefault);
  const wanted = cleanPolicies(asked);
  const names = new Set(parent);
  if (!wanted.every((name) => names.has(name))) {
    throw invalidRequest("child policies must be subset of parent");
  }
  return cleanPolicies(wanted, !noDefault && parent.includes(DEFAULT_POLICY_NAME));
}

function limitsPolicies(role: TokenRole): boolean {
  return [
    role.allowedPolicies,
    role.disallowedPolicies,
    role.allowedPolicyGlobs,
    role.disallowedPolicyGlobs,
  ].some((names) => names.length > 0);
}

/** A role that limits policies decides alone: requested ones need not be the caller's. */
function chooseByRole(
  { asked, noDefault, parent }: PolicyWish,
  role: TokenRole,
): readonly string[] {
  const isDisallowed = disallowedBy(role);
  const withDefault = !noDefault && !role.noDefaultPolicy && !isDisallowed(DEFAULT_POLICY_NAME);
  const wanted = asked.length === 0 ? [] : cleanPolicies(asked, withDefault);
  const chosen = role.allowedPolicies.length > 0 || role.allowedPolicyGlobs.length > 0
    ? chooseAllowed(wanted, role, withDefault)
    : wanted.length === 0
    ? cleanPolicies(parent, withDefault)
    : wanted;
  const forbidden = chosen.find(isDisallowed);
  if (forbidden !== undefined) {
    throw invalidRequest(`token policy ${quote(forbidden)} is disallowed by this role`);
  }
  return chosen;
}

function chooseAllowed(
  wanted: readonly string[],
  role: TokenRole,
  withDefault: boolean,
): readonly string[] {
  const allowed = cleanPolicies(role.allowedPolicies, withDefault);
  if (wanted.length === 0) return allowed;
  const globs = cleanPolicies(role.allowedPolicyGlobs);
  const names = new Set(allowed);
  if (wanted.every((name) => names.has(name) || matchesAnyGlob(globs, name))) return wanted;
  throw invalidRequest(
    `token policies (${quoteAll(wanted)}) must be subset of the role's allowed policies ` +
      `(${quoteAll(allowed)}) or glob policies (${quoteAll(globs)})`,
  );
}

function disallowedBy(role: TokenRole): (name: string) => boolean {
  const names = new Set(cleanNames(role.disallowedPolicies));
  const globs = cleanNames(role.disallowedPolicyGlobs);
  return (name) => names.has(name) || matchesAnyGlob(globs, name);
}

/**
 * No stored policy has such a name, so it would grant nothing. And names joined by line breaks must
 * not read as a different list, now that a role's pattern may let a caller choose a name.
 */
function refuseLineBreaks(policies: readonly string[]): void {
  if (policies.some((name) => /[\r\n]/.test(name))) {
    throw invalidRequest("policy names cannot contain line breaks");
  }
}

function quote(name: string): string {
  return JSON.stringify(name);
}

function quoteAll(names: readonly string[]): string {
  return `[${names.map(quote).join(" ")}]`;
}
