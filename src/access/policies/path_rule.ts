/**
 * The rule of a policy for one path, parsed from its text. Pure. Each key is understood, harmless
 * to ignore, or refused: a key that would narrow access and is not implemented is never silently
 * skipped.
 */

import { VaultError } from "../../errors.ts";
import { parseAbsoluteTime } from "../../wire/absolute_time.ts";
import { CAPABILITY_BITS, capabilityBit, legacyPolicyBits } from "./capabilities.ts";
import { parseDurationSeconds } from "../../wire/duration.ts";
import { readGoDuration } from "../../wire/go_duration.ts";
import type { HclBody, HclItem, HclValue } from "./hcl.ts";
import {
  goType,
  integerOf,
  itemsOf,
  PolicyError,
  type PolicySource,
  quote,
  refuseUnknownKeys,
  wordOf,
  wordsOf,
} from "./policy_source.ts";
import { type FillTemplates, refuseUnbalanced } from "./policy_template.ts";

/**
 * `exact`: the path itself. `prefix`: everything that begins with the text before the final `*`.
 * `segments`: at least one segment is `+` (any one segment); may also end in `*`.
 */
export type PathKind = "exact" | "prefix" | "segments";

export type ParameterValue =
  | string
  | number
  | boolean
  | null
  | readonly ParameterValue[]
  | ReadonlyMap<string, ParameterValue>;

/** Maps a lower-case name (or `*`) to values; an empty list means any value. */
export type ParameterRules = ReadonlyMap<string, readonly ParameterValue[]>;

export interface PathRule {
  /** As written, with `+` and the final `*`, but without one leading `/`. */
  readonly path: string;
  readonly kind: PathKind;
  /** Union of `CAPABILITY_BITS`; exactly `deny` if the rule denies; 0 grants nothing. */
  readonly capabilities: number;
  readonly allowedParameters: ParameterRules;
  readonly deniedParameters: ParameterRules;
  /** Lower-case names. */
  readonly requiredParameters: readonly string[];
  /** Above 0; null if the rule sets none. */
  readonly minWrappingTtlSeconds: number | null;
  readonly maxWrappingTtlSeconds: number | null;
  /** Most names that a list may have; above 0, or null if the rule sets none. */
  readonly paginationLimit: number | null;
  /** The rule ends after this time, whether it grants or denies. */
  readonly expiresAtMs: number | null;
}

const UNDERSTOOD_KEYS: ReadonlySet<string> = new Set([
  "policy",
  "capabilities",
  "allowed_parameters",
  "denied_parameters",
  "required_parameters",
  "min_wrapping_ttl",
  "max_wrapping_ttl",
  "pagination_limit",
  "expiration",
  // A comment restricts nothing.
  "comment",
]);
/** Valid, narrowing and not implemented: ignoring one would allow what its author did not. */
const NARROWING_KEYS: ReadonlySet<string> = new Set([
  "control_group",
  "list_scan_response_keys_filter_path",
  "mfa_methods",
]);

type Values = ReadonlyMap<string, HclValue>;

/** Null if the rule is valid but a template in it has no value. Throws `PolicyError`. */
export function parseRule(
  source: PolicySource,
  rawPath: string,
  body: HclBody,
  fill: FillTemplates,
): PathRule | null {
  refuseUnbalanced(rawPath);
  const filled = fill(rawPath);
  const writtenPath = filled ?? rawPath;
  const values = readKeys(source, `path ${quote(writtenPath)}:`, body);
  const path = writtenPath.startsWith("/") ? writtenPath.slice(1) : writtenPath;
  const subject = `path ${quote(path)}:`;
  // The reference decodes everything before it checks anything, which sets the order of errors.
  const decoded = within(
    `path ${quote(writtenPath)}:`,
    () => decodeValues(source, values, `path ${quote(writtenPath)}: `),
  );
  const expiresAtMs = parseExpiration(subject, decoded.expiration);
  const kind = pathKind(subject, path);
  const capabilities = uniteCapabilities(`path ${quote(writtenPath)}:`, decoded);
  const denies = capabilities === CAPABILITY_BITS.deny;
  const rule: PathRule = {
    path,
    kind,
    capabilities,
    allowedParameters: decoded.allowedParameters,
    deniedParameters: decoded.deniedParameters,
    requiredParameters: [
      ...new Set(decoded.requiredParameters.map((word) => word.toLowerCase())),
    ],
    // A denial needs no bounds, and they are not parsed.
    ...(denies ? NO_BOUNDS : parseBounds(values)),
    paginationLimit: decoded.paginationLimit > 0 ? decoded.paginationLimit : null,
    expiresAtMs,
  };
  return filled === null ? null : rule;
}

function readKeys(source: PolicySource, subject: string, body: HclBody): Values {
  const isKnown = ({ keys: [key = ""] }: HclItem): boolean =>
    NARROWING_KEYS.has(key) || UNDERSTOOD_KEYS.has(key);
  refuseUnknownKeys(source, body, isKnown, subject);
  for (const item of body) {
    const key = keyOf(item);
    if (NARROWING_KEYS.has(key)) {
      throw new PolicyError(
        `${subject} ${quote(key)} is not supported: ignoring it would widen access`,
      );
    }
    refuseLabel(subject, item);
  }
  const last = source.lastOfEach(`${subject} `, body, keyOf);
  return new Map([...last].map(([key, { value }]) => [key, value]));
}

function keyOf({ keys: [key = ""] }: HclItem): string {
  return key;
}

interface Decoded {
  readonly policy: string;
  readonly capabilities: readonly string[];
  readonly allowedParameters: ParameterRules;
  readonly deniedParameters: ParameterRules;
  readonly requiredParameters: readonly string[];
  readonly paginationLimit: number;
  readonly expiration: string;
}

function decodeValues(source: PolicySource, values: Values, subject: string): Decoded {
  const word = (key: string, field: string): string => {
    const value = values.get(key);
    return value === undefined ? "" : wordOf(source, field, value);
  };
  const limit = values.get("pagination_limit");
  return {
    policy: word("policy", "Policy"),
    capabilities: wordsOf(source, "Capabilities", values.get("capabilities")),
    expiration: word("expiration", "expiration"),
    allowedParameters: parseParameters(source, values, "allowed_parameters", subject),
    deniedParameters: parseParameters(source, values, "denied_parameters", subject),
    requiredParameters: wordsOf(source, "required_parameters", values.get("required_parameters")),
    paginationLimit: limit === undefined ? 0 : integerOf(source, "pagination_limit", limit),
  };
}

function within<T>(subject: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof PolicyError) throw new PolicyError(`${subject} ${error.message}`);
    throw error;
  }
}

function parseExpiration(subject: string, written: string): number | null {
  if (written === "") return null;
  const atMs = parseAbsoluteTime(written);
  if (atMs !== null) return atMs;
  throw new PolicyError(
    `${subject} invalid expiration time: could not parse string as date and time`,
  );
}

function pathKind(subject: string, path: string): PathKind {
  if (path.includes("+*")) {
    throw new PolicyError(`${subject} invalid use of wildcards ('+*' is forbidden)`);
  }
  if (path.split("/").includes("+")) return "segments";
  return path.endsWith("*") ? "prefix" : "exact";
}

/** Stops at a denial, without checking the words after it. */
function uniteCapabilities(subject: string, { policy, capabilities: words }: Decoded): number {
  const old = policy === "" ? 0 : legacyPolicyBits(policy);
  if (old === undefined) throw new PolicyError(`${subject} invalid policy ${quote(policy)}`);
  if (old === CAPABILITY_BITS.deny) return old;
  let capabilities = old;
  for (const word of words) {
    const bit = capabilityBit(word);
    if (bit === undefined) throw new PolicyError(`${subject} invalid capability ${quote(word)}`);
    if (bit === CAPABILITY_BITS.deny) return bit;
    capabilities |= bit;
  }
  return capabilities;
}

/** Shared by all rules without parameters, of which a policy may have thousands. */
const NO_RULES: ParameterRules = new Map();

function parseParameters(
  source: PolicySource,
  values: Values,
  key: string,
  subject: string,
): ParameterRules {
  const written = values.get(key);
  if (written === undefined) return NO_RULES;
  const items = mapsOf(source, key, written).flat();
  for (const item of items) refuseLabel("", item);
  const last = source.lastOfEach(
    `${subject}${key}: `,
    items,
    (item) => keyOf(item).toLowerCase(),
  );
  return new Map(
    [...last].map(([name, { value }]) => [name, itemsOf(source, value).map(parameterValue)]),
  );
}

/** JSON may use a list of objects for their union. */
function mapsOf(
  source: PolicySource,
  key: string,
  value: HclValue,
): readonly HclBody[] {
  const objects = value.kind === "list" && source.isJson ? value.items : [value];
  return objects.map((each) => {
    if (each.kind === "object") return each.body;
    throw new PolicyError(
      `${source.at(each.offset)}: root.${key}: not an object type for map (${goType(each)})`,
    );
  });
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

type Bounds = Pick<PathRule, "minWrappingTtlSeconds" | "maxWrappingTtlSeconds">;

const NO_BOUNDS: Bounds = { minWrappingTtlSeconds: null, maxWrappingTtlSeconds: null };

function parseBounds(values: Values): Bounds {
  const min = parseTtl(values, "min_wrapping_ttl");
  const max = parseTtl(values, "max_wrapping_ttl");
  if (min !== null && max !== null && max < min) {
    throw new PolicyError("max_wrapping_ttl cannot be less than min_wrapping_ttl");
  }
  return { minWrappingTtlSeconds: min, maxWrappingTtlSeconds: max };
}

function parseTtl(values: Values, key: string): number | null {
  const value = values.get(key);
  if (value === undefined) return null;
  const refused = (why: string) => new PolicyError(`error parsing ${key}: ${why}`);
  if (value.kind !== "string" && value.kind !== "number") {
    throw refused("could not parse duration from input");
  }
  const seconds = value.kind === "string"
    ? goSeconds(value.value, refused)
    : parseDurationSeconds(value.value);
  // The reference reads a negative bound as none, which is not what its author meant.
  if (seconds === null || seconds < 0) {
    throw refused(`time: invalid duration ${quote(String(value.value))}`);
  }
  return seconds === 0 ? null : seconds;
}

function goSeconds(text: string, refused: (why: string) => PolicyError): number {
  try {
    return readGoDuration(text);
  } catch (error) {
    if (error instanceof VaultError) throw refused(error.message);
    throw error;
  }
}

function refuseLabel(subject: string, { keys }: HclItem): void {
  if (keys.length === 1) return;
  throw new PolicyError(`${subject} ${quote(keys.join(" "))} takes no label`.trimStart());
}
