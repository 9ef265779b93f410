/** What all policies of a token together grant, pattern by pattern. Pure. */

import { CAPABILITY_BITS, capabilityNames } from "./capabilities.ts";
import type { ParameterRules, ParameterValue, PathKind, PathRule, Policy } from "./policy.ts";

export type AclOperation = "create" | "read" | "update" | "patch" | "delete" | "list" | "scan";

/** How to read rules for a path with names that have several spellings. */
export interface RuleSpelling {
  /** Identifies this way of reading. */
  readonly key: string;
  /** The pattern of a rule with its names as stored. */
  readonly read: (pattern: string, kind: PathKind) => string;
}

export interface AclDecision {
  readonly allowed: boolean;
  /** Allowed by the root policy, without any check. */
  readonly root: boolean;
  /** Allowed, and the pattern grants `sudo` (for fields that only sudo may set). */
  readonly sudo: boolean;
  /** The policies that grant the operation at the deciding pattern; present only if allowed. */
  readonly policyNames?: readonly string[];
}

/** What all policies together grant for one pattern, as if it were one rule. */
export interface AclGrant extends Omit<PathRule, "capabilities" | "expiresAtMs"> {
  /** Sorted capabilities; `["deny"]` if there are none. */
  readonly names: readonly string[];
}

export const DENY: readonly string[] = ["deny"];
export const DENIED: AclDecision = { allowed: false, root: false, sudo: false };

export interface Grant extends AclGrant {
  readonly capabilities: number;
  readonly decisions: Readonly<Record<AclOperation, AclDecision>>;
}

interface RuleOfPolicy {
  readonly path: string;
  readonly rule: PathRule;
  readonly policyName: string;
}

/** Groups rules by pattern and unites each group. `read` says how to read a pattern. */
export function uniteRules(
  policies: readonly Policy[],
  read: RuleSpelling["read"] = (path) => path,
): readonly Grant[] {
  const all = policies.flatMap(({ name, rules }): readonly RuleOfPolicy[] =>
    rules.map((rule) => ({ path: read(rule.path, rule.kind), rule, policyName: name }))
  );
  // The kind is part of the key, because reading may make a pattern look like one of another kind.
  const byPattern = Map.groupBy(all, ({ path, rule }) => `${rule.kind} ${path}`);
  return [...byPattern.values()].map((entries) => {
    const path = entries[0]?.path ?? "";
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
