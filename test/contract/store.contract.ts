/**
 * The contract of every store, as one suite. A store's own test calls `storeContract` with a way to
 * open it. Imports nothing of a platform.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PATH_MAX_BYTES, RECORD_MAX_BYTES } from "../../src/limits.ts";
import { ABSENT, asRevision } from "../../src/storage/store.ts";
import type { CommitOutcome, Revision, Store, Write } from "../../src/storage/store.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Characters around the places where UTF-16 and UTF-8 order differ, or a prefix has no upper end, and
 * the byte order mark, which a decoder may drop.
 */
const CHARACTERS = [
  ..."ab/",
  "\u007f",
  "é",
  "\ud7ff",
  "\ue000",
  "\ufeff",
  "\uffff",
  "\u{10000}",
  "\u{1f511}",
  "\u{10ffff}",
];
const NO_BYTE_LIMIT = Number.MAX_SAFE_INTEGER;
/** Of no record of any store. */
const OTHER = asRevision("another");
const anyPath = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 5 });

function put(path: string, text: string, sealKeyId: string | null = null): Write {
  return { path, bytes: encoder.encode(text), sealKeyId };
}

function remove(path: string): Write {
  return { path, bytes: null, sealKeyId: null };
}

function revisionOf(outcome: CommitOutcome): Revision {
  if (outcome.kind !== "committed") throw new Error(`conflict at ${outcome.path}`);
  return outcome.revision;
}

async function textAt(store: Store, path: string): Promise<string | null> {
  const record = await store.get(path);
  return record === null ? null : decoder.decode(record.bytes);
}

/** All wrapped paths of a key, gathered in pages of `limit`. */
async function wrappedPaths(store: Store, sealKeyId: string, limit: number): Promise<string[]> {
  const paths: string[] = [];
  for (let cursor: string | null = null;;) {
    const page = await store.wrappedBy(sealKeyId, cursor, limit, NO_BYTE_LIMIT);
    if (page.records.length === 0) return paths;
    expect(page.cursor).not.toBe(cursor);
    expect(page.records.length).toBeLessThanOrEqual(limit);
    paths.push(...page.records.map((record) => record.path));
    cursor = page.cursor;
  }
}

function compareBytes(left: string, right: string): number {
  const a = encoder.encode(left);
  const b = encoder.encode(right);
  const differs = a.findIndex((byte, index) => byte !== b[index]);
  return differs === -1 ? a.length - b.length : (a[differs] ?? 0) - (b[differs] ?? -1);
}

/**
 * `open` gives a new, empty store each time. `reopen`, for stores that outlive their process, closes
 * the given store and opens its data again.
 */
export function storeContract(
  name: string,
  open: () => Promise<Store>,
  reopen?: (store: Store) => Promise<Store>,
): void {
  describe(`${name} keeps the store contract:`, () => {
    describe("commit", () => commitContract(open));
    describe("a refused commit", () => refusalContract(open));
    describe("a commit above the limits", () => limitsContract(open));
    describe("list", () => listContract(open));
    describe("scan", () => scanContract(open));
    describe("the index of wrapped records", () => indexContract(open));
    if (reopen !== undefined) describe("a reopened store", () => reopenContract(open, reopen));
  });
}

function commitContract(open: () => Promise<Store>): void {
  it("get returns what was written, with the revision of its commit", async () => {
    const store = await open();
    const revision = revisionOf(
      await store.commit({ writes: [put("a", "1"), put("b", "2", "k")] }),
    );
    expect(await store.get("a")).toEqual({
      path: "a",
      bytes: encoder.encode("1"),
      revision,
      sealKeyId: null,
    });
    expect(await store.get("b")).toMatchObject({ revision, sealKeyId: "k" });
    expect(await store.get("c")).toBeNull();
    await store.close();
  });

  it("a store keeps any bytes, no bytes, and a view into a larger buffer", async () => {
    const store = await open();
    const every = Uint8Array.from({ length: 256 }, (_, index) => index);
    const view = every.subarray(10, 13);
    const writes = [["every", every], ["empty", new Uint8Array(0)], ["view", view]] as const;
    await store.commit({
      writes: writes.map(([path, bytes]) => ({ path, bytes, sealKeyId: null })),
    });
    expect((await store.get("every"))?.bytes).toEqual(every);
    expect((await store.get("empty"))?.bytes).toEqual(new Uint8Array(0));
    expect((await store.get("view"))?.bytes).toEqual(Uint8Array.of(10, 11, 12));
    await store.close();
  });

  it("a store keeps a record of exactly the largest size", async () => {
    const store = await open();
    const bytes = new Uint8Array(store.limits.recordMaxBytes).fill(7);
    await store.commit({ writes: [{ path: "large", bytes, sealKeyId: null }] });
    const read = (await store.get("large"))?.bytes;
    expect(read?.length).toBe(bytes.length);
    expect(read?.every((byte) => byte === 7)).toBe(true);
    await store.close();
  });

  it("every commit gives a record a revision that it never had, and never ABSENT", async () => {
    const store = await open();
    const seen = new Set<Revision>([ABSENT]);
    const commits: Write[][] = [[put("a", "1")], [put("a", "1")], [remove("a")], [put("b", "2")]];
    for (const writes of commits) {
      const revision = revisionOf(await store.commit({ writes }));
      expect(seen).not.toContain(revision);
      seen.add(revision);
    }
    await store.close();
  });

  it("a commit can remove a record, also one that does not exist", async () => {
    const store = await open();
    await store.commit({ writes: [put("a", "1")] });
    await store.commit({ writes: [remove("a"), remove("never")] });
    expect(await store.get("a")).toBeNull();
    expect(await store.list("", "", 10)).toEqual([]);
    await store.close();
  });

  it("a commit whose expectations hold is applied, with ABSENT for no record", async () => {
    const store = await open();
    const first = revisionOf(
      await store.commit({ expect: [{ path: "a", revision: ABSENT }], writes: [put("a", "1")] }),
    );
    const expectations = [{ path: "a", revision: first }, { path: "b", revision: ABSENT }];
    const second = await store.commit({ expect: expectations, writes: [put("c", "3")] });
    expect(second.kind).toBe("committed");
    expect(await textAt(store, "c")).toBe("3");
    await store.close();
  });

  it("a conflict writes nothing and names the first record that was not as expected", async () => {
    const store = await open();
    const revision = revisionOf(
      await store.commit({ writes: [put("a", "1"), put("b", "1", "k")] }),
    );
    const met = { path: "a", revision };
    const writes = [put("a", "2", "k"), remove("b"), put("c", "2")];
    for (const wrong of [ABSENT, OTHER]) {
      const unmet = [{ path: "b", revision: wrong }, { path: "c", revision: OTHER }];
      expect(await store.commit({ expect: [met, ...unmet], writes }))
        .toEqual({ kind: "conflict", path: "b" });
    }
    expect(await store.commit({ expect: [met, { path: "c", revision }], writes }))
      .toEqual({ kind: "conflict", path: "c" });
    expect(await textAt(store, "a")).toBe("1");
    expect(await textAt(store, "b")).toBe("1");
    expect(await store.get("c")).toBeNull();
    expect(await store.sealKeyCounts()).toEqual(new Map([["k", 1]]));
    await store.close();
  });

  it("exactly one of 200 concurrent writers wins each revision", async () => {
    const store = await open();
    let revision: Revision = ABSENT;
    for (let round = 0; round < 3; round++) {
      const writers = Array.from({ length: 200 }, (_, writer) => `${round}/${writer}`);
      const outcomes = await Promise.all(
        writers.map((text) =>
          store.commit({ expect: [{ path: "a", revision }], writes: [put("a", text)] })
        ),
      );
      const winners = outcomes.flatMap((outcome, index) =>
        outcome.kind === "committed" ? [{ revision: outcome.revision, text: writers[index] }] : []
      );
      expect(winners).toHaveLength(1);
      expect(await textAt(store, "a")).toBe(winners[0]?.text);
      revision = winners[0]?.revision ?? ABSENT;
      expect((await store.get("a"))?.revision).toBe(revision);
    }
    await store.close();
  });

  it("concurrent commits are applied in order, each seeing those before it", async () => {
    const store = await open();
    const outcomes = await Promise.all([
      store.commit({ writes: [put("a", "1")] }),
      store.commit({ expect: [{ path: "a", revision: ABSENT }], writes: [put("b", "lost")] }),
      store.commit({ writes: [remove("a")] }),
      store.commit({ expect: [{ path: "a", revision: ABSENT }], writes: [put("a", "2")] }),
    ]);
    expect(outcomes.map((outcome) => outcome.kind))
      .toEqual(["committed", "conflict", "committed", "committed"]);
    expect(await textAt(store, "a")).toBe("2");
    expect(await store.get("b")).toBeNull();
    await store.close();
  });

  it("a store shares no bytes with its callers, neither written nor returned", async () => {
    const store = await open();
    const written = encoder.encode("abc");
    await store.commit({ writes: [{ path: "a", bytes: written, sealKeyId: "k" }] });
    written.fill(0);
    (await store.get("a"))?.bytes.fill(1);
    (await store.wrappedBy("k", null, 1, NO_BYTE_LIMIT)).records[0]?.bytes.fill(2);
    expect(await textAt(store, "a")).toBe("abc");
    await store.close();
  });
}

function refusalContract(open: () => Promise<Store>): void {
  const invalid: readonly (readonly [string, Write])[] = [
    ["an oversize record", { ...put("x", ""), bytes: new Uint8Array(RECORD_MAX_BYTES + 1) }],
    ["a path that is too long for any store", put("é".repeat(PATH_MAX_BYTES / 2) + "x", "1")],
    ["an empty path", put("", "1")],
    ["a path with half a character", put("x\ud83d", "1")],
    ["a path with U+0000", put("x\0y", "1")],
    ["an empty seal key id", put("x", "1", "")],
  ];
  for (const [name, write] of invalid) {
    it(`a commit with ${name} is refused whole, and concurrent commits are applied`, async () => {
      const store = await open();
      const [before, refused, after] = await Promise.allSettled([
        store.commit({ writes: [put("before", "1")] }),
        store.commit({ writes: [put("with", "1"), write] }),
        store.commit({ writes: [put("after", "1")] }),
      ]);
      expect(before).toMatchObject({ status: "fulfilled", value: { kind: "committed" } });
      expect(after).toMatchObject({ status: "fulfilled", value: { kind: "committed" } });
      expect(refused).toMatchObject({ status: "rejected", reason: { code: "invalid_request" } });
      expect(await store.list("", "", 10)).toEqual(["after", "before"]);
      await store.close();
    });
  }

  it("a commit that writes a path twice throws a TypeError", async () => {
    const store = await open();
    const writes = [put("a", "1"), put("b", "1"), remove("a")];
    await expect(store.commit({ writes })).rejects.toBeInstanceOf(TypeError);
    expect(await store.list("", "", 10)).toEqual([]);
    await store.close();
  });

  it("a record at the longest path is stored", async () => {
    const store = await open();
    const path = "é".repeat(store.limits.pathMaxBytes / 2);
    await store.commit({ writes: [put(path, "1", path)] });
    expect(await textAt(store, path)).toBe("1");
    expect(await store.list(path, "", 1)).toEqual([path]);
    await store.close();
  });

  it("a path longer than the store's own limit is refused, and nothing is found at it", async () => {
    const store = await open();
    const { pathMaxBytes } = store.limits;
    expect(pathMaxBytes).toBeLessThanOrEqual(PATH_MAX_BYTES);
    const longest = "p".repeat(pathMaxBytes);
    await store.commit({ writes: [put(longest, "1"), put("q", "1")] });
    for (const path of [`${longest}p`, "p".repeat(4 * PATH_MAX_BYTES)]) {
      for (const writes of [[put(path, "1")], [put("x", "1", path)]]) {
        await expect(store.commit({ writes })).rejects.toMatchObject({ code: "invalid_request" });
      }
      expect(await store.get(path)).toBeNull();
      expect(await store.list(path, "", 5)).toEqual([]);
      expect(await store.list("", path, 5)).toEqual(["q"]);
      expect((await store.scan(path, 5, NO_BYTE_LIMIT)).map((record) => record.path))
        .toEqual(["q"]);
    }
    await store.close();
  });
}

function limitsContract(open: () => Promise<Store>): void {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `p/${index}`);

  it("the limits of a store let its largest record be written", async () => {
    const store = await open();
    const { recordMaxBytes, commitMaxBytes, commitMaxWrites, commitMaxExpectations } = store.limits;
    expect(recordMaxBytes).toBeLessThanOrEqual(RECORD_MAX_BYTES);
    expect(commitMaxBytes).toBeGreaterThanOrEqual(recordMaxBytes);
    expect(Math.min(commitMaxWrites, commitMaxExpectations)).toBeGreaterThanOrEqual(16);
    await store.close();
  });

  it("a commit of exactly the most writes and expectations is stored", async () => {
    const store = await open();
    const { commitMaxWrites, commitMaxExpectations } = store.limits;
    const writes = many(commitMaxWrites).map((path) => put(path, "1", "k"));
    const expectations = many(commitMaxExpectations).map((path) => ({ path, revision: ABSENT }));
    expect((await store.commit({ expect: expectations, writes })).kind).toBe("committed");
    expect(await store.sealKeyCounts()).toEqual(new Map([["k", commitMaxWrites]]));
    const removals = many(commitMaxWrites).map(remove);
    expect((await store.commit({ writes: removals })).kind).toBe("committed");
    expect(await store.list("", "", 1)).toEqual([]);
    await store.close();
  });

  it("a commit with one write more than a store takes is refused whole", async () => {
    const store = await open();
    const writes = many(store.limits.commitMaxWrites + 1).map((path) => put(path, "1"));
    await expect(store.commit({ writes })).rejects.toBeInstanceOf(TypeError);
    expect(await store.list("", "", 1)).toEqual([]);
    await store.close();
  });

  it("a commit with one expectation more than a store takes is refused whole", async () => {
    const store = await open();
    const paths = many(store.limits.commitMaxExpectations + 1);
    const expectations = paths.map((path) => ({ path, revision: ABSENT }));
    await expect(store.commit({ expect: expectations, writes: [put("a", "1")] }))
      .rejects.toBeInstanceOf(TypeError);
    expect(await store.list("", "", 1)).toEqual([]);
    await store.close();
  });

  it("a commit with one byte more than a store takes is refused whole, and one less is stored", async () => {
    const store = await open();
    const { commitMaxBytes, recordMaxBytes } = store.limits;
    const sizes = Array.from(
      { length: Math.ceil(commitMaxBytes / recordMaxBytes) },
      (_, index) => Math.min(recordMaxBytes, commitMaxBytes - index * recordMaxBytes),
    );
    const writes = sizes.map((size, index): Write => ({
      path: `p/${index}`,
      bytes: new Uint8Array(size),
      sealKeyId: null,
    }));
    await expect(store.commit({ writes: [...writes, put("more", "1")] }))
      .rejects.toMatchObject({ code: "invalid_request" });
    expect(await store.list("", "", 1)).toEqual([]);
    expect((await store.commit({ writes })).kind).toBe("committed");
    await store.close();
  });
}

function scanContract(open: () => Promise<Store>): void {
  it("scan gives whole records in UTF-8 order of their paths, a page at a time", async () => {
    const store = await open();
    const paths = ["b", "core/keyring", "a", "\u{1f511}", "\uffff", "core/seal-config"];
    const revision = revisionOf(
      await store.commit({
        writes: paths.map((path) => put(path, path, path === "a" ? "k" : null)),
      }),
    );
    const all = paths.toSorted(compareBytes).map((path) => ({
      path,
      bytes: encoder.encode(path),
      revision,
      sealKeyId: path === "a" ? "k" : null,
    }));
    expect(await store.scan("", 10, NO_BYTE_LIMIT)).toEqual(all);
    expect(await store.scan("", 3, NO_BYTE_LIMIT)).toEqual(all.slice(0, 3));
    expect(await store.scan("core/keyring", 10, NO_BYTE_LIMIT)).toEqual(all.slice(3));
    expect(await store.scan("\u{1f511}", 10, NO_BYTE_LIMIT)).toEqual([]);
    await expect(store.scan("", 0, NO_BYTE_LIMIT)).rejects.toBeInstanceOf(RangeError);
    await store.close();
  });

  it("a page of scan stops before it exceeds its bytes, unless the first record alone does", async () => {
    const store = await open();
    await store.commit({ writes: [put("a", "12345"), put("b", "1"), put("c", "12")] });
    const pathsOf = async (after: string, maxBytes: number) =>
      (await store.scan(after, 10, maxBytes)).map(({ path }) => path);
    expect(await pathsOf("", 1)).toEqual(["a"]);
    expect(await pathsOf("a", 3)).toEqual(["b", "c"]);
    expect(await pathsOf("a", 2)).toEqual(["b"]);
    await store.close();
  });
}

function listContract(open: () => Promise<Store>): void {
  it("list gives the paths below a prefix in pages, each after the last path given", async () => {
    const store = await open();
    const paths = ["a", "b/", "b/1", "b/2", "b/20", "b/3", "c", "b0"];
    await store.commit({ writes: paths.map((path) => put(path, "1")) });
    expect(await store.list("b/", "", 3)).toEqual(["b/", "b/1", "b/2"]);
    expect(await store.list("b/", "b/2", 3)).toEqual(["b/20", "b/3"]);
    expect(await store.list("b/", "b/3", 3)).toEqual([]);
    expect(await store.list("b/", "a", 1)).toEqual(["b/"]);
    expect(await store.list("b/", "z", 3)).toEqual([]);
    expect(await store.list("x", "", 3)).toEqual([]);
    await store.close();
  });

  it("list orders paths by UTF-8 bytes, not by UTF-16 units", async () => {
    const store = await open();
    await store.commit({ writes: [put("\u{1f511}", "1"), put("\uffff", "1"), put("\ud7ff", "1")] });
    expect(await store.list("", "", 10)).toEqual(["\ud7ff", "\uffff", "\u{1f511}"]);
    expect(await store.list("", "\uffff", 10)).toEqual(["\u{1f511}"]);
    await store.close();
  });

  it("a store keeps the byte order mark at the front of a path and of a seal key id", async () => {
    const store = await open();
    await store.commit({ writes: [put("\ufeffa", "1", "\ufeffk")] });
    await store.commit({ writes: [put("\ufeffa", "2", "\ufeffk")] });
    expect(await store.list("", "", 10)).toEqual(["\ufeffa"]);
    expect((await store.scan("", 10, NO_BYTE_LIMIT))[0]?.path).toBe("\ufeffa");
    expect(await store.sealKeyCounts()).toEqual(new Map([["\ufeffk", 1]]));
    const { records } = await store.wrappedBy("\ufeffk", null, 10, NO_BYTE_LIMIT);
    expect(records).toMatchObject([{ path: "\ufeffa", sealKeyId: "\ufeffk" }]);
    await store.close();
  });

  it("list and get find nothing at half a character", async () => {
    const store = await open();
    await store.commit({ writes: [put("\u{1f511}", "1"), put("\ufffd", "1")] });
    expect(await store.list("\ud83d", "", 10)).toEqual([]);
    expect(await store.get("\ud83d")).toBeNull();
    await store.close();
  });

  it("list and wrappedBy refuse a limit that is not a positive integer", async () => {
    const store = await open();
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      await expect(store.list("", "", limit)).rejects.toBeInstanceOf(RangeError);
      await expect(store.wrappedBy("k", null, limit, NO_BYTE_LIMIT)).rejects.toBeInstanceOf(
        RangeError,
      );
    }
    await store.close();
  });

  it("list equals a sorted array for any prefix, start and limit", async () => {
    const anyPlace = fc.oneof(fc.constant(""), anyPath);
    const queries = fc.array(fc.tuple(anyPlace, anyPlace, fc.integer({ min: 1, max: 9 })), {
      minLength: 5,
      maxLength: 10,
    });
    const property = fc.asyncProperty(
      fc.uniqueArray(anyPath, { minLength: 1, maxLength: 30 }),
      queries,
      async (paths, places) => {
        const store = await open();
        await store.commit({ writes: paths.map((path) => put(path, "1")) });
        const sorted = paths.toSorted(compareBytes);
        for (const [prefix, after, limit] of places) {
          const wanted = sorted.filter((path) =>
            path.startsWith(prefix) && compareBytes(path, after) > 0
          );
          expect(await store.list(prefix, after, limit)).toEqual(wanted.slice(0, limit));
        }
        await store.close();
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
}

function indexContract(open: () => Promise<Store>): void {
  it("the index follows a record from unwrapped to wrapped, to another key and back", async () => {
    const store = await open();
    const steps: readonly (readonly [string | null, [string, number][]])[] = [
      [null, []],
      ["k1", [["k1", 1]]],
      ["k2", [["k2", 1]]],
      ["k2", [["k2", 1]]],
      [null, []],
      ["k1", [["k1", 1]]],
    ];
    for (const [sealKeyId, counts] of steps) {
      await store.commit({ writes: [put("a", "1", sealKeyId)] });
      expect((await store.get("a"))?.sealKeyId).toBe(sealKeyId);
      expect(await store.sealKeyCounts()).toEqual(new Map(counts));
      for (const key of ["k1", "k2"]) {
        expect(await wrappedPaths(store, key, 5)).toEqual(key === sealKeyId ? ["a"] : []);
      }
    }
    await store.commit({ writes: [remove("a")] });
    expect(await store.sealKeyCounts()).toEqual(new Map());
    await store.close();
  });

  it("wrappedBy gives whole records, and at the end an empty page with the same cursor", async () => {
    const store = await open();
    const revision = revisionOf(await store.commit({ writes: [put("a", "1", "k")] }));
    const page = await store.wrappedBy("k", null, 10, NO_BYTE_LIMIT);
    expect(page.records)
      .toEqual([{ path: "a", bytes: encoder.encode("1"), revision, sealKeyId: "k" }]);
    expect(await store.wrappedBy("k", page.cursor, 10, NO_BYTE_LIMIT)).toEqual({
      records: [],
      cursor: page.cursor,
    });
    expect(await store.wrappedBy("unknown", null, 10, NO_BYTE_LIMIT)).toEqual({
      records: [],
      cursor: null,
    });
    await store.close();
  });

  it("wrappedBy ends a page before it exceeds the byte limit, but has at least one record", async () => {
    const store = await open();
    const sizes: readonly (readonly [string, number])[] = [["a", 3], ["b", 3], ["c", 9], ["d", 0]];
    await store.commit({
      writes: sizes.map(([path, size]) => put(path, "x".repeat(size), "k")),
    });
    const pages: string[][] = [];
    for (let cursor: string | null = null; pages.length < 5;) {
      const page = await store.wrappedBy("k", cursor, 10, 6);
      pages.push(page.records.map(({ path }) => path));
      cursor = page.cursor;
    }
    expect(pages).toEqual([["a", "b"], ["c"], ["d"], [], []]);
    expect((await store.wrappedBy("k", null, 10, 0)).records).toHaveLength(1);
    expect((await store.wrappedBy("k", null, 1, 6)).records).toHaveLength(1);
    await store.close();
  });

  it("a cursor stays valid while records before it are rewrapped or overwritten", async () => {
    const store = await open();
    const paths = ["a", "b", "c", "d", "e"];
    await store.commit({ writes: paths.map((path) => put(path, "1", "old")) });
    const page = await store.wrappedBy("old", null, 2, NO_BYTE_LIMIT);
    await store.commit({ writes: page.records.map(({ path }) => put(path, "2", "new")) });
    const seen = new Set(page.records.map(({ path }) => path));
    const rest = await store.wrappedBy("old", page.cursor, 10, NO_BYTE_LIMIT);
    for (const { path } of rest.records) {
      expect(seen.has(path)).toBe(false);
      seen.add(path);
    }
    expect([...seen].toSorted()).toEqual(paths);
    const before = page.records[0]?.path ?? "";
    await store.commit({ writes: [put(before, "3", "old")] });
    expect((await store.wrappedBy("old", page.cursor, 10, NO_BYTE_LIMIT)).records).toHaveLength(3);
    expect(await wrappedPaths(store, "old", 10)).toContain(before);
    await store.close();
  });

  it("wrappedBy shows a new record after any cursor, even if the last record was removed", async () => {
    const store = await open();
    await store.commit({ writes: [put("a", "1", "k")] });
    const { cursor } = await store.wrappedBy("k", null, 10, NO_BYTE_LIMIT);
    await store.commit({ writes: [remove("a")] });
    await store.commit({ writes: [put("b", "1", "k")] });
    expect((await store.wrappedBy("k", cursor, 10, NO_BYTE_LIMIT)).records.map(({ path }) => path))
      .toEqual(["b"]);
    await store.close();
  });

  it("a store equals a naive model under random commits", async () => {
    const paths = ["a", "b", "c", "d", "\u{10ffff}"];
    const sealKeys = [null, "k1", "k2", "k3"];
    const anyWrite = fc.record({
      path: fc.constantFrom(...paths),
      bytes: fc.option(fc.uint8Array({ maxLength: 4 }), { freq: 3 }),
      sealKeyId: fc.constantFrom(...sealKeys),
    });
    const anyCommit = fc.record({
      writes: fc.uniqueArray(anyWrite, { maxLength: 4, selector: (write) => write.path }),
      expected: fc.constantFrom(...paths),
      stale: fc.boolean(),
    });
    const property = fc.asyncProperty(fc.array(anyCommit, { maxLength: 12 }), async (commits) => {
      const store = await open();
      const model = new Map<string, Write & { readonly revision: Revision }>();
      for (const { writes, expected, stale } of commits) {
        const revision = stale ? OTHER : model.get(expected)?.revision ?? ABSENT;
        const outcome = await store.commit({ expect: [{ path: expected, revision }], writes });
        expect(outcome.kind).toBe(stale ? "conflict" : "committed");
        if (outcome.kind === "conflict") continue;
        for (const write of writes) {
          if (write.bytes === null) model.delete(write.path);
          else model.set(write.path, { ...write, revision: outcome.revision });
        }
      }
      for (const path of paths) expect(await store.get(path)).toEqual(model.get(path) ?? null);
      expect(await store.list("", "", 10)).toEqual([...model.keys()].toSorted(compareBytes));
      const counts = new Map<string, number>();
      for (const sealKey of ["k1", "k2", "k3"]) {
        const wrapped = [...model.values()].filter(({ sealKeyId }) => sealKeyId === sealKey);
        if (wrapped.length > 0) counts.set(sealKey, wrapped.length);
        expect((await wrappedPaths(store, sealKey, 2)).toSorted())
          .toEqual(wrapped.map(({ path }) => path).toSorted());
      }
      expect(await store.sealKeyCounts()).toEqual(counts);
      await store.close();
    });
    await fc.assert(property, { numRuns: 60 });
  });
}

function reopenContract(
  open: () => Promise<Store>,
  reopen: (store: Store) => Promise<Store>,
): void {
  it("a reopened store has every record, count and cursor, and continues its revisions", async () => {
    const first = await open();
    await first.commit({ writes: [put("a", "1", "k"), put("b", "2"), put("c", "3", "k")] });
    const revision = revisionOf(await first.commit({ writes: [put("b", "4")] }));
    const { cursor } = await first.wrappedBy("k", null, 1, NO_BYTE_LIMIT);
    const second = await reopen(first);
    expect(await second.get("b"))
      .toEqual({ path: "b", bytes: encoder.encode("4"), revision, sealKeyId: null });
    expect(await second.sealKeyCounts()).toEqual(new Map([["k", 2]]));
    expect((await second.wrappedBy("k", cursor, 10, NO_BYTE_LIMIT)).records).toHaveLength(1);
    expect(revisionOf(await second.commit({ writes: [put("a", "5")] }))).not.toBe(revision);
    await second.close();
  });

  it.each(["scrub", "scrubKeyRecords"] as const)(
    "after %s, a reopened store has every record, count and cursor",
    async (scrub) => {
      const first = await open();
      const paths = ["a", "core/keyring", "b", "core/root-key", "c", "d"];
      await first.commit({ writes: paths.map((path) => put(path, path, "k")) });
      const others = [put("e", "e", "k2"), put("core/recovery-key", "f", "k3")];
      await first.commit({ writes: [remove("a"), remove("core/keyring"), ...others] });
      const page = await first.wrappedBy("k", null, 2, NO_BYTE_LIMIT);
      expect(page.records.map(({ path }) => path)).toEqual(["b", "core/root-key"]);
      await first[scrub]();
      const second = await reopen(first);
      const left = ["b", "c", "core/recovery-key", "core/root-key", "d", "e"];
      expect(await second.list("", "", 10)).toEqual(left);
      expect((await second.get("core/recovery-key"))?.sealKeyId).toBe("k3");
      expect(await second.sealKeyCounts()).toEqual(new Map([["k", 4], ["k2", 1], ["k3", 1]]));
      const rest = await second.wrappedBy("k", page.cursor, 10, NO_BYTE_LIMIT);
      expect(rest.records.map(({ path }) => path)).toEqual(["c", "d"]);
      await second.close();
    },
  );
}
