import { beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engines/engine.ts";
import { createKv2 } from "../../../src/engines/kv/kv2.ts";
import { createMemoryMountRecords, type MemoryMountRecords } from "../memory_engine_storage.ts";
import { type Data, dataOf, NOW_MS, NOW_TEXT, refusal, send } from "../engine_requests.ts";

const HOUR_MS = 3_600_000;
let storage: MemoryMountRecords;
let kv: Engine;
beforeEach(() => {
  storage = createMemoryMountRecords();
  kv = createKv2(storage);
});

const write = (key: string, options: Data = {}, nowMs = NOW_MS) =>
  send(kv, "update", `data/${key}`, { data: { x: 1 }, options }, { nowMs });
const metadata = async (key: string) => dataOf(await send(kv, "read", `metadata/${key}`));
const state = { created_time: NOW_TEXT, deletion_time: "", destroyed: false };

describe("kv2 metadata", () => {
  it("kv2 metadata describes a key as transcript 741 does, before and after a change", async () => {
    await write("a");
    await write("a");
    const before = {
      cas_required: false,
      created_time: NOW_TEXT,
      current_metadata_version: 0,
      current_version: 2,
      custom_metadata: null,
      delete_version_after: "0s",
      max_versions: 0,
      metadata_cas_required: false,
      oldest_version: 0,
      updated_time: NOW_TEXT,
      versions: { 1: state, 2: state },
    };
    expect(await metadata("a")).toEqual(before);
    expect(
      await send(kv, "update", "metadata/a", {
        max_versions: 2,
        cas_required: true,
        custom_metadata: { owner: "me" },
        delete_version_after: "1h",
      }),
    ).toEqual({ kind: "done" });
    const after = {
      ...before,
      cas_required: true,
      current_metadata_version: 1,
      custom_metadata: { owner: "me" },
      delete_version_after: "1h0m0s",
      max_versions: 2,
    };
    expect(await metadata("a")).toEqual(after);

    expect(await refusal(write("a")))
      .toBe("invalid_request: check-and-set parameter required for this call");
    const expiry = "2026-01-02T04:04:05.678000000Z";
    expect(dataOf(await write("a", { cas: 2 }))).toEqual({
      ...state,
      custom_metadata: { owner: "me" },
      deletion_time: expiry,
      version: 3,
    });
    expect(await metadata("a")).toEqual({
      ...after,
      current_version: 3,
      oldest_version: 2,
      versions: { 2: state, 3: { ...state, deletion_time: expiry } },
    });
    expect(await send(kv, "read", "data/a", { version: 1 })).toEqual({ kind: "missing" });
    expect(storage.paths()).toEqual(["metadata/a", "versions/2/a", "versions/3/a"]);
  });

  it("deleting kv2 metadata removes a key with all its versions, and can be repeated", async () => {
    for (let i = 0; i < 12; i++) await write("a");
    await write("a/b");
    for (let i = 0; i < 2; i++) {
      expect(await send(kv, "delete", "metadata/a")).toEqual({ kind: "done" });
    }
    expect(storage.paths()).toEqual(["metadata/a/b", "versions/1/a/b"]);
    expect(await send(kv, "read", "metadata/a")).toEqual({ kind: "missing" });
    expect(await send(kv, "read", "data/a")).toEqual({ kind: "missing" });
    expect(dataOf(await write("a", { cas: 0 }))["version"]).toBe(1);
  });

  it("kv2 lists thousands of keys below their folders, in pages if asked", async () => {
    for (const key of ["a", "dir/b", "dir/b/c", "__proto__/x"]) await write(key);
    expect(dataOf(await send(kv, "list", "metadata/"))).toEqual({
      keys: ["__proto__/", "a", "dir/"],
    });
    expect(dataOf(await send(kv, "list", "metadata/dir/"))).toEqual({ keys: ["b", "b/"] });
    expect(await send(kv, "list", "metadata/none/")).toEqual({ kind: "missing" });
    expect(await send(kv, "list", "metadata/a/")).toEqual({ kind: "missing" });
    const value = new TextEncoder().encode("{}");
    const many = Array.from({ length: 4000 }, (_, i) => ({
      path: `metadata/many/${i % 4}/k${i}`,
      value,
    }));
    await storage.commit(many);
    expect(dataOf(await send(kv, "list", "metadata/many/"))["keys"])
      .toEqual(["0/", "1/", "2/", "3/"]);
    const keys = dataOf(await send(kv, "list", "metadata/many/2/"))["keys"] as string[];
    expect(new Set(keys).size).toBe(1000);
    expect(dataOf(await send(kv, "list", "metadata/many/2/", { after: keys[3]!, limit: 2 })))
      .toEqual({ keys: keys.slice(4, 6) });
  });

  it.each([
    [0, 0, 10],
    [3, 0, 3],
    [0, 4, 4],
    [2, 5, 5],
    [5, 2, 2],
    [5, 1, 1],
    [1, 0, 1],
  ])(
    "with max_versions %i of the mount and %i of the key, kv2 keeps %i versions",
    async (m, k, n) => {
      await send(kv, "update", "config", { max_versions: m });
      await send(kv, "update", "metadata/a", { max_versions: k });
      for (let i = 1; i <= 14; i++) {
        await write("a");
        const { versions, oldest_version: oldest } = await metadata("a");
        expect(Object.keys(versions as Data)).toHaveLength(Math.min(i, n));
        expect(oldest).toBe(i < n ? 0 : i - n + 1);
      }
      expect(storage.paths().filter((path) => path.startsWith("versions/"))).toHaveLength(n);
    },
  );

  it("kv2 drops several versions at once after max_versions was lowered", async () => {
    for (let i = 0; i < 9; i++) await write("a");
    await send(kv, "update", "metadata/a", { max_versions: 2 });
    expect(Object.keys((await metadata("a"))["versions"] as Data)).toHaveLength(9);
    await write("a");
    expect(storage.paths()).toEqual(["metadata/a", "versions/10/a", "versions/9/a"]);
    expect((await metadata("a"))["oldest_version"]).toBe(9);
  });

  it.each([
    ["0s", "0s", null],
    ["2h", "0s", 2],
    ["0s", "3h", 3],
    ["2h", "1h", 1],
    ["1h", "2h", 1],
    ["-1s", "2h", null],
    [-7, 7200, null],
  ])(
    "with delete_version_after %s of the mount and %s of the key, a version expires after %s h",
    async (mount, key, hours) => {
      await send(kv, "update", "config", { delete_version_after: mount });
      await send(kv, "update", "metadata/a", { delete_version_after: key });
      await write("a");
      const read = (nowMs: number) => send(kv, "read", "data/a", {}, { nowMs });
      expect((await read(NOW_MS)).kind).toBe("data");
      if (hours === null) {
        expect((await read(NOW_MS + 1e12)).kind).toBe("data");
        return;
      }
      expect((await read(NOW_MS + hours * HOUR_MS - 1)).kind).toBe("data");
      const gone = await read(NOW_MS + hours * HOUR_MS);
      expect(gone).toMatchObject({
        kind: "missing",
        data: { data: null, metadata: { version: 1 } },
      });
    },
  );

  it("undelete and patch start the time of a kv2 version again", async () => {
    await send(kv, "update", "config", { delete_version_after: "1h" });
    await write("a");
    const later = { nowMs: NOW_MS + 5 * HOUR_MS };
    expect((await send(kv, "patch", "data/a", { data: {} }, later)).kind).toBe("missing");
    await send(kv, "update", "undelete/a", { versions: "1" }, later);
    const text = "2026-01-02T09:04:05.678000000Z";
    expect(await send(kv, "read", "data/a", {}, later))
      .toMatchObject({ kind: "data", data: { metadata: { deletion_time: text } } });
    expect(dataOf(await send(kv, "patch", "data/a", { data: {} }, later))["deletion_time"])
      .toBe(text);
  });

  it("kv2 caps a deletion time at the end of the year 9999", async () => {
    await send(kv, "update", "config", { delete_version_after: 9_000_000_000 });
    const nowMs = Date.UTC(9990, 0);
    expect(dataOf(await write("a", {}, nowMs))["deletion_time"])
      .toBe("9999-12-31T23:59:59.999000000Z");
  });

  it("kv2 metadata counts every change of settings and ignores empty ones", async () => {
    expect(await send(kv, "update", "metadata/a", {})).toEqual({ kind: "done" });
    expect(await send(kv, "update", "metadata/a", { metadata_cas: 999 })).toEqual({ kind: "done" });
    expect(await send(kv, "read", "metadata/a")).toEqual({ kind: "missing" });
    await send(kv, "update", "metadata/a", { max_versions: "4", cas_required: "true" });
    expect(await metadata("a")).toMatchObject({
      max_versions: 4,
      cas_required: true,
      current_metadata_version: 1,
      current_version: 0,
      versions: {},
    });
    await send(kv, "patch", "metadata/a", { cas_required: null, delete_version_after: "1m" });
    expect(await metadata("a")).toMatchObject({
      max_versions: 4,
      cas_required: false,
      delete_version_after: "1m0s",
      current_metadata_version: 2,
    });
    await send(kv, "patch", "metadata/a", { delete_version_after: null });
    expect(await metadata("a")).toMatchObject({ delete_version_after: "1m0s" });
    expect(await send(kv, "patch", "metadata/a", {})).toEqual({ kind: "done" });
    expect((await metadata("a"))["current_metadata_version"]).toBe(2);
  });

  it("a kv2 metadata patch of a missing key is reported only if it would change anything", async () => {
    for (const data of [{}, { foo: 1 }, { metadata_cas: 1 }, { delete_version_after: null }]) {
      expect(await send(kv, "patch", "metadata/none", data)).toEqual({ kind: "done" });
    }
    for (const data of [{ max_versions: 1 }, { max_versions: null }, { custom_metadata: null }]) {
      expect(await send(kv, "patch", "metadata/none", data))
        .toEqual({ kind: "missing", withoutBody: true });
    }
  });

  it("kv2 metadata can be read with a trailing slash, and shows when settings changed", async () => {
    await write("a");
    const nowMs = NOW_MS + HOUR_MS;
    await send(kv, "update", "metadata/a", { max_versions: 3 }, { nowMs });
    expect(dataOf(await send(kv, "read", "metadata/a/"))).toEqual(await metadata("a"));
    expect(await metadata("a")).toMatchObject({
      created_time: NOW_TEXT,
      updated_time: "2026-01-02T04:04:05.678000000Z",
    });
  });

  it("kv2 metadata shows when a version was last deleted, undeleted or destroyed", async () => {
    await write("a");
    await write("a");
    let nowMs = NOW_MS;
    const updatedBy = async (operation: "update" | "delete", path: string, data: Data = {}) => {
      nowMs += HOUR_MS;
      await send(kv, operation, path, data, { nowMs });
      const hours = (Date.parse(String((await metadata("a"))["updated_time"])) - NOW_MS) / HOUR_MS;
      return hours;
    };
    expect(await updatedBy("delete", "data/a")).toBe(1);
    expect(await updatedBy("update", "undelete/a", { versions: [2] })).toBe(2);
    expect(await updatedBy("update", "delete/a", { versions: [1, 2] })).toBe(3);
    expect(await updatedBy("update", "destroy/a", { versions: [1] })).toBe(4);
    // What changes nothing also leaves the time as it is.
    expect(await updatedBy("delete", "data/a")).toBe(4);
    expect(await updatedBy("update", "undelete/a", { versions: [1, 7] })).toBe(4);
    expect(await updatedBy("update", "destroy/a", { versions: [1, 7] })).toBe(4);
    expect(await updatedBy("update", "undelete/a", { versions: [2] })).toBe(8);
    expect(await updatedBy("update", "undelete/a", { versions: [2] })).toBe(8);
  });

  it("kv2 lists and scans keys with the metadata of each", async () => {
    for (const key of ["a", "dir/b", "dir/sub/c"]) await write(key);
    const list = async (path: string, data: Data = {}) =>
      dataOf(await send(kv, "list", `detailed-metadata/${path}`, data));
    expect(await list("")).toEqual({
      keys: ["a", "dir/"],
      key_info: { a: await metadata("a"), "dir/": {} },
    });
    expect(await list("dir/", { after: "b", limit: 1 }))
      .toEqual({ keys: ["sub/"], key_info: { "sub/": {} } });
    expect(await send(kv, "list", "detailed-metadata/none/")).toEqual({ kind: "missing" });
    expect(dataOf(await send(kv, "scan", "detailed-metadata/dir/"))).toEqual({
      keys: ["b", "sub/c"],
      key_info: { b: await metadata("dir/b"), "sub/c": await metadata("dir/sub/c") },
    });
    expect(dataOf(await send(kv, "scan", "metadata/", { limit: 1, after: "b" })))
      .toEqual({ keys: ["a", "dir/b", "dir/sub/c"] });
    for (const folder of ["metadata", "detailed-metadata"]) {
      expect(await send(kv, "scan", `${folder}/none/`)).toEqual({ kind: "data", data: {} });
    }
    expect(await refusal(send(kv, "list", "detailed-metadata/", { limit: "x" })))
      .toMatch(/^invalid_request: Field validation failed/);
  });

  it("metadata_cas guards kv2 settings as in OpenBao", async () => {
    const put = (data: Data) => refusal(send(kv, "update", "metadata/a", data));
    const required = "invalid_request: metadata check-and-set parameter required for this call";
    const differs =
      "invalid_request: metadata check-and-set parameter does not match the current version";
    expect(await put({ metadata_cas: 1, max_versions: 1 }))
      .toBe("invalid_request: metadata_cas must be 0 when creating new metadata");
    expect(await send(kv, "read", "metadata/a")).toEqual({ kind: "missing" });
    expect(await put({ metadata_cas: 0, metadata_cas_required: true })).toBe("accepted");
    expect(await put({ max_versions: 1 })).toBe(required);
    expect(await put({ metadata_cas: 0, max_versions: 1 })).toBe(differs);
    expect(await put({ metadata_cas: 1, metadata_cas_required: false })).toBe("accepted");
    expect(await put({ max_versions: 2 })).toBe("accepted");
    await send(kv, "update", "config", { metadata_cas_required: true });
    expect(await put({ max_versions: 2 })).toBe(required);
    const warnings = [
      '"metadata_cas_required" set to false, but is mandated by backend config. This value will ' +
      "be ignored.",
    ];
    for (const [operation, cas] of [["update", 3], ["patch", 4]] as const) {
      const data = { metadata_cas: cas, metadata_cas_required: false };
      expect(await send(kv, operation, "metadata/a", data))
        .toEqual({ kind: "data", data: null, warnings });
    }
  });

  it("kv2 warns that cas_required of the mount overrides the key's", async () => {
    await send(kv, "update", "config", { cas_required: true });
    expect(await send(kv, "update", "metadata/a", { cas_required: false }))
      .toMatchObject({ warnings: [expect.stringMatching(/^"cas_required" set to false/)] });
    expect(await refusal(write("a"))).toMatch(/check-and-set parameter required/);
    expect(await refusal(send(kv, "patch", "data/a", { data: {} })))
      .toMatch(/check-and-set parameter required/);
    expect(await refusal(write("a", { cas: 0 }))).toBe("accepted");
  });

  it.each([
    [{ max_versions: "x" }, /field "max_versions": expected an integer, got string$/],
    [{ max_versions: -1 }, /cannot set max_versions/],
    [{ max_versions: 2 ** 32 }, /cannot set max_versions/],
    [{ cas_required: "maybe" }, /field "cas_required": expected a boolean, got string$/],
    [{ delete_version_after: "-1h" }, /field "delete_version_after": cannot provide negative/],
    [{ delete_version_after: -1 }, /field "delete_version_after": cannot provide negative/],
    [{ delete_version_after: "soon" }, /field "delete_version_after": expected a duration/],
    [{ custom_metadata: "x" }, /field "custom_metadata": expected an object, got string$/],
    [
      { custom_metadata: { a: {} } },
      /failed: '' expected type 'string', got unconvertible type 'map\[string\]interface {}'$/,
    ],
    [{ custom_metadata: { a: null } }, /length of value for key "a" is 0/],
    [{ custom_metadata: { "": "x" } }, /length of key "" is 0 but must be 0 < len\(key\) <= 128/],
    [{ custom_metadata: { ["ä".repeat(65)]: "x" } }, /is 130 but must be/],
    [{ custom_metadata: { a: "x".repeat(513) } }, /is 513 but must be 0 < len\(value\) <= 512/],
    [
      { custom_metadata: { "a\n\u00a0\u0007": "x" } },
      /key "a\\n\\u00a0\\a" \(a\s\s.\) contains unprintable/,
    ],
    [
      { delete_version_after: 1.5 },
      /field "delete_version_after": expected a duration, got number/,
    ],
    [{ custom_metadata: { a: "x\u0000" } }, /value for key "a" contains unprintable characters/],
  ])("kv2 metadata refuses the settings %j", async (data, why) => {
    for (const operation of ["update", "patch"] as const) {
      if (operation === "patch") await send(kv, "update", "metadata/a", { max_versions: 1 });
      const commits = storage.commits;
      const text = await refusal(send(kv, operation, "metadata/a", data));
      // In a patch, null removes the name.
      if (operation === "patch" && JSON.stringify(data).includes("null")) continue;
      expect(text).toMatch(why);
      expect(text.includes("Field validation failed: "))
        .toBe(operation === "patch" && text.includes("converting"));
      expect(storage.commits).toBe(commits);
    }
  });

  it("kv2 reports every error of custom_metadata in OpenBao's form", async () => {
    const data = { custom_metadata: { a: "", b: "\n" } };
    const failed = "custom_metadata validation failed";
    expect(await refusal(send(kv, "update", "metadata/a", data))).toBe(
      "invalid_request: 2 errors occurred:\n" +
        `\t* ${failed}: length of value for key "a" is 0 but must be 0 < len(value) <= 512\n` +
        `\t* ${failed}: value for key "b" contains unprintable characters\n\n`,
    );
  });

  it("kv2 merges custom_metadata in a patch, replaces it in a write, and allows 64 names", async () => {
    const put = (custom_metadata: unknown) =>
      refusal(send(kv, "update", "metadata/a", { custom_metadata }));
    const patch = (custom_metadata: unknown) =>
      refusal(send(kv, "patch", "metadata/a", { custom_metadata }));
    const stored = async () => (await metadata("a"))["custom_metadata"];
    const names = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${from + i}`, "v"]));

    await put({ owner: "me", n: 5, b: true });
    expect(await stored()).toEqual({ owner: "me", n: "5", b: "1" });
    for (const [value, kind] of [[5, "number"], [true, "bool"]]) {
      expect(await patch({ team: value })).toBe(
        `invalid_request: 1 error occurred:\n\t* json: cannot unmarshal ${kind} into Go struct ` +
          "field KeyMetadata.custom_metadata of type string\n\n",
      );
    }
    await patch({ owner: null, team: "x" });
    expect(await stored()).toEqual({ n: "5", b: "1", team: "x" });
    await patch(null);
    expect(await stored()).toBeNull();
    await put({ keep: "x" });
    await put({});
    expect(await stored()).toBeNull();
    expect(await put(names(0, 65))).toMatch(/at most 64 keys, provided 65/);
    expect(await put(names(0, 64))).toBe("accepted");
    expect(await patch({ k0: null, new: "v" })).toBe("accepted");
    expect(await patch({ another: "v" })).toMatch(/at most 64 keys, provided 65/);
  });

  it("kv2 keeps __proto__ as a name of custom_metadata", async () => {
    await send(kv, "update", "metadata/a", '{"custom_metadata":{"__proto__":"x"}}');
    expect(JSON.stringify((await metadata("a"))["custom_metadata"])).toBe('{"__proto__":"x"}');
    expect(dataOf(await write("a"))["custom_metadata"]).toHaveProperty(["__proto__"], "x");
  });
});

describe("kv2 config", () => {
  const defaults = {
    cas_required: false,
    delete_version_after: "0s",
    max_versions: 0,
    metadata_cas_required: false,
  };

  it("kv2 config has defaults, keeps what is set and leaves the rest", async () => {
    expect(await send(kv, "read", "config")).toEqual({ kind: "data", data: defaults });
    const sent = { max_versions: 3, cas_required: true, delete_version_after: "24h" };
    expect(await send(kv, "update", "config", sent)).toEqual({ kind: "done" });
    expect(dataOf(await send(kv, "read", "config")))
      .toEqual({ ...defaults, ...sent, delete_version_after: "24h0m0s" });
    await send(kv, "update", "config", { max_versions: "7" });
    expect(dataOf(await send(kv, "read", "config")))
      .toEqual({ ...defaults, ...sent, delete_version_after: "24h0m0s", max_versions: 7 });
    await send(kv, "update", "config", { delete_version_after: "-24h" });
    expect(dataOf(await send(kv, "read", "config"))["delete_version_after"]).toBe("-1s");
    await send(kv, "update", "config", { delete_version_after: 0 });
    expect(dataOf(await send(kv, "read", "config"))["delete_version_after"]).toBe("0s");
  });

  it("kv2 config is not written when nothing valid is sent", async () => {
    await send(kv, "update", "config", { unknown: 1 });
    expect(await refusal(send(kv, "update", "config", { max_versions: "x" }))).toBe(
      'invalid_request: Field validation failed: error converting input for field "max_versions": ' +
        "expected an integer, got string",
    );
    expect(storage.commits).toBe(0);
  });
});
