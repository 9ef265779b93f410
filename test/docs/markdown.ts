/**
 * Test helper: takes a Markdown document apart. Gives its sections, fenced blocks, examples, tables,
 * code spans, links and anchors.
 */

export interface Fence {
  readonly language: string;
  readonly code: string;
  /** Offsets of the whole block in the document. */
  readonly start: number;
  readonly end: number;
}

/** A block of commands, and the output that the document shows for it. */
export interface Example {
  readonly commands: string;
  readonly prints: string;
}

const FENCE = /^( *)```([a-z]*)\n([\s\S]*?)^\1```$/gm;

/** Everything from a heading of the second level to the next one. */
export function section(text: string, title: string): string {
  const found = text.split(/^(?=## )/m).find((part) => part.startsWith(`## ${title}\n`));
  if (found === undefined) throw new Error(`there is no section "${title}"`);
  return found;
}

export function fences(text: string): readonly Fence[] {
  return [...text.matchAll(FENCE)].map((match) => {
    const [whole, indent = "", language = "", code = ""] = match;
    const lines = code.split("\n").map((line) => line.slice(Math.min(indent.length, line.length)));
    return {
      language,
      code: lines.join("\n"),
      start: match.index,
      end: match.index + whole.length,
    };
  });
}

/** Each `sh` block, with the `text` block that directly follows it. */
export function examples(text: string): readonly Example[] {
  const blocks = fences(text);
  return blocks.flatMap((block, index) => {
    if (block.language !== "sh") return [];
    const next = blocks[index + 1];
    const follows = next?.language === "text" && text.slice(block.end, next.start).trim() === "";
    return [{ commands: block.code, prints: follows ? next.code : "" }];
  });
}

/** Cells of all table rows below the header whose first cell is `header`. */
export function tableRows(text: string, header: string): readonly (readonly string[])[] {
  const lines = text.split("\n");
  const head = lines.findIndex((line) => cells(line)?.[0] === header);
  if (head === -1) throw new Error(`there is no table "${header}"`);
  const rows: string[][] = [];
  for (const line of lines.slice(head + 2)) {
    const row = cells(line);
    if (row === null) break;
    rows.push(row);
  }
  return rows;
}

function cells(line: string): string[] | null {
  if (!line.startsWith("|") || !line.endsWith("|")) return null;
  return line.slice(1, -1).split("|").map((cell) => cell.trim());
}

export function withoutFences(text: string): string {
  return text.replace(FENCE, "");
}

/** Contents of `code spans`, outside of fenced blocks. */
export function codeSpans(text: string): readonly string[] {
  return [...withoutFences(text).matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "");
}

/** Targets of links to files of this project. */
export function localLinks(text: string): readonly string[] {
  const targets = [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) =>
    match[1] ?? ""
  );
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that headings get. */
export function anchors(text: string): readonly string[] {
  const titles = withoutFences(text).matchAll(/^#+ (.*)$/gm);
  return [...titles].map(([, title = ""]) =>
    title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}
