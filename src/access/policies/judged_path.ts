/**
 * The path under which policies judge a request: the stored path of what it reaches, however the
 * request spells it. Rules are read in the same way, so a denial holds for every spelling of a
 * name, both in the rule and in the request.
 */

import type { AclPath, RuleSpelling } from "./acl.ts";
import type { Operation } from "../../wire/operation.ts";
import { type Parameters, type ServedPath, storedPath } from "../../wire/served_path.ts";
import type { NameSpelling } from "../../wire/spelling.ts";

type Served = Pick<ServedPath<never, unknown>, "template" | "operations" | "spellings">;

/** A path found in a table. */
export interface FoundPath {
  readonly served: Served;
  /** As sent. */
  readonly parameters: Parameters;
  /** The part before the template: "" or the path of a mount. */
  readonly prefix: string;
  /** The whole path as sent. */
  readonly path: string;
  /** Whether a slash at the end that the template lacks is ignored. */
  readonly slashAlias?: boolean;
}

/** `alias`: another whole path that reaches the same thing now. */
export function judgedPath(
  { served, parameters, prefix, path, slashAlias = false }: FoundPath,
  operation: Operation,
  alias: string | null = null,
): AclPath {
  const stored = prefix + storedPath(served, parameters, operation, path);
  const isListing = operation === "list" || operation === "scan";
  // A slash at the end must not evade a rule, significant or not. The matcher covers lists.
  const others = isListing || !path.endsWith("/")
    ? []
    : [stored.endsWith("/") ? stored.slice(0, -1) : `${stored}/`];
  const aliases = alias === null || alias === stored ? [] : [alias];
  const spelling = ruleSpelling(served, prefix, slashAlias);
  return { path: stored, also: [...others, ...aliases], spelling };
}

/** The judged path of an endpoint without names in its path. */
export function judgedLiteral(template: string, path: string): AclPath {
  const served = { template, operations: {}, spellings: {} };
  return judgedPath({ served, parameters: {}, prefix: "", path, slashAlias: true }, "read");
}

/** Undefined if rules apply as written. */
function ruleSpelling(
  { template, operations, spellings }: Served,
  prefix: string,
  slashAlias: boolean,
): RuleSpelling | undefined {
  // Paths that list keep the slash: it names the folder.
  const dropsSlash = (slashAlias || template.endsWith("/")) && operations.list === undefined &&
    operations.scan === undefined;
  const named = Object.entries(spellings).find(([, { storedStart }]) => storedStart !== undefined);
  if (named === undefined && !dropsSlash) return undefined;
  const readName = named === undefined ? asWritten : nameReader(template, prefix, named);
  return {
    key: `${prefix} ${template}`,
    read: (pattern, kind) =>
      readName(dropsSlash && kind === "exact" ? pattern.replace(/\/$/, "") : pattern),
  };
}

function asWritten(pattern: string): string {
  return pattern;
}

/** Reads the name in patterns that may match the template's paths. Others stay unchanged. */
function nameReader(
  template: string,
  prefix: string,
  [name, spelling]: readonly [string, NameSpelling],
): (pattern: string) => string {
  const mount = prefix.split("/").slice(0, -1);
  const segments = template.replace(/\/$/, "").split("/");
  const place = segments.findIndex((segment) => segment.startsWith(`{${name}`));
  const takesMany = /[+*]\}$/.test(segments[place] ?? "");
  const rest = segments.slice(place + 1).map((segment) => `/${segment}`).join("");
  const before = [...mount, ...segments.slice(0, place)];
  const fits = (written: string | undefined, index: number): boolean => {
    const segment = before[index];
    return written === "+" || written === segment ||
      (index >= mount.length && segment?.startsWith("{") === true);
  };
  return (pattern) => {
    const written = pattern.split("/");
    if (written.length <= before.length) return pattern;
    if (!before.every((_segment, index) => fits(written[index], index))) return pattern;
    const names = written.slice(before.length);
    const read = takesMany
      ? readEnd(names.join("/"), rest, spelling)
      : [readEnd(names[0] ?? "", "", spelling, names.length === 1), ...names.slice(1)].join("/");
    return [...written.slice(0, before.length), read].join("/");
  };
}

/** `end`: what follows the name in the template. `isEnd`: the pattern ends here. */
function readEnd(text: string, end: string, spelling: NameSpelling, isEnd = true): string {
  const { stored, storedStart = asWritten } = spelling;
  if (text === "+") return text;
  if (isEnd && text.endsWith("*")) return `${storedStart(text.slice(0, -1))}*`;
  const hasEnd = end !== "" && text.endsWith(end);
  return hasEnd ? stored(text.slice(0, -end.length), "read") + end : stored(text, "read");
}
