/**
 * Reads the sources and fails when a room names what it may not know: a room to its right, a
 * platform, a clock, HTTP. Comments are not looked at.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const repository = fileURLToPath(new URL("..", import.meta.url));
const root = join(repository, "src");

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

/** The same within a room: folders and files, from left to right. */
const INNER_ORDER: Readonly<Record<string, readonly (readonly string[])[]>> = {
  access: [
    ["networks", "mount_settings"],
    ["cidr", "auth_mount"],
    ["identity"],
    ["policies"],
    ["tokens"],
  ],
  engines: [
    ["engine", "json_record"],
    ["listing", "overwrite", "engine_module"],
    ["cubbyhole"],
    ["kv", "transit"],
    ["engines"],
  ],
  methods: [
    ["names", "expiry", "method", "token_rule_fields"],
    ["approle", "userpass"],
    ["methods"],
  ],
  http: [
    ["request"],
    ["token", "mounted", "sys"],
    ["describe"],
    ["endpoints"],
    ["on_demand"],
    ["app"],
  ],
};

/** Folders of `http/sys/` know what lies beside them, and not each other. */
const SYS = "http/sys/";

const FOLDER_MAX_FILES = 25;
const FILE_MAX_LINES = 350;

interface Source {
  /** Relative to src, with slashes. */
  readonly file: string;
  readonly room: string;
  /** Without comments. */
  readonly code: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

interface Import {
  readonly specifier: string;
  readonly kind: "static" | "type" | "dynamic";
}

/** A text such as `"login/*"` begins no comment. */
function withoutComments(text: string): string {
  return text
    .replace(/("(?:[^"\\\n]|\\.)*")|\/\*[\s\S]*?\*\//g, "$1")
    .replace(/(^|[\s;{}(,])\/\/.*$/gm, "$1");
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
  const lines = text.split("\n").length - 1;
  return { file, room: roomOf(file), code, lines, imports: importsOf(code) };
}

/** The file a relative import of `source` means, relative to src; null for a package. */
function target(source: Source, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return new URL(specifier, `file:///${source.file}`).pathname.slice(1);
}

/** Whether `from` may import `to`: itself, or what stands left of its group. */
function isAllowed(order: readonly (readonly string[])[], from: string, to: string): boolean {
  const groupOf = (name: string) => order.findIndex((group) => group.includes(name));
  return from === to || groupOf(to) < groupOf(from);
}

/** The folder or file below the room: `policies` of `access/policies/acl.ts`. */
function partOf(file: string): string {
  return (file.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function wrongArrows(source: Source): string[] {
  return source.imports.flatMap(({ specifier }) => {
    const file = target(source, specifier);
    if (file === null || mayImport(source.file, file)) return [];
    return [`${source.file} imports ${file}`];
  });
}

function mayImport(from: string, to: string): boolean {
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room !== other) return isAllowed(ORDER, room, other);
  const inner = INNER_ORDER[room];
  if (inner !== undefined && partOf(from) !== partOf(to)) {
    return isAllowed(inner, partOf(from), partOf(to));
  }
  const [folder, neighbour] = [sysFolder(from), sysFolder(to)];
  return folder === null || neighbour === null || neighbour === "" || folder === neighbour;
}

/** "" for a file that lies in `http/sys/` itself; null for one outside. */
function sysFolder(file: string): string | null {
  if (!file.startsWith(SYS)) return null;
  const rest = file.slice(SYS.length);
  return rest.includes("/") ? rest.slice(0, rest.indexOf("/")) : "";
}

/** Files that import each other in a circle, types included. Empty: there is none. */
function circles(sources: readonly Source[]): readonly string[] {
  const imports = new Map(sources.map((source) => {
    const files = source.imports.map(({ specifier }) => target(source, specifier));
    return [source.file, files.filter((file) => file !== null)];
  }));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) found.push([...way.slice(way.indexOf(file)), file].join(" -> "));
    if (done.has(file) || way.includes(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}

/** Folders with more files of their own than a reader takes in. */
function crowded(folder: string): string[] {
  const entries = readdirSync(join(repository, folder), { withFileTypes: true });
  const count = entries.filter((entry) => entry.isFile()).length;
  const below = entries.filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => crowded(join(folder, name)));
  return count > FOLDER_MAX_FILES ? [`${folder}: ${count} files`, ...below] : below;
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
  it("every room is in the order, and has files", () => {
    const rooms = new Set(SOURCES.map(({ room }) => room));
    expect([...rooms].sort()).toEqual(ORDER.flat().sort());
  });

  it("a file imports only its own room and what stands left of it", () => {
    expect(SOURCES.flatMap(wrongArrows)).toEqual([]);
  });

  it("the inner order of a room names every folder and file in it", () => {
    for (const [room, order] of Object.entries(INNER_ORDER)) {
      const parts = new Set(
        SOURCES.filter((each) => each.room === room).map(({ file }) => partOf(file)),
      );
      expect([...parts].sort(), room).toEqual(order.flat().sort());
    }
  });

  it("no files import each other in a circle, types included", () => {
    expect(circles(SOURCES)).toEqual([]);
  });

  it(`no folder has more than ${FOLDER_MAX_FILES} files, and no source more than ${FILE_MAX_LINES} lines`, () => {
    expect(["src", "test", "docs", "scripts"].flatMap(crowded)).toEqual([]);
    const long = SOURCES.filter(({ lines }) => lines > FILE_MAX_LINES);
    expect(long.map(({ file, lines }) => `${file}: ${lines} lines`)).toEqual([]);
  });

  it("an import names a file that exists, by its whole name", () => {
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

describe("the sources", () => {
  it("no source lies unused: another imports it, or a script names it", () => {
    const imported = new Set(
      SOURCES.flatMap((source) => source.imports.map(({ specifier }) => target(source, specifier))),
    );
    const scripts = readdirSync(join(repository, "scripts")).filter((file) => file.endsWith(".mjs"))
      .map((file) => join("scripts", file));
    const texts = ["package.json", ...scripts].map((file) =>
      readFileSync(join(repository, file), "utf8")
    );
    const isEntry = (file: string) => texts.some((text) => text.includes(`src/${file}`));
    const unused = SOURCES.map(({ file }) => file)
      .filter((file) => !file.endsWith(".d.ts") && !imported.has(file) && !isEntry(file));
    const store = "storage/memory_store.ts";
    process.stdout.write(`exception: ${store} is for tests\n`);
    expect(unused.filter((file) => file !== store)).toEqual([]);
  });
});

describe("only src/runtimes", () => {
  it("only src/runtimes imports from a platform", () => {
    const platform = /"(?:node|cloudflare|bun|deno):[^"]*"|"@cloudflare\/[^"]*"/g;
    expect(mentions(platform, ["runtimes"])).toEqual([]);
  });

  it("only src/runtimes names a platform's globals", () => {
    const names = /\b(?:Deno|Bun|Buffer|__dirname|__filename|setImmediate)\b|\bprocess\s*[.[?]/g;
    expect(mentions(names, ["runtimes"])).toEqual([]);
  });

  it("only src/runtimes has a clock and timers", () => {
    const clocks = /\bDate\.now\b|\bnew Date\(\)|\bset(?:Timeout|Interval)\b|\bperformance\.now\b/g;
    const library = "crypto/openpgp_adapter.ts";
    const reason = "openpgp judges expiry by it as well";
    process.stdout.write(`exception: ${library} reads the clock: ${reason}\n`);
    expect(mentions(clocks, ["runtimes"], [library])).toEqual([]);
  });
});

describe("only src/http and src/runtimes", () => {
  it("only src/http and src/runtimes know requests and responses", () => {
    const http = /\b(?:Request|Response|Headers|fetch)\b(?=\s*[(.<])|:\s*(?:Request|Response)\b/g;
    expect(mentions(http, ["http", "runtimes"])).toEqual([]);
    const packages = SOURCES.flatMap(({ file, room, imports }) =>
      room === "http" || room === "runtimes"
        ? []
        : imports.filter(({ specifier }) => /^(hono|@hono)\b/.test(specifier)).map(() => file)
    );
    expect(packages).toEqual([]);
  });

  it("only src/http and src/runtimes know status codes", () => {
    // A bound may have the same number: it is the value of a constant in upper case.
    const codes = /(?<!const [A-Z_0-9]+(?:: number)? = )\b(?:204|30[1278]|4[0-7]\d|50[0-4])\b/g;
    expect(mentions(codes, ["http", "runtimes"])).toEqual([]);
    expect(mentions(/\bstatus(?:Code|_code)\b/gi, ["http", "runtimes"])).toEqual([]);
  });
});

describe("openpgp", () => {
  const adapter = "crypto/openpgp_adapter.ts";

  it("openpgp is imported by its adapter alone", () => {
    const importing = SOURCES.filter(({ imports }) =>
      imports.some(({ specifier }) => /^openpgp\b/.test(specifier))
    );
    expect(importing.map(({ file }) => file)).toEqual([adapter]);
  });

  it("nothing imports the adapter of openpgp statically", () => {
    const imports = SOURCES.flatMap((source) =>
      source.imports
        .filter(({ specifier }) => target(source, specifier) === adapter)
        .map(({ kind }) => `${source.file}: ${kind}`)
    );
    expect(imports).toEqual(["crypto/pgp.ts: dynamic"]);
  });
});

describe("the reader of these sources", () => {
  it("the reader of sources finds every form of import, and an arrow that points the wrong way", () => {
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

  it("the reader of sources finds an import for every line that begins with one", () => {
    for (const { file, code, imports } of SOURCES) {
      const lines = code.match(/^import\b(?!\()/gm)?.length ?? 0;
      const found = imports.filter(({ kind }) => kind !== "dynamic").length;
      expect(found, file).toBeGreaterThanOrEqual(lines);
    }
  });

  it("the reader of sources removes comments and leaves code", () => {
    expect(withoutComments("a(); // Date.now\n/** Deno */ b('x//y'); const u = `http://h`;"))
      .toBe("a(); \n b('x//y'); const u = `http://h`;");
    expect(withoutComments(`p("login/*"); import("./x.ts"); /** Deno */`))
      .toBe(`p("login/*"); import("./x.ts"); `);
  });
});
