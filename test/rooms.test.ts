/**
 * Reads the sources and fails when a room names what it may not know: a room to its right, a
 * platform, a clock, HTTP. Comments are not looked at.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../src/", import.meta.url));

/** From left to right. A room imports itself and whatever stands left of its group. */
const ORDER: readonly (readonly string[])[] = [
  ["errors", "limits", "log", "metrics"],
  ["crypto"],
  ["storage"],
  ["wire", "barrier", "seal"],
  ["ceremony", "rewrap", "access", "engines", "audit"],
  ["methods"],
  ["vault"],
  ["http"],
  ["runtimes"],
];

interface Exception {
  readonly room: string;
  readonly file: string;
  readonly reason: string;
}

/** Arrows against the order, printed with every run. */
const EXCEPTIONS: readonly Exception[] = [
  ["access", "vault/mounts/auth_mounts.ts"],
  ["barrier", "methods/names.ts"],
  ["barrier", "engines/engine.ts"],
  ["engines", "vault/mounts/mount_engines.ts"],
  ["engines", "vault/mounts/mount_record.ts"],
  ["engines", "vault/mutex.ts"],
  ["methods", "http/mounted/login_reply.ts"],
  ["methods", "http/request/call.ts"],
  ["methods", "http/request/logical.ts"],
  ["methods", "http/request/replies.ts"],
  ["methods", "http/routing/judged_path.ts"],
  ["methods", "http/routing/name_spellings.ts"],
  ["methods", "vault/login/renewal.ts"],
  ["methods", "vault/mounts/auth_mounts.ts"],
  ["wire", "engines/engine.ts"],
  ["wire", "engines/json_record.ts"],
].map(([room = "", file = ""]) => ({ room, file, reason: "moved; the arrow goes with a split" }));

interface Source {
  /** Relative to src, with slashes. */
  readonly file: string;
  readonly room: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

interface Import {
  readonly specifier: string;
  readonly kind: "static" | "type" | "dynamic";
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;{}(,])\/\/.*$/gm, "$1");
}

function importsOf(code: string): Import[] {
  const clauses = code.matchAll(/^(?:import|export)\s+(type\s)?[^;"'()]*?from\s+"([^"]+)"/gm);
  const found: Import[] = [...clauses].map(([, type, specifier = ""]) => ({
    specifier,
    kind: type === undefined ? "static" : "type",
  }));
  for (const [, specifier = ""] of code.matchAll(/^import\s+"([^"]+)"/gm)) {
    found.push({ specifier, kind: "static" });
  }
  for (const [, specifier = ""] of code.matchAll(/\bimport\(\s*"([^"]+)"/g)) {
    found.push({ specifier, kind: "dynamic" });
  }
  return found;
}

function roomOf(file: string): string {
  return (file.split("/")[0] ?? "").replace(/\.ts$/, "");
}

function parseSource(file: string, text: string): Source {
  const code = withoutComments(text);
  return { file, room: roomOf(file), code, imports: importsOf(code) };
}

/** The file a relative import of `source` means, relative to src; null for a package. */
function target(source: Source, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return new URL(specifier, `file:///${source.file}`).pathname.slice(1);
}

function groupOf(room: string): number {
  return ORDER.findIndex((group) => group.includes(room));
}

function isAllowed(from: string, to: string): boolean {
  return from === to || groupOf(to) < groupOf(from);
}

function isExcepted(room: string, file: string): boolean {
  return EXCEPTIONS.some((exception) => exception.room === room && exception.file === file);
}

function wrongArrows(source: Source): string[] {
  return source.imports.flatMap(({ specifier }) => {
    const file = target(source, specifier);
    if (file === null || isAllowed(source.room, roomOf(file)) || isExcepted(source.room, file)) {
      return [];
    }
    return [`${source.file} imports ${file}`];
  });
}

/** Every place outside `rooms` whose code matches; `except` are files with a reason of their own. */
function mentions(
  pattern: RegExp,
  rooms: readonly string[],
  except: readonly string[] = [],
): string[] {
  return SOURCES.flatMap(({ file, room, code }) => {
    if (rooms.includes(room) || except.includes(file)) return [];
    return [...code.matchAll(pattern)].map(([text]) => `${file}: ${text.trim()}`);
  });
}

const SOURCES: readonly Source[] = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replaceAll("\\", "/"))
  .map((file) => parseSource(file, readFileSync(join(root, file), "utf8")));

describe("the rooms", () => {
  it("are all in the order, and each of them has files", () => {
    const rooms = new Set(SOURCES.map(({ room }) => room));
    expect([...rooms].sort()).toEqual(ORDER.flat().sort());
  });

  it("import only themselves and what stands left of them", () => {
    for (const { room, file, reason } of EXCEPTIONS) {
      process.stdout.write(`exception: ${room} imports ${file}: ${reason}\n`);
    }
    expect(SOURCES.flatMap(wrongArrows)).toEqual([]);
  });

  it("need every exception that is made for them", () => {
    const unused = EXCEPTIONS.filter(({ room, file }) =>
      !SOURCES.some((source) =>
        source.room === room &&
        source.imports.some(({ specifier }) => target(source, specifier) === file)
      )
    );
    expect(unused).toEqual([]);
  });

  it("import files that exist, by their whole name", () => {
    const files = new Set(SOURCES.map(({ file }) => file));
    const missing = SOURCES.flatMap((source) =>
      source.imports.flatMap(({ specifier }) => {
        const file = target(source, specifier);
        return file === null || files.has(file) ? [] : [`${source.file} imports ${file}`];
      })
    );
    expect(missing).toEqual([]);
  });
});

describe("only src/runtimes", () => {
  it("imports from a platform", () => {
    const platform = /"(?:node|cloudflare|bun|deno):[^"]*"|"@cloudflare\/[^"]*"/g;
    expect(mentions(platform, ["runtimes"])).toEqual([]);
  });

  it("names a platform's globals", () => {
    const names = /\b(?:Deno|Bun|Buffer|__dirname|__filename|setImmediate)\b|\bprocess\s*[.[?]/g;
    expect(mentions(names, ["runtimes"])).toEqual([]);
  });

  it("has a clock and timers", () => {
    const clocks = /\bDate\.now\b|\bnew Date\(\)|\bset(?:Timeout|Interval)\b|\bperformance\.now\b/g;
    const library = "crypto/openpgp_adapter.ts";
    const reason = "openpgp judges expiry by it as well";
    process.stdout.write(`exception: ${library} reads the clock: ${reason}\n`);
    expect(mentions(clocks, ["runtimes"], [library])).toEqual([]);
  });
});

describe("only src/http and src/runtimes", () => {
  it("know requests and responses", () => {
    const http = /\b(?:Request|Response|Headers|fetch)\b(?=\s*[(.<])|:\s*(?:Request|Response)\b/g;
    expect(mentions(http, ["http", "runtimes"])).toEqual([]);
    const packages = SOURCES.flatMap(({ file, room, imports }) =>
      room === "http" || room === "runtimes"
        ? []
        : imports.filter(({ specifier }) => /^(hono|@hono)\b/.test(specifier)).map(() => file)
    );
    expect(packages).toEqual([]);
  });

  it("know status codes", () => {
    // A bound may have the same number: it is the value of a constant in upper case.
    const codes = /(?<!const [A-Z_0-9]+(?:: number)? = )\b(?:204|30[1278]|4[0-7]\d|50[0-4])\b/g;
    const pending = ["methods/approle/secret_id_paths.ts"];
    expect(mentions(codes, ["http", "runtimes"], pending)).toEqual([]);
    expect(mentions(/\bstatus(?:Code|_code)\b/gi, ["http", "runtimes"])).toEqual([]);
  });
});

describe("openpgp", () => {
  const adapter = "crypto/openpgp_adapter.ts";

  it("is imported by its adapter alone", () => {
    const importing = SOURCES.filter(({ imports }) =>
      imports.some(({ specifier }) => /^openpgp\b/.test(specifier))
    );
    expect(importing.map(({ file }) => file)).toEqual([adapter]);
  });

  it("is loaded when the first key arrives: nothing imports the adapter statically", () => {
    const imports = SOURCES.flatMap((source) =>
      source.imports
        .filter(({ specifier }) => target(source, specifier) === adapter)
        .map(({ kind }) => `${source.file}: ${kind}`)
    );
    expect(imports).toEqual(["crypto/pgp.ts: dynamic"]);
  });
});

describe("the reader of these sources", () => {
  it("finds every form of import, and an arrow that points the wrong way", () => {
    const text = [
      `import { a,`,
      `  b } from "../vault/vault.ts";`,
      `import type { C } from "../http/call.ts";`,
      `export { d } from "../crypto/aead.ts";`,
      `import "../rewrap/plan.ts";`,
      `// import { e } from "../runtimes/bun.ts";`,
      `/** import { f } from "../runtimes/deno.ts"; */`,
      `const g = await import("../runtimes/local.ts");`,
      `import { h } from "./step.ts";`,
      `import { i } from "openpgp";`,
    ].join("\n");
    const source = parseSource("ceremony/x.ts", text);
    expect(source.imports.map(({ kind }) => kind))
      .toEqual(["static", "type", "static", "static", "static", "static", "dynamic"]);
    expect(wrongArrows(source)).toEqual([
      "ceremony/x.ts imports vault/vault.ts",
      "ceremony/x.ts imports http/call.ts",
      "ceremony/x.ts imports rewrap/plan.ts",
      "ceremony/x.ts imports runtimes/local.ts",
    ]);
  });

  it("finds an import for every line that begins with one", () => {
    for (const { file, code, imports } of SOURCES) {
      const lines = code.match(/^import\b(?!\()/gm)?.length ?? 0;
      const found = imports.filter(({ kind }) => kind !== "dynamic").length;
      expect(found, file).toBeGreaterThanOrEqual(lines);
    }
  });

  it("takes comments away and leaves code", () => {
    expect(withoutComments("a(); // Date.now\n/** Deno */ b('x//y'); const u = `http://h`;"))
      .toBe("a(); \n b('x//y'); const u = `http://h`;");
  });
});
