/**
 * Parser for the part of HCL 1 that policies use, and for the same policies written as JSON. Text in,
 * neutral tree out: no meaning of any key is known here. Names stay strings in arrays, never property
 * names, so that `__proto__` is a name like any other. Work is linear in the text, depth and size are
 * bounded. Source: the HCL 1 specification (hashicorp/hcl, branch hcl1).
 */

import { RECORD_MAX_BYTES } from "../limits.ts";

/** UTF-16 units; a longer policy could not be stored. */
export const HCL_TEXT_MAX_CHARS = RECORD_MAX_BYTES;
/** Objects and lists inside each other; a policy needs four. */
export const HCL_DEPTH_MAX = 32;

export type HclValue =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** JSON only. */
  | { readonly kind: "null" }
  | { readonly kind: "list"; readonly items: readonly HclValue[] }
  | { readonly kind: "object"; readonly body: HclBody };

/** `a = 1` has one key, `path "x" { }` two; names repeat when the text repeats them. */
export interface HclItem {
  readonly keys: readonly string[];
  readonly value: HclValue;
  /** Index of the first key in the text; see `positionAt`. */
  readonly offset: number;
}

export type HclBody = readonly HclItem[];

/** Line and column count from 1; columns are UTF-16 units. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** The text is neither HCL nor JSON. The message begins with the position: `At 3:7: …`. */
export class HclSyntaxError extends Error {
  override readonly name = "HclSyntaxError";
  readonly position: TextPosition;

  constructor(position: TextPosition, detail: string) {
    super(`At ${position.line}:${position.column}: ${detail}`);
    this.position = position;
  }
}

/** Parses a whole policy text; one that begins with `{` is JSON. Throws `HclSyntaxError` only. */
export function parseHcl(text: string): HclBody {
  const syntax: Syntax = /^\uFEFF?\s*\{/.test(text) ? "json" : "hcl";
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

export function positionAt(text: string, offset: number): TextPosition {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf("\n"); end !== -1 && end < offset;) {
    line += 1;
    lineStart = end + 1;
    end = text.indexOf("\n", lineStart);
  }
  return { line, column: offset - lineStart + 1 };
}

// Our own walk keeps repeated names, which JSON.parse would drop, silently and with them perhaps a
// deny; but it is as lenient about commas as HCL is, hence the second opinion.
function checkStrictJson(scanner: Scanner, text: string): void {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw scanner.error(0, "text begins with '{' and is not valid JSON");
  }
}

type Syntax = "hcl" | "json";
type Punctuation = "{" | "}" | "[" | "]" | "," | "=";
type Token =
  & { readonly offset: number }
  & (
    | { readonly kind: "end" | Punctuation }
    | { readonly kind: "identifier" | "string"; readonly text: string }
    | { readonly kind: "number"; readonly value: number }
  );

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
    return { keys, value: parseValue(scanner, token, depth), offset: first.offset };
  }
  if (token.kind !== "=") {
    const name = clip(keys.join(" "));
    const wanted = "expected start of object ('{') or assignment ('=')";
    throw scanner.error(token.offset, `key '${name}' ${wanted}`);
  }
  if (keys.length > 1) {
    throw scanner.error(token.offset, "a block with labels takes an object, not an assignment");
  }
  return { keys, value: parseValue(scanner, scanner.next(), depth), offset: first.offset };
}

function parseValue(scanner: Scanner, token: Token, depth: number): HclValue {
  switch (token.kind) {
    case "string":
      return { kind: "string", value: token.text };
    case "number":
      return { kind: "number", value: token.value };
    case "identifier":
      if (token.text === "true") return { kind: "boolean", value: true };
      if (token.text === "false") return { kind: "boolean", value: false };
      if (token.text === "null" && scanner.syntax === "json") return { kind: "null" };
      throw scanner.error(token.offset, `expected a value, found the word ${clip(token.text)}`);
    case "{":
    case "[":
      if (depth >= HCL_DEPTH_MAX) {
        throw scanner.error(token.offset, `nested deeper than ${HCL_DEPTH_MAX} levels`);
      }
      if (token.kind === "[") return { kind: "list", items: parseList(scanner, depth + 1) };
      return { kind: "object", body: parseItems(scanner, "}", depth + 1) };
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

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

const BLANK = /[ \t\r\n\uFEFF]+/y;
const LINE_COMMENT = /(?:#|\/\/)[^\n]*/y;
const IDENTIFIER = /[\p{L}_][\p{L}\p{N}_.-]*/uy;
const NUMBER =
  /-?(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\p{L}\p{N}_.])/uy;
const PLAIN_STRING_PART = /[^"\\\n]+/y;
const UNICODE_ESCAPE = /u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y;
const HEREDOC_START = /<<(-?)([\p{L}\p{N}_]+)\r?\n/uy;
const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** Cuts the text into tokens, one per call; in JSON `:` counts as `=` and there are no comments. */
class Scanner {
  readonly syntax: Syntax;
  readonly #text: string;
  #offset = 0;

  constructor(text: string, syntax: Syntax) {
    this.#text = text;
    this.syntax = syntax;
  }

  error(offset: number, detail: string): HclSyntaxError {
    return new HclSyntaxError(positionAt(this.#text, offset), detail);
  }

  next(): Token {
    this.#skipBlanksAndComments();
    const offset = this.#offset;
    const character = this.#text[offset];
    switch (character) {
      case undefined:
        return { kind: "end", offset };
      case "{":
      case "}":
      case "[":
      case "]":
      case ",":
      case "=":
        this.#offset += 1;
        return { kind: character, offset };
      case '"':
        return { kind: "string", text: this.#string(), offset };
    }
    if (this.syntax === "json" && character === ":") {
      this.#offset += 1;
      return { kind: "=", offset };
    }
    const heredoc = this.#match(HEREDOC_START);
    if (heredoc !== null) {
      return { kind: "string", text: this.#heredoc(heredoc[1] === "-", heredoc[2] ?? ""), offset };
    }
    const identifier = this.#match(IDENTIFIER);
    if (identifier !== null) return { kind: "identifier", text: identifier[0], offset };
    const number = this.#match(NUMBER);
    if (number !== null) return { kind: "number", value: parseNumber(number[0]), offset };
    throw this.error(offset, `unexpected character ${JSON.stringify(character)}`);
  }

  #skipBlanksAndComments(): void {
    for (;;) {
      const start = this.#offset;
      this.#match(BLANK);
      if (this.syntax === "hcl") {
        this.#match(LINE_COMMENT);
        if (this.#text.startsWith("/*", this.#offset)) {
          const end = this.#text.indexOf("*/", this.#offset + 2);
          if (end === -1) throw this.error(this.#offset, "comment not terminated");
          this.#offset = end + 2;
        }
      }
      if (this.#offset === start) return;
    }
  }

  #string(): string {
    const start = this.#offset;
    this.#offset += 1;
    let value = "";
    for (;;) {
      value += this.#match(PLAIN_STRING_PART)?.[0] ?? "";
      const character = this.#text[this.#offset];
      if (character !== "\\" && character !== '"') throw this.error(start, "string not terminated");
      this.#offset += 1;
      if (character === '"') return value;
      value += this.#escape();
    }
  }

  #escape(): string {
    const simple = SIMPLE_ESCAPES.get(this.#text[this.#offset] ?? "");
    if (simple !== undefined) {
      this.#offset += 1;
      return simple;
    }
    const start = this.#offset - 1;
    const unicode = this.#match(UNICODE_ESCAPE);
    const codePoint = parseInt(unicode?.[1] ?? unicode?.[2] ?? "", 16);
    if (!(codePoint <= 0x10ffff)) throw this.error(start, "unknown escape sequence");
    return String.fromCodePoint(codePoint);
  }

  // The closing line may be indented in both forms; `<<-` also takes that indent off every line,
  // unless some line has less, as HCL 1 does.
  #heredoc(unindent: boolean, marker: string): string {
    const start = this.#offset;
    const lines: string[] = [];
    for (let lineStart = start; lineStart < this.#text.length;) {
      const newline = this.#text.indexOf("\n", lineStart);
      const lineEnd = newline === -1 ? this.#text.length : newline;
      const line = this.#text.slice(lineStart, lineEnd);
      if (line.trim() === marker) {
        this.#offset = lineEnd;
        const indent = line.slice(0, line.indexOf(marker));
        const indented = unindent && lines.every((each) => each.startsWith(indent));
        return lines.map((each) => `${indented ? each.slice(indent.length) : each}\n`).join("");
      }
      lines.push(line);
      lineStart = lineEnd + 1;
    }
    throw this.error(start, `heredoc not terminated by ${clip(marker)}`);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#offset = pattern.lastIndex;
    return match;
  }
}

function parseNumber(text: string): number {
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text);
}
