/** What the documents point to is there: linked files and headings, paths in backticks, decisions. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { anchors, codeSpans, localLinks, tableRows, withoutFences } from "./markdown.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DECISIONS = "docs/decisions";
/** Of each record, in this order. */
const SECTIONS = ["Context", "Decision", "Ruled out", "Consequences"];
const LINE_MAX_CHARS = 100;
const PATH = /^(?:src|test|scripts|docs)\/[\w./-]*$/;

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const exists = (file: string): boolean => existsSync(join(ROOT, file));

const IN_DOCS = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".md"))
  .map((file) => join("docs", file).replaceAll("\\", "/"));
const OTHERS = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "src/README.md"];
const RECORDS = readdirSync(join(ROOT, DECISIONS)).filter((file) => file !== "README.md").sort();

/** Links of a document that lead to no file, or to no heading of one. */
function brokenLinks(file: string, text: string): readonly string[] {
  return localLinks(text).filter((link) => {
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? file : join(dirname(file), path);
    if (!exists(target)) return true;
    return anchor !== undefined && !anchors(read(target)).includes(anchor);
  });
}

/** Paths in backticks that are not in the tree. */
function missingPaths(text: string): readonly string[] {
  return codeSpans(text).filter((span) => PATH.test(span) && !exists(span));
}

function titleOf(text: string): string {
  return /^# (.*)$/m.exec(text)?.[1] ?? "";
}

describe.each([...IN_DOCS, ...OTHERS])("%s", (file) => {
  it(`${file} links only to files and headings that exist`, () => {
    expect(brokenLinks(file, read(file))).toEqual([]);
  });
});

describe.each([...IN_DOCS, "CONTRIBUTING.md"])("%s", (file) => {
  it(`${file} names only paths that exist`, () => {
    expect(missingPaths(read(file))).toEqual([]);
  });

  it(`${file} has no line of more than ${LINE_MAX_CHARS} characters, outside of tables`, () => {
    const prose = withoutFences(read(file)).split("\n").filter((line) => !line.startsWith("|"));
    expect(prose.filter((line) => line.length > LINE_MAX_CHARS)).toEqual([]);
  });
});

describe("the records of decisions", () => {
  it("decisions are numbered from 0001 on, without a gap", () => {
    const numbers = RECORDS.map((file) => /^(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1]);
    expect(numbers).toEqual(RECORDS.map((_file, index) => String(index + 1).padStart(4, "0")));
  });

  it("every decision is in the list of docs/decisions/README.md, by number, file and title", () => {
    const listed = tableRows(read(`${DECISIONS}/README.md`), "number").map((row) =>
      row.slice(0, 2)
    );
    const written = RECORDS.map((file) => {
      const number = file.slice(0, 4);
      return [`[${number}](${file})`, titleOf(read(join(DECISIONS, file))).replace(/^\d{4}: /, "")];
    });
    expect(listed).toEqual(written);
  });

  it.each(RECORDS)("%s has its number, a status, a date, its code and every section", (file) => {
    const text = read(join(DECISIONS, file));
    expect(titleOf(text).startsWith(`${file.slice(0, 4)}: `)).toBe(true);
    expect(text).toMatch(/^- Status: (in force|replaced by \[\d{4}\])/m);
    expect(text).toMatch(/^- Date: \d{4}-\d{2}-\d{2}/m);
    expect(text).toMatch(/^- Code: `/m);
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual(SECTIONS);
  });
});

describe("the reader of the documents", () => {
  it("the reader of links finds a link to a file, to a heading and to a path that is not there", () => {
    expect(brokenLinks("docs/design.md", "[a](../README.md) [b](#purpose)")).toEqual([]);
    expect(brokenLinks("docs/design.md", "[a](none.md) [b](../README.md#none) [c](#none)"))
      .toEqual(["none.md", "../README.md#none", "#none"]);
    expect(missingPaths("`src/limits.ts` `src/none.ts` `test/none/`"))
      .toEqual(["src/none.ts", "test/none/"]);
  });
});
