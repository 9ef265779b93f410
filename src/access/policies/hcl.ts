/**
 * Parses the part of HCL 1 that policies use, and the same policies written as JSON, into a neutral
 * tree that gives no key a meaning. Names are strings in arrays, never property names, so
 * `__proto__` is an ordinary name. Work is linear in the text; depth and size are bounded. Source:
 * the HCL 1 specification (hashicorp/hcl, branch hcl1).
 */

import { HCL_DEPTH_MAX, HCL_TEXT_MAX_CHARS } from "../../limits.ts";
import { clip, Scanner, type Syntax, type Token } from "./hcl_scanner.ts";

export { HclSyntaxError, positionAt, type TextPosition } from "./hcl_scanner.ts";

/** `offset`: index of the value's first character in the text. */
export type HclValue = { readonly offset: number } & HclContent;

type HclContent =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** JSON only. */
  | { readonly kind: "null" }
  | { readonly kind: "list"; readonly items: readonly HclValue[] }
  | { readonly kind: "object"; readonly body: HclBody };

/** `a = 1` has one key, `path "x" { }` has two. Repeated names are kept. */
export interface HclItem {
  readonly keys: readonly string[];
  readonly value: HclValue;
  /** Index of the first key in the text; see `positionAt`. */
  readonly offset: number;
  /** Index of the `=` or `:`; null for a block. */
  readonly assignOffset: number | null;
}

export type HclBody = readonly HclItem[];

/** Whether the text is read as JSON. */
export function isJsonText(text: string): boolean {
  return /^\uFEFF?\s*\{/.test(text);
}

/** Parses a whole policy text, as JSON if it begins with `{`. Throws only `HclSyntaxError`. */
export function parseHcl(text: string): HclBody {
  const syntax: Syntax = isJsonText(text) ? "json" : "hcl";
  const scanner = new Scanner(text, syntax);
  if (text.length > HCL_TEXT_MAX_CHARS) {
    throw scanner.error(0, `text longer than ${HCL_TEXT_MAX_CHARS} characters`);
  }
  if (syntax === "hcl") return parseItems(scanner, "end", 0);
  const root = parseValue(scanner, scanner.next(), 0);
  const rest = scanner.next();
  if (root.kind !== "object" || rest.kind !== "end") {
    throw scanner.error(rest.offset, "text after the end of the JSON object");
  }
  checkStrictJson(scanner, text);
  return root.body;
}

// Our own parser keeps repeated names, which JSON.parse would silently drop, and perhaps a deny
// with them. But it is as lenient about commas as HCL, so JSON.parse checks the text too.
function checkStrictJson(scanner: Scanner, text: string): void {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw scanner.error(0, "text begins with '{' and is not valid JSON");
  }
}

function parseItems(scanner: Scanner, end: "end" | "}", depth: number): HclBody {
  const items: HclItem[] = [];
  for (let token = scanner.next(); token.kind !== end;) {
    items.push(parseItem(scanner, token, depth));
    token = scanner.next();
    if (token.kind === ",") token = scanner.next();
  }
  return items;
}

function parseItem(scanner: Scanner, first: Token, depth: number): HclItem {
  const keys: string[] = [];
  let token = first;
  for (; token.kind === "string" || token.kind === "identifier"; token = scanner.next()) {
    keys.push(token.text);
  }
  if (keys.length === 0) {
    throw scanner.error(token.offset, `expected a name, found ${describe(token)}`);
  }
  if (token.kind === "{") {
    const value = parseValue(scanner, token, depth);
    return { keys, value, offset: first.offset, assignOffset: null };
  }
  if (token.kind !== "=") {
    const name = clip(keys.join(" "));
    const wanted = "expected start of object ('{') or assignment ('=')";
    throw scanner.error(token.offset, `key '${name}' ${wanted}`);
  }
  if (keys.length > 1) {
    throw scanner.error(token.offset, "a block with labels takes an object, not an assignment");
  }
  const value = parseValue(scanner, scanner.next(), depth);
  return { keys, value, offset: first.offset, assignOffset: token.offset };
}

function parseValue(scanner: Scanner, token: Token, depth: number): HclValue {
  const { offset } = token;
  switch (token.kind) {
    case "string":
      return { offset, kind: "string", value: token.text };
    case "number":
      return { offset, kind: "number", value: token.value };
    case "identifier":
      if (token.text === "true") return { offset, kind: "boolean", value: true };
      if (token.text === "false") return { offset, kind: "boolean", value: false };
      if (token.text === "null" && scanner.syntax === "json") return { offset, kind: "null" };
      throw scanner.error(token.offset, `expected a value, found the word ${clip(token.text)}`);
    case "{":
    case "[":
      if (depth >= HCL_DEPTH_MAX) {
        throw scanner.error(token.offset, `nested deeper than ${HCL_DEPTH_MAX} levels`);
      }
      if (token.kind === "[") {
        return { offset, kind: "list", items: parseList(scanner, depth + 1) };
      }
      return { offset, kind: "object", body: parseItems(scanner, "}", depth + 1) };
    default:
      throw scanner.error(token.offset, `expected a value, found ${describe(token)}`);
  }
}

function parseList(scanner: Scanner, depth: number): readonly HclValue[] {
  const items: HclValue[] = [];
  for (let token = scanner.next(); token.kind !== "]"; token = scanner.next()) {
    items.push(parseValue(scanner, token, depth));
    token = scanner.next();
    if (token.kind === "]") return items;
    if (token.kind !== ",") {
      throw scanner.error(token.offset, `expected ',' or ']', found ${describe(token)}`);
    }
  }
  return items;
}

function describe(token: Token): string {
  if (token.kind === "end") return "the end of the text";
  if (token.kind === "identifier") return `the word ${clip(token.text)}`;
  return token.kind === "string" || token.kind === "number" ? `a ${token.kind}` : `'${token.kind}'`;
}
