/**
 * Where policies judge a request: at the one path by which what it reaches is stored, however the
 * path was written. Rules are read in the same way, so that a denial holds for every spelling of a
 * name, in the rule and in the request.
 */

import type { AclPath, RuleSpelling } from "./acl.ts";
import type { Operation } from "../../wire/operation.ts";
import { type Parameters, type ServedPath, storedPath } from "../../wire/served_path.ts";
import type { NameSpelling } from "../../wire/spelling.ts";

type Served = Pick<ServedPath<never, unknown>, "template" | "operations" | "spellings">;

/** A path that was found in a table. */
export interface FoundPath {
  readonly served: Served;
  /** As they are written. */
  readonly parameters: Parameters;
  /** What stands before the template: "" or the path of a mount. */
  readonly prefix: string;
  /** The whole path as it was written. */
  readonly path: string;
  /** A slash at the end that is no part of the template means nothing. */
  readonly slashAlias?: boolean;
}

/** `alias`: another whole path by which the same is reached at this moment. */
export function judgedPath(
  { served, parameters, prefix, path, slashAlias = false }: FoundPath,
  operation: Operation,
  alias: string | null = null,
): AclPath {
  const stored = prefix + storedPath(served, parameters, operation, path);
  const isListing = operation === "list" || operation === "scan";
  // A slash at the end evades no rule, whether it means something or not. Lists see to it themselves.
  const others = isListing || !path.endsWith("/")
    ? []
    : [stored.endsWith("/") ? stored.slice(0, -1) : `${stored}/`];
  const aliases = alias === null || alias === stored ? [] : [alias];
  const spelling = ruleSpelling(served, prefix, slashAlias);
  return { path: stored, also: [...others, ...aliases], spelling };
}

/** Of an endpoint whose path has no names. */
export function judgedLiteral(template: string, path: string): AclPath {
  const served = { template, operations: {}, spellings: {} };
  return judgedPath({ served, parameters: {}, prefix: "", path, slashAlias: true }, "read");
}

/** Undefined where rules mean what is written. */
function ruleSpelling(
  { template, operations, spellings }: Served,
  prefix: string,
  slashAlias: boolean,
): RuleSpelling | undefined {
  // What lists is itself named by a slash.
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

/** Reads the name in patterns that can be about the template's paths, and leaves all others. */
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

/** `end`: what the template has behind the name. `isEnd`: the pattern ends there. */
function readEnd(text: string, end: string, spelling: NameSpelling, isEnd = true): string {
  const { stored, storedStart = asWritten } = spelling;
  if (text === "+") return text;
  if (isEnd && text.endsWith("*")) return `${storedStart(text.slice(0, -1))}*`;
  const hasEnd = end !== "" && text.endsWith(end);
  return hasEnd ? stored(text.slice(0, -end.length), "read") + end : stored(text, "read");
}
