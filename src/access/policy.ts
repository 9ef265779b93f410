/**
 * Policy text to path rules. Pure. Everything a policy says is either understood, harmless to ignore,
 * or refused: a key that would narrow access and that we cannot honour is never skipped in silence.
 * Source: Vault's policy documentation; OpenBao vault/policy.go for words and messages.
 */

import { invalidRequest } from "../errors.ts";
import { parseDurationSeconds } from "./duration.ts";
import { HclSyntaxError, parseHcl, positionAt } from "./hcl.ts";
import type { HclBody, HclItem, HclValue } from "./hcl.ts";

/** One bit per capability; a rule's set is their union. `deny` stands alone. */
export const CAPABILITY_BITS = {
  deny: 1,
  create: 2,
  read: 4,
  update: 8,
  delete: 16,
  list: 32,
  sudo: 64,
  patch: 128,
  scan: 256,
} as const;

export type Capability = keyof typeof CAPABILITY_BITS;

/**
 * `exact`: the path itself. `prefix`: everything that begins with what stands before the final `*`.
 * `segments`: at least one segment is `+` (any one segment); may end in `*` too.
 */
export type PathKind = "exact" | "prefix" | "segments";

export type ParameterValue =
  | string
  | number
  | boolean
  | null
  | readonly ParameterValue[]
  | ReadonlyMap<string, ParameterValue>;

/** Lower-case name (or `*`) to values; an empty list stands for every value. */
export type ParameterRules = ReadonlyMap<string, readonly ParameterValue[]>;

export interface PathRule {
  /** As written, with `+` and the final `*`, without one leading `/`. */
  readonly path: string;
  readonly kind: PathKind;
  /** Union of `CAPABILITY_BITS`; exactly `deny` when the rule denies; 0 grants nothing. */
  readonly capabilities: number;
  readonly allowedParameters: ParameterRules;
  readonly deniedParameters: ParameterRules;
  /** Lower-case names. */
  readonly requiredParameters: readonly string[];
  /** Above 0; null when the rule sets none. */
  readonly minWrappingTtlSeconds: number | null;
  readonly maxWrappingTtlSeconds: number | null;
}

export interface Policy {
  readonly name: string;
  readonly rules: readonly PathRule[];
}

export const ROOT_POLICY_NAME = "root";

/** The one policy without text: its name is its power. `parsePolicy` never makes it. */
export const ROOT_POLICY: Policy = { name: ROOT_POLICY_NAME, rules: [] };

/**
 * Parses a policy in HCL or JSON. `name` is the one it is stored under; a `name` in the text is
 * ignored, as in Vault. Rules with a template (`{{identity.entity.id}}`) are checked and then left
 * out: no template has a value here.
 *
 * Throws `invalid_request`, text `failed to parse policy: <detail>`.
 */
export function parsePolicy(name: string, text: string): Policy {
  if (name === ROOT_POLICY_NAME) throw invalidRequest('cannot update "root" policy');
  try {
    const rules: PathRule[] = [];
    for (const item of parseHcl(text)) {
      const key = item.keys[0];
      if (key === "path") collectRules(text, item.keys.slice(1), item.value, rules);
      else if (key !== "name") throw unknownKey(text, item);
      else if (item.keys.length > 1 || item.value.kind !== "string") {
        throw new PolicyError("name must be a string");
      }
    }
    return { name, rules };
  } catch (error) {
    if (error instanceof HclSyntaxError || error instanceof PolicyError) {
      throw invalidRequest(`failed to parse policy: ${error.message}`);
    }
    throw error;
  }
}

/** The capabilities in a set, sorted by name as `sys/capabilities` shows them. */
export function capabilityNames(capabilities: number): readonly Capability[] {
  return CAPABILITIES_SORTED.filter((name) => (capabilities & CAPABILITY_BITS[name]) !== 0);
}

class PolicyError extends Error {}

const CAPABILITIES_BY_NAME = new Map(
  Object.entries(CAPABILITY_BITS) as [Capability, number][],
);
const CAPABILITIES_SORTED: readonly Capability[] = [...CAPABILITIES_BY_NAME.keys()].sort();
/** Legal words of Vault for features that do not exist here; they grant nothing. */
const INERT_CAPABILITIES: ReadonlySet<string> = new Set(["recover", "subscribe"]);

const { create, read, update, delete: remove, list, sudo, deny } = CAPABILITY_BITS;
/** Words of the `policy` key, which is older than `capabilities`. */
const OLD_POLICIES: ReadonlyMap<string, number> = new Map([
  ["deny", deny],
  ["read", read | list],
  ["write", create | read | update | remove | list],
  ["sudo", create | read | update | remove | list | sudo],
]);

const UNDERSTOOD_KEYS: ReadonlySet<string> = new Set([
  "policy",
  "capabilities",
  "allowed_parameters",
  "denied_parameters",
  "required_parameters",
  "min_wrapping_ttl",
  "max_wrapping_ttl",
]);
/** Legal and ignored: neither remark, event nor page size keeps anything from the caller. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set([
  "comment",
  "pagination_limit",
  "subscribe_event_types",
]);
/** Legal, narrowing and not implemented: ignoring one would allow what its author did not. */
const NARROWING_KEYS: ReadonlySet<string> = new Set([
  "control_group",
  "expiration",
  "list_scan_response_keys_filter_path",
  "mfa_methods",
]);

// `path "a" { }` is one block; JSON says the same as {"path": {"a": {}}} and repeats by arrays.
function collectRules(
  text: string,
  labels: readonly string[],
  value: HclValue,
  rules: PathRule[],
): void {
  const [path] = labels;
  if (value.kind === "list") {
    for (const each of value.items) collectRules(text, labels, each, rules);
  } else if (value.kind !== "object" || labels.length > 1) {
    throw new PolicyError(`path ${quote(labels.join(" "))}: expected one path and its rules`);
  } else if (path === undefined) {
    for (const item of value.body) collectRules(text, item.keys, item.value, rules);
  } else {
    const rule = parseRule(text, path, value.body);
    if (rule !== null) rules.push(rule);
  }
}

/** Null: templated, valid, and without effect. */
function parseRule(text: string, writtenPath: string, body: HclBody): PathRule | null {
  const subject = `path ${quote(writtenPath)}:`;
  const values = readKeys(text, subject, body);
  const minWrappingTtlSeconds = parseTtl(values, "min_wrapping_ttl");
  const maxWrappingTtlSeconds = parseTtl(values, "max_wrapping_ttl");
  if (
    minWrappingTtlSeconds !== null && maxWrappingTtlSeconds !== null &&
    maxWrappingTtlSeconds < minWrappingTtlSeconds
  ) {
    throw new PolicyError("max_wrapping_ttl cannot be less than min_wrapping_ttl");
  }
  const path = writtenPath.startsWith("/") ? writtenPath.slice(1) : writtenPath;
  const rule: PathRule = {
    path,
    kind: pathKind(subject, path),
    capabilities: parseCapabilities(subject, values),
    allowedParameters: parseParameters(text, subject, values, "allowed_parameters"),
    deniedParameters: parseParameters(text, subject, values, "denied_parameters"),
    requiredParameters: [
      ...new Set(
        parseWords(subject, values, "required_parameters").map((word) => word.toLowerCase()),
      ),
    ],
    minWrappingTtlSeconds,
    maxWrappingTtlSeconds,
  };
  return isTemplated(subject, path) ? null : rule;
}

function readKeys(text: string, subject: string, body: HclBody): ReadonlyMap<string, HclValue> {
  const values = new Map<string, HclValue>();
  for (const item of body) {
    const key = item.keys[0] ?? "";
    if (NARROWING_KEYS.has(key)) {
      throw new PolicyError(
        `${subject} ${quote(key)} is not supported: ignoring it would widen access`,
      );
    }
    if (item.keys.length > 1 || !(UNDERSTOOD_KEYS.has(key) || HARMLESS_KEYS.has(key))) {
      throw unknownKey(text, item, subject);
    }
    if (values.has(key)) throw repeatedKey(text, subject, item);
    values.set(key, item.value);
  }
  return values;
}

function pathKind(subject: string, path: string): PathKind {
  if (path.includes("+*")) {
    throw new PolicyError(`${subject} invalid use of wildcards ('+*' is forbidden)`);
  }
  if (path.split("/").includes("+")) return "segments";
  return path.endsWith("*") ? "prefix" : "exact";
}

function isTemplated(subject: string, path: string): boolean {
  const literal = path.replace(/\{\{[^{}]*\}\}/g, "");
  if (literal.includes("{{") || literal.includes("}}")) {
    throw new PolicyError(`${subject} failed to validate policy templating: unbalanced braces`);
  }
  return literal !== path;
}

function parseCapabilities(subject: string, values: ReadonlyMap<string, HclValue>): number {
  let capabilities = 0;
  const old = values.get("policy");
  if (old !== undefined) {
    const word = old.kind === "string" ? old.value : "";
    const granted = OLD_POLICIES.get(word);
    if (granted === undefined) throw new PolicyError(`${subject} invalid policy ${quote(word)}`);
    capabilities |= granted;
  }
  for (const word of parseWords(subject, values, "capabilities")) {
    const bit = (CAPABILITIES_BY_NAME as ReadonlyMap<string, number>).get(word);
    if (bit === undefined && !INERT_CAPABILITIES.has(word)) {
      throw new PolicyError(`${subject} invalid capability ${quote(word)}`);
    }
    capabilities |= bit ?? 0;
  }
  return (capabilities & deny) !== 0 ? deny : capabilities;
}

function parseWords(
  subject: string,
  values: ReadonlyMap<string, HclValue>,
  key: string,
): readonly string[] {
  return listOf(values.get(key)).map((value) => {
    if (value.kind === "string") return value.value;
    throw new PolicyError(`${subject} ${key} must be a list of strings`);
  });
}

function parseParameters(
  text: string,
  subject: string,
  values: ReadonlyMap<string, HclValue>,
  key: string,
): ParameterRules {
  const rules = new Map<string, readonly ParameterValue[]>();
  for (const value of listOf(values.get(key))) {
    if (value.kind !== "object") {
      throw new PolicyError(`${subject} ${key} must map names to lists of values`);
    }
    for (const item of value.body) {
      if (item.keys.length > 1) throw unknownKey(text, item, subject);
      const name = (item.keys[0] ?? "").toLowerCase();
      if (rules.has(name)) throw repeatedKey(text, subject, item);
      rules.set(name, listOf(item.value).map(parameterValue));
    }
  }
  return rules;
}

function parameterValue(value: HclValue): ParameterValue {
  switch (value.kind) {
    case "null":
      return null;
    case "list":
      return value.items.map(parameterValue);
    case "object":
      return new Map(value.body.map((item) => [item.keys.join(" "), parameterValue(item.value)]));
    default:
      return value.value;
  }
}

function parseTtl(values: ReadonlyMap<string, HclValue>, key: string): number | null {
  const value = values.get(key);
  if (value === undefined) return null;
  const written = value.kind === "string" || value.kind === "number" ? value.value : null;
  const seconds = parseDurationSeconds(written);
  if (seconds === null) {
    throw new PolicyError(`error parsing ${key}: invalid duration ${quote(String(written))}`);
  }
  return seconds === 0 ? null : seconds;
}

// HCL 1 takes a single value where a list is wanted.
function listOf(value: HclValue | undefined): readonly HclValue[] {
  if (value === undefined) return [];
  return value.kind === "list" ? value.items : [value];
}

function unknownKey(text: string, item: HclItem, subject = ""): PolicyError {
  const { line } = positionAt(text, item.offset);
  return new PolicyError(
    `${subject} invalid key ${quote(item.keys.join(" "))} on line ${line}`.trimStart(),
  );
}

function repeatedKey(text: string, subject: string, item: HclItem): PolicyError {
  const { line, column } = positionAt(text, item.offset);
  const key = quote(item.keys.join(" "));
  return new PolicyError(`${subject} ${key} at ${line}:${column} was already set`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
