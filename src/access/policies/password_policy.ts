/**
 * Password policies: the length, the sets of characters, and the minimum from each. Pure; the
 * caller supplies randomness. Source: OpenBao internal/helper/random for words and limits.
 */

import type { RandomBytes } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { multiError } from "../../wire/multi_error.ts";
import {
  PASSWORD_CHARSET_MAX,
  PASSWORD_LENGTH_MAX,
  PASSWORD_LENGTH_MIN,
  PASSWORD_LOOKS_MAX,
  PASSWORD_POLICY_MAX_CHARS,
  PASSWORD_TRIES_MAX,
} from "../../limits.ts";
import { type HclBody, HclSyntaxError, type HclValue, parseHcl } from "./hcl.ts";

export interface PasswordPolicy {
  readonly length: number;
  readonly rules: readonly CharsetRule[];
}

interface CharsetRule {
  readonly charset: readonly string[];
  /** Minimum number of characters from the charset. */
  readonly minChars: number;
}

/** Go's unicode.IsPrint. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Throws `invalid_request` in the reference's words. */
export function parsePasswordPolicy(text: string): PasswordPolicy {
  if (text.length > PASSWORD_POLICY_MAX_CHARS) {
    throw invalid(`longer than ${PASSWORD_POLICY_MAX_CHARS} characters`);
  }
  const items = readItems(text);
  const policy = { length: integerAt(items, "length"), rules: ruleBlocks(items).map(readRule) };
  const faults = faultsOf(policy);
  if (faults.length > 0) {
    throw invalid(multiError(faults));
  }
  if (policy.length < PASSWORD_LENGTH_MIN || policy.length > PASSWORD_LENGTH_MAX) {
    throw invalidRequest(
      `passwords must be between ${PASSWORD_LENGTH_MIN} and ${PASSWORD_LENGTH_MAX} characters`,
    );
  }
  if (policy.rules.some(({ charset, minChars }) => charset.length === 0 && minChars > 0)) {
    throw invalidRequest(
      "unable to construct test password from provided policy: are the rules impossible?",
    );
  }
  return policy;
}

/** Every password that the rules allow is equally likely. Throws `invalid_request`. */
export function generatePassword(policy: PasswordPolicy, random: RandomBytes): string {
  const charset = charsetOf(policy);
  const failed = (why: string) => invalidRequest(`failed to generate password from policy: ${why}`);
  if (charset.length > PASSWORD_CHARSET_MAX) {
    throw failed(
      "unable to generate random characters: charset is too long: limited to 255 characters",
    );
  }
  const demands = demandsOf(policy, charset);
  const looksPerTry = policy.length * Math.max(1, demands.length);
  const triesMax = Math.min(PASSWORD_TRIES_MAX, Math.floor(PASSWORD_LOOKS_MAX / looksPerTry));
  for (let tries = 0; tries < triesMax; tries += 1) {
    const drawn = drawPlaces(charset.length, policy.length, random);
    if (demands.every((demand) => isMet(demand, drawn))) {
      return drawn.map((place) => charset[place] ?? "").join("");
    }
  }
  throw failed("timed out generating string");
}

/** A rule with a minimum above 0. There are at most as many as a password has characters. */
interface Demand {
  /** For each place in the whole charset: 1 if the rule's own charset has that character. */
  readonly counts: Uint8Array;
  readonly minChars: number;
}

function demandsOf({ rules }: PasswordPolicy, charset: readonly string[]): readonly Demand[] {
  return rules.filter(({ minChars }) => minChars > 0).map((rule) => {
    const own = new Set(rule.charset);
    const counts = Uint8Array.from(charset, (character) => own.has(character) ? 1 : 0);
    return { counts, minChars: rule.minChars };
  });
}

function isMet({ counts, minChars }: Demand, drawn: readonly number[]): boolean {
  let count = 0;
  for (const place of drawn) count += counts[place] ?? 0;
  return count >= minChars;
}

/** Skips bytes above the last multiple of `size`, which would favour the start of the set. */
function drawPlaces(size: number, length: number, random: RandomBytes): readonly number[] {
  const limit = PASSWORD_CHARSET_MAX - PASSWORD_CHARSET_MAX % size;
  const places: number[] = [];
  while (places.length < length) {
    for (const byte of random(length - places.length)) {
      if (byte < limit) places.push(byte % size);
    }
  }
  return places;
}

function charsetOf({ rules }: PasswordPolicy): readonly string[] {
  return [...new Set(rules.flatMap(({ charset }) => charset))];
}

function faultsOf(policy: PasswordPolicy): readonly string[] {
  const { length, rules } = policy;
  const needed = rules.reduce((sum, { minChars }) => sum + minChars, 0);
  const charset = charsetOf(policy);
  const faults: string[] = [];
  if (length <= 0) faults.push("length must be > 0");
  else if (length < needed) {
    faults.push(
      `specified rules require at least ${needed} characters but ${length} is specified`,
    );
  }
  if (charset.length === 0) faults.push("no charset specified");
  else if (!charset.every((character) => PRINTABLE.test(character))) {
    faults.push("non-printable character in charset");
  }
  return faults;
}

function readItems(text: string): HclBody {
  try {
    return parseHcl(text);
  } catch (error) {
    if (error instanceof HclSyntaxError) throw invalid(`unable to decode: ${error.message}`);
    throw error;
  }
}

interface RuleBlock {
  readonly type: string;
  readonly body: HclBody;
}

/** `rule "charset" { }`, or in JSON `{"rule": {"charset": {}}}` with lists anywhere. */
function ruleBlocks(items: HclBody): readonly RuleBlock[] {
  return items.filter(({ keys }) => keys[0] === "rule").flatMap(({ keys, value }) =>
    keys.length > 1
      ? bodiesOf(value).map((body) => ({ type: keys[1] ?? "", body }))
      : bodiesOf(value).flatMap((body) =>
        body.flatMap((item) =>
          bodiesOf(item.value).map((each) => ({ type: item.keys[0] ?? "", body: each }))
        )
      )
  );
}

function bodiesOf(value: HclValue): readonly HclBody[] {
  const values = value.kind === "list" ? value.items : [value];
  return values.map((each) => {
    if (each.kind === "object") return each.body;
    throw invalid(
      "unable to parse rules: unable to get rule info: unable to get rule data: " +
        "'' source data must be an array or slice",
    );
  });
}

function readRule({ type, body }: RuleBlock): CharsetRule {
  if (type !== "charset") {
    throw invalid(
      `unable to parse rules: unable to parse rule ${type}: unrecognized rule type ${type}`,
    );
  }
  const charset = last(body, "charset");
  if (charset !== undefined && charset.kind !== "string") {
    throw invalid("unable to parse rules: unable to parse rule charset: charset must be a text");
  }
  return {
    charset: charset === undefined ? [] : [...charset.value],
    minChars: Math.max(0, integerAt(body, "min-chars")),
  };
}

function integerAt(body: HclBody, key: string): number {
  const value = last(body, key);
  if (value === undefined) return 0;
  if (value.kind === "number" && Number.isSafeInteger(value.value)) return value.value;
  throw invalid(
    "failed to decode configuration: decoding failed due to the following error(s):\n\n" +
      `'${key}' expected type 'int', got unconvertible type '${value.kind}'`,
  );
}

function last(body: HclBody, key: string): HclValue | undefined {
  return body.findLast((item) => item.keys.length === 1 && item.keys[0] === key)?.value;
}

function invalid(why: string) {
  return invalidRequest(`invalid password policy: ${why}`);
}
