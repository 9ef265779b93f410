/** Test helper: the types of a client's report and its checks, and the check of a set of shares. */

import { Buffer } from "node:buffer";
import { expect } from "vitest";

/** Chapters by name. Their members have the names of the wire, and are checked only in TypeScript. */
// deno-lint-ignore no-explicit-any -- The programs are not TypeScript.
export type Report = Record<string, any>;
/** What the client does, as the end of a sentence that begins with its name, and the check of it. */
export type Chapters = Readonly<Record<string, (report: Report) => void>>;

const SHARE = expect.stringMatching(/^[0-9a-f]{66}$/);

/** Expects both encodings of the same shares, all different. */
export function expectShares(
  hex: readonly string[],
  base64: readonly string[],
  count: number,
): void {
  expect(hex).toEqual(Array.from({ length: count }, () => SHARE));
  expect(new Set(hex).size).toBe(count);
  expect(base64.map((text) => Buffer.from(text, "base64").toString("hex"))).toEqual(hex);
}
