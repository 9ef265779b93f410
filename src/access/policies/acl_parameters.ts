/** Checks a request against the parameters that a grant allows, denies and requires. Pure. */

import { foldPolicyName } from "./policy_names.ts";
import type { ParameterRules, ParameterValue } from "./policy.ts";

interface ParameterLimits {
  readonly allowedParameters: ParameterRules;
  readonly deniedParameters: ParameterRules;
  readonly requiredParameters: readonly string[];
}

export function parametersFit(
  grant: ParameterLimits,
  data: Readonly<Record<string, unknown>>,
): boolean {
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
    if (deniedValues !== undefined && isDeniedParameter(name, value, deniedValues)) return false;
    const allowedValues = allowed.get(name);
    if (allowedValues === undefined) return allowsOthers;
    return allowedValues.length === 0 || allowedValues.some((each) => matchesValue(each, value));
  });
}

/** Fields that name policies, in a list or a text separated by commas, in any letter case. */
const POLICY_PARAMETERS: ReadonlySet<string> = new Set(["policies", "token_policies"]);

/** Compares policy names as they are stored, so that no other spelling evades a denial. */
function isDeniedParameter(
  name: string,
  value: unknown,
  denied: readonly ParameterValue[],
): boolean {
  if (isDeniedValue(value, denied)) return true;
  if (!POLICY_PARAMETERS.has(name)) return false;
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const names = texts.flatMap((text) =>
    typeof text === "string" ? text.split(",").map(foldPolicyName) : []
  );
  return isDeniedValue(
    names,
    denied.map((each) => typeof each === "string" ? foldPolicyName(each) : each),
  );
}

// Denials match loosely, because many fields read "5" as 5 and ["a"] as "a". Permissions do not.
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

/** Text may have `*` at either end; a lone `*` is itself. Other values are compared whole. */
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
