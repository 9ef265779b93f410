/** What a client's program reports, and how it is judged. */

import { Buffer } from "node:buffer";
import { expect } from "vitest";

/** Chapters by name. Their members are what the wire names them, and judged only here. */
// deno-lint-ignore no-explicit-any -- The programs are not TypeScript.
export type Report = Record<string, any>;
/** Sentences of behaviour, and the check of each. */
export type Chapters = Readonly<Record<string, (report: Report) => void>>;

const SHARE = expect.stringMatching(/^[0-9a-f]{66}$/);

/** Both encodings of the same shares, all different. */
export function expectShares(
  hex: readonly string[],
  base64: readonly string[],
  count: number,
): void {
  expect(hex).toEqual(Array.from({ length: count }, () => SHARE));
  expect(new Set(hex).size).toBe(count);
  expect(base64.map((text) => Buffer.from(text, "base64").toString("hex"))).toEqual(hex);
}
