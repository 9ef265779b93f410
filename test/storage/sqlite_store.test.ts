import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { createNodeDriver, openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import type { SqlDriver } from "../../src/storage/sql/sql_schema.ts";
import { createSqlStore } from "../../src/storage/sql/sql_store.ts";
import type { Store, Write } from "../../src/storage/store.ts";
import { storeContract } from "../contract/store.contract.ts";

const encoder = new TextEncoder();
const folder = mkdtempSync(join(tmpdir(), "sqlite-store-"));
const files = new Map<Store, string>();
afterAll(() => rmSync(folder, { recursive: true }));

let lastFile = 0;
function newFile(): string {
  lastFile += 1;
  return join(folder, `${lastFile}`, "vault.db");
}

function openFile(file: string): Store {
  const store = openNodeSqlite(file);
  files.set(store, file);
  return store;
}

storeContract("SQLite in memory", async () => openNodeSqlite(":memory:"));
storeContract("SQLite in a file", async () => openFile(newFile()), async (store) => {
  await store.close();
  return openFile(files.get(store) ?? "");
});

function put(path: string, text: string, sealKeyId: string | null = null): Write {
  return { path, bytes: encoder.encode(text), sealKeyId };
}

/** A store that records its statements; those for which `fails` is true fail. */
function openRecorded(fails: (sql: string) => boolean = () => false) {
  const database = new DatabaseSync(":memory:");
  const inner = createNodeDriver(database);
  const statements: string[] = [];
  let transactions = 0;
  const driver: SqlDriver = {
    all: (sql, ...parameters) => {
      statements.push(sql);
      return inner.all(sql, ...parameters);
    },
    run: (sql, ...parameters) => {
      statements.push(sql);
      if (fails(sql)) throw new Error("disk I/O error");
      inner.run(sql, ...parameters);
    },
    transaction: (body) => {
      transactions += 1;
      return inner.transaction(body);
    },
  };
  const scrub = () => "done" as const;
  const maintenance = {
    scrub,
    scrubKeyRecords: () => {},
    sizeBytes: () => null,
    close: () => database.close(),
  };
  const store = createSqlStore(driver, { storageType: "test", maintenance });
  return { store, inner, statements, transactions: () => transactions };
}

/** Runs a module in its own process with `file` as its argument. */
function runChild(source: string, file: string) {
  const module = new URL("../../src/runtimes/local/node_sqlite.ts", import.meta.url).href;
  const script = `const { openNodeSqlite } = await import(${JSON.stringify(module)});\n${source}`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", script, file], {
    encoding: "utf8",
  });
}

describe("SQL store", () => {
  it("the SQL store reads through indexes only, without scans or sorting", async () => {
    const { store, inner, statements } = openRecorded();
    await store.commit({ writes: [put("a", "1", "k"), put("b", "1")] });
    const plans: string[] = [];
    const reads = [
      () => store.get("a"),
      () => store.get("core/keyring"),
      () => store.list("a", "", 5),
      () => store.list("a", "ab", 5),
      () => store.list("c", "ab", 5),
      () => store.wrappedBy("k", null, 5, 1000),
      () => store.scan("a", 5, 1000),
    ];
    statements.length = 0;
    for (const read of reads) await read();
    for (const sql of statements) {
      const plan = inner.all(`EXPLAIN QUERY PLAN ${sql}`).map((row) => String(row["detail"]));
      expect(plan.filter((line) => /SCAN|TEMP B-TREE/.test(line))).toEqual([]);
      plans.push(plan.filter((line) => / (key_)?records /.test(line)).join("; "));
    }
    const pathRange = "USING COVERING INDEX \\S+ \\(path>\\? AND path<\\?\\)";
    const wrapped = (table: string) =>
      `SEARCH ${table} USING INDEX ${table}_by_seal_key \\(seal_key=\\? AND rowid>\\?[^;]*`;
    const both = (of: (table: string) => string) =>
      expect.stringMatching(new RegExp(`^${of("records")}; ${of("key_records")}$`));
    expect(plans).toEqual([
      expect.stringMatching(/^SEARCH records USING INDEX \S+ \(path=\?\)/),
      expect.stringMatching(/^SEARCH key_records USING INDEX \S+ \(path=\?\)/),
      expect.stringMatching(new RegExp(`^SEARCH records ${pathRange}$`)),
      expect.stringMatching(new RegExp(`^SEARCH records ${pathRange}$`)),
      both((table) => `SEARCH ${table} ${pathRange}`),
      both(wrapped),
      both(wrapped),
      both((table) => `SEARCH ${table} USING INDEX \\S+ \\(path>\\?\\)`),
      both((table) => `SEARCH ${table} USING INDEX \\S+ \\(path>\\? AND path<\\?\\)`),
    ]);
  });

  it("the SQL store counts wrapped records without reading a record", async () => {
    const { store, inner, statements } = openRecorded();
    statements.length = 0;
    await store.sealKeyCounts();
    const plan = inner.all(`EXPLAIN QUERY PLAN ${statements[0]}`).map((row) => row["detail"]);
    expect(plan).toEqual(["SCAN seal_keys"]);
  });

  it("the SQL store applies the commits of one turn in one transaction", async () => {
    const { store, transactions } = openRecorded();
    const before = transactions();
    const paths = Array.from({ length: 100 }, (_, index) => `p/${index}`);
    await Promise.all(paths.map((path) => store.commit({ writes: [put(path, "1")] })));
    expect(transactions() - before).toBe(1);
    expect(await store.list("", "", 200)).toHaveLength(100);
  });

  it("a failing SQLite undoes the whole group of commits and rejects every one", async () => {
    let failing = true;
    const { store } = openRecorded((sql) => failing && sql.startsWith("DELETE"));
    const commits = () => [
      store.commit({ writes: [put("a", "1", "k"), put("b", "1")] }),
      store.commit({ writes: [{ path: "a", bytes: null, sealKeyId: null }] }),
      store.commit({ writes: [put("c", "1")] }),
    ];
    for (const result of await Promise.allSettled(commits())) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { code: "store_failed", cause: { message: "disk I/O error" } },
      });
    }
    expect(await store.list("", "", 10)).toEqual([]);
    expect(await store.sealKeyCounts()).toEqual(new Map());
    failing = false;
    await Promise.all(commits());
    expect(await store.list("", "", 10)).toEqual(["b", "c"]);
  });

  it("waiting commits are applied before a scrub or close, and a closed store is unusable", async () => {
    const { store } = openRecorded();
    const first = store.commit({ writes: [put("a", "1")] });
    await store.scrub();
    expect(await store.get("a")).not.toBeNull();
    const second = store.commit({ writes: [put("b", "1")] });
    await store.close();
    expect(await first).toMatchObject({ kind: "committed" });
    expect(await second).toMatchObject({ kind: "committed" });
    await store.close();
    const late = [store.get("a"), store.list("", "", 1), store.commit({ writes: [] })];
    for (const result of await Promise.allSettled(late)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "store_failed" } });
    }
  });
});

describe("openNodeSqlite()", () => {
  it("openNodeSqlite() refuses a file that another process has open", async () => {
    const file = newFile();
    const store = openNodeSqlite(file);
    const open = "try { openNodeSqlite(process.argv[1]); console.log('opened'); } " +
      "catch (error) { console.log(error.code + ': ' + error.message); }";
    expect(runChild(open, file).stdout.trim())
      .toBe(`store_failed: the database ${file} is in use by another process`);
    await store.close();
    expect(runChild(open, file).stdout.trim()).toBe("opened");
  });

  it("a commit acknowledged right before SIGKILL is kept", async () => {
    const file = newFile();
    const killed = runChild(
      "const store = openNodeSqlite(process.argv[1]);\n" +
        "await store.commit({ writes: [{ path: 'a', bytes: Uint8Array.of(7), sealKeyId: 'k' }] });\n" +
        "process.kill(process.pid, 'SIGKILL');",
      file,
    );
    expect(killed.signal).toBe("SIGKILL");
    const store = openNodeSqlite(file);
    expect((await store.get("a"))?.bytes).toEqual(Uint8Array.of(7));
    await store.close();
  });

  it("openNodeSqlite() creates file and directories for their owner only", async () => {
    const file = join(folder, "new", "deeper", "vault.db");
    const store = openNodeSqlite(file);
    await store.commit({ writes: [put("a", "1")] });
    const mode = (path: string) => statSync(path).mode & 0o777;
    expect(mode(file)).toBe(0o600);
    expect(mode(`${file}-wal`)).toBe(0o600);
    expect(mode(join(folder, "new"))).toBe(0o700);
    expect(mode(join(folder, "new", "deeper"))).toBe(0o700);
    expect(await store.sizeBytes()).toBeGreaterThan(0);
    await store.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it.each([2, 4])(
    "openNodeSqlite() refuses a store of schema version %d and leaves it unchanged",
    async (version) => {
      const file = newFile();
      await openNodeSqlite(file).close();
      const database = new DatabaseSync(file);
      database.exec(`DROP TABLE seal_keys; UPDATE meta SET schema_version = ${version}`);
      expect(() => openNodeSqlite(file)).toThrow(/in use by another process/);
      database.close();
      expect(() => openNodeSqlite(file))
        .toThrow(`cannot open the store: its schema has version ${version}, this program reads`);
      const after = new DatabaseSync(file);
      const tables = after.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
      after.close();
      expect(tables.map((row) => row["name"])).toEqual(["meta", "records", "key_records"]);
    },
  );

  it("openNodeSqlite() refuses a file that is not a database, naming it", async () => {
    const file = join(folder, "notes.txt");
    writeFileSync(file, "no database ".repeat(500));
    expect(() => openNodeSqlite(file)).toThrow(`cannot open the database ${file}: `);
    expect(readFileSync(file, "utf8")).toBe("no database ".repeat(500));
  });

  it.each(
    [
      ["p/", "scrub"],
      ["core/ceremony/", "scrub"],
      ["core/ceremony/", "scrubKeyRecords"],
    ] as const,
  )(
    "no byte of an overwritten or removed record below %s is left after %s",
    async (folder, scrub) => {
      const file = newFile();
      const store = openNodeSqlite(file);
      await writeAndOverwrite(store, file, folder);
      expect(await store[scrub]()).toBe(scrub === "scrub" ? "done" : undefined);
      expect(holdsMarker(file)).toBe(false);
      expect(isScrubOwedIn(await closed(store, file))).toBe(false);
    },
  );

  it("the scrub of a large file is deferred to the next start, and the store keeps serving", async () => {
    const file = newFile();
    const small = { scrubRebuildMaxBytes: 4096 };
    const store = openNodeSqlite(file, small);
    await writeAndOverwrite(store, file);
    expect(await store.scrub()).toBe("deferred");
    expect(statSync(`${file}-wal`).size).toBe(0);
    expect(holdsMarker(file)).toBe(true);
    expect(isScrubOwedIn(await closed(store, file))).toBe(true);

    const next = openNodeSqlite(file, small);
    expect(holdsMarker(file)).toBe(false);
    expect(await next.sealKeyCounts()).toEqual(new Map([["new", 480]]));
    expect(isScrubOwedIn(await closed(next, file))).toBe(false);
  });

  it("a scrub is still owed after the process is killed during it", async () => {
    const file = newFile();
    const killed = runChild(
      "const store = openNodeSqlite(process.argv[1], { scrubRebuildMaxBytes: 0 });\n" +
        "await store.scrub();\n" +
        "process.kill(process.pid, 'SIGKILL');",
      file,
    );
    expect(killed.signal).toBe("SIGKILL");
    expect(isScrubOwedIn(file)).toBe(true);
    await openNodeSqlite(file).close();
    expect(isScrubOwedIn(file)).toBe(false);
  });
});

const MARKER = "wrapped by the old key;";

function holdsMarker(file: string): boolean {
  return [file, `${file}-wal`].some((name) => readFileSync(name).includes(MARKER));
}

/** Leaves 480 records without the marker in a file that still contains it somewhere. */
async function writeAndOverwrite(store: Store, file: string, folder = "p/"): Promise<void> {
  // Growing records of mixed sizes make SQLite spread rows over neighbouring pages. That leaves copies
  // in places that are no longer part of any row.
  const paths = Array.from({ length: 600 }, (_, index) => `${folder}${(index * 397) % 600}`);
  for (const repeat of [2, 40, 90]) {
    const writes = paths.map((path, index) =>
      put(path, MARKER.repeat(1 + ((index * 31) % repeat)), "old")
    );
    for (let start = 0; start < writes.length; start += 5) {
      await store.commit({ writes: writes.slice(start, start + 5) });
    }
  }
  const removed = new Set(paths.filter((_, index) => index % 5 === 0));
  await store.commit({
    writes: paths.map((path) =>
      removed.has(path) ? { path, bytes: null, sealKeyId: null } : put(path, "new", "new")
    ),
  });
  expect(await store.sealKeyCounts()).toEqual(new Map([["new", 480]]));
  expect(holdsMarker(file)).toBe(true);
}

async function closed(store: Store, file: string): Promise<string> {
  await store.close();
  return file;
}

function isScrubOwedIn(file: string): boolean {
  const database = new DatabaseSync(file);
  const row = database.prepare("SELECT scrub_owed FROM meta").get();
  database.close();
  return row?.["scrub_owed"] === 1;
}
