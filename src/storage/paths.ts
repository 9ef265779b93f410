/**
 * The order of record paths, the same in every store: by UTF-8 bytes, which is the order of code
 * points and of SQLite's BINARY collation. JavaScript's `<` compares UTF-16 units and puts U+10000
 * and above before U+E000, so it is never used on paths. Pure.
 */

const SURROGATES_START = 0xd800;
const SURROGATES_END = 0xe000;
const LAST_CODE_POINT = 0x10ffff;
const encoder = new TextEncoder();

/** Negative, zero or positive if `left` sorts before, with or after `right`; both well-formed. */
export function comparePaths(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return codePointRank(a) - codePointRank(b);
  }
  return left.length - right.length;
}

/** Ranks a UTF-16 unit so that surrogates, which stand for U+10000 and above, come last. */
function codePointRank(unit: number): number {
  if (unit < SURROGATES_START) return unit;
  return unit < SURROGATES_END ? unit + 0x10000 : unit;
}

/**
 * The least string that sorts after every string beginning with `prefix`, which must be
 * well-formed. Null if there is none: for the empty prefix, or U+10FFFF only.
 */
export function prefixEnd(prefix: string): string | null {
  const characters = Array.from(prefix);
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const next = (last.codePointAt(0) ?? LAST_CODE_POINT) + 1;
    if (next > LAST_CODE_POINT) continue;
    // Surrogates do not occur in well-formed text: U+E000 follows U+D7FF.
    const follower = next === SURROGATES_START ? SURROGATES_END : next;
    return characters.join("") + String.fromCodePoint(follower);
  }
  return null;
}

/** Whether the path takes more than `maxBytes` bytes in UTF-8. */
export function isLongerThan(path: string, maxBytes: number): boolean {
  // A UTF-16 unit becomes at most three bytes, so ordinary paths need no encoding.
  return path.length * 3 > maxBytes && encoder.encode(path).length > maxBytes;
}
