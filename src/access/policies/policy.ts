/**
 * Parses policy text into path rules. Pure. Source: Vault's policy documentation; OpenBao
 * vault/policy.go for words and messages.
 */

import { invalidRequest } from "../../errors.ts";
import { type HclBody, type HclItem, HclSyntaxError, type HclValue, parseHcl } from "./hcl.ts";
import { parseRule, type PathRule } from "./path_rule.ts";
import { type FillTemplates, NO_VALUES } from "./policy_template.ts";
import {
  goType,
  PolicyError,
  PolicySource,
  quote,
  refuseUnknownKeys,
  wordOf,
} from "./policy_source.ts";
import { ROOT_POLICY_NAME } from "./policy_names.ts";

export type { ParameterRules, ParameterValue, PathKind, PathRule } from "./path_rule.ts";

export interface Policy {
  readonly name: string;
  readonly rules: readonly PathRule[];
}

export interface ParsedPolicy extends Policy {
  /** Warnings for the author: attributes set more than once, of which the last counts. */
  readonly warnings: readonly string[];
}

/**
 * Parses a policy in HCL or JSON. `name` is the name it is stored under; a `name` in the text is
 * ignored, as in Vault. Rules with a template (`{{identity.entity.id}}`) that `fill` has no value
 * for are checked and then dropped.
 *
 * Throws `invalid_request` with the text `failed to parse policy: <detail>`.
 */
export function parsePolicy(name: string, text: string, fill = NO_VALUES): ParsedPolicy {
  const read = parseRules(text, fill);
  if (name === ROOT_POLICY_NAME) throw invalidRequest('cannot update "root" policy');
  return { name, ...read };
}

function parseRules(text: string, fill: FillTemplates): Omit<ParsedPolicy, "name"> {
  try {
    const items = parseHcl(text);
    const source = new PolicySource(text);
    refuseUnknownKeys(source, items, ({ keys }) => keys[0] === "path" || keys[0] === "name");
    const names = items.filter(({ keys }) => keys[0] === "name");
    for (const { value } of names) checkName(source, value);
    source.lastOfEach("", names, () => "name");
    const blocks = items.filter(({ keys }) => keys[0] === "path");
    const rules = blocks
      .flatMap((item) => source.isJson ? jsonBlocks(source, item) : hclBlocks(item))
      .map(({ path, body }) => parseRule(source, path, body, fill))
      .filter((rule) => rule !== null);
    return { rules, warnings: source.warnings };
  } catch (error) {
    if (error instanceof HclSyntaxError || error instanceof PolicyError) {
      throw invalidRequest(`failed to parse policy: ${error.message}`);
    }
    throw error;
  }
}

function checkName(source: PolicySource, value: HclValue): void {
  if (value.kind !== "null") wordOf(source, "name", value);
}

/** The part of a text about one path. */
interface Block {
  readonly path: string;
  readonly body: HclBody;
}

/** A block without a label is for the path "path"; of several labels the first counts. */
function hclBlocks({ keys: [, path = "path"], value }: HclItem): readonly Block[] {
  return [{ path, body: rulesOf(path, value) }];
}

function rulesOf(path: string, value: HclValue): HclBody {
  if (value.kind === "object") return value.body;
  throw new PolicyError(`path ${quote(path)}: cannot check HCL keys of type ${goType(value)}`);
}

/** JSON writes `path "a" { }` as `{"path": {"a": {}}}`, and repeated blocks as lists. */
function jsonBlocks(source: PolicySource, { value }: HclItem): readonly Block[] {
  return objectsOf(value).flatMap((paths) => {
    const body = rulesOf("path", paths);
    const isBlock = (item: HclItem) => objectsOf(item.value).every(({ kind }) => kind === "object");
    refuseUnknownKeys(source, body, isBlock, 'path "path":');
    return body.flatMap(({ keys: [path = ""], value: rules }) =>
      objectsOf(rules).map((each) => ({ path, body: rulesOf(path, each) }))
    );
  });
}

function objectsOf(value: HclValue): readonly HclValue[] {
  return value.kind === "list" ? value.items : [value];
}
