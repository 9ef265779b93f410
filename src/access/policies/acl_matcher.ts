/**
 * Finds the pattern that decides on a path: the exact one, else the match of highest priority
 * (OpenBao vault/acl.go). Compiled once; a lookup splits nothing and allocates nothing. Pure.
 */

import type { PathKind } from "./policy.ts";

/** Anything with a pattern. */
interface Matched {
  readonly path: string;
  readonly kind: PathKind;
}

/** A pattern that is not exact. `literals` are the pieces between its `+` segments. */
interface Pattern<Grant> {
  readonly grant: Grant;
  readonly literals: readonly string[];
  readonly isOpen: boolean;
  /** The pattern without its final `*`. */
  readonly text: string;
  /** Position by priority, 0 first. */
  rank: number;
  /** For a prefix: the longest other prefix that it begins with. */
  parent: Pattern<Grant> | null;
}

/** With `isListing`, a path that ends in a slash is also tried without it. */
export function compileMatcher<Grant extends Matched>(
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

function compilePattern<Grant extends Matched>(grant: Grant): Pattern<Grant> {
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

/** Negative if `left` goes first: the five rules of priority, in order. */
function comparePriority(left: Pattern<unknown>, right: Pattern<unknown>): number {
  const firstWildcard = (pattern: Pattern<unknown>) => pattern.literals[0]?.length ?? 0;
  return (
    firstWildcard(right) - firstWildcard(left) ||
    Number(left.isOpen) - Number(right.isOpen) ||
    left.literals.length - right.literals.length ||
    right.text.length - left.text.length ||
    (left.text > right.text ? -1 : 1)
  );
}

// In sorted order, all texts that begin with a prefix follow it without a gap. So the prefixes of a
// path are its predecessor or the predecessor's parents.
function linkPrefixes<Grant>(prefixes: readonly Pattern<Grant>[]): readonly Pattern<Grant>[] {
  const sorted = [...prefixes].sort((left, right) => left.text < right.text ? -1 : 1);
  let previous: Pattern<Grant> | null = null;
  for (const pattern of sorted) {
    let parent: Pattern<Grant> | null = previous;
    while (parent !== null && !pattern.text.startsWith(parent.text)) parent = parent.parent;
    pattern.parent = parent;
    previous = pattern;
  }
  return sorted;
}

function longestPrefix<Grant>(
  sorted: readonly Pattern<Grant>[],
  path: string,
): Pattern<Grant> | null {
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

function matchesSegments(pattern: Pattern<unknown>, path: string): boolean {
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
