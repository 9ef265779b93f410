/**
 * Splits HCL 1, or its JSON form, into tokens. Work is linear in the text. Source: the HCL 1
 * specification (hashicorp/hcl, branch hcl1).
 */

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

export type Syntax = "hcl" | "json";
type Punctuation = "{" | "}" | "[" | "]" | "," | "=";
export type Token =
  & { readonly offset: number }
  & (
    | { readonly kind: "end" | Punctuation }
    | { readonly kind: "identifier" | "string"; readonly text: string }
    | { readonly kind: "number"; readonly value: number }
  );

export function clip(text: string): string {
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

/** Returns one token per call. In JSON `:` counts as `=` and there are no comments. */
export class Scanner {
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

  // The closing line may be indented in both forms. As in HCL 1, `<<-` also removes that indent
  // from every line, unless a line has less.
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
