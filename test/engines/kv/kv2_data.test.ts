import { beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engines/engine.ts";
import type { Operation } from "../../../src/wire/operation.ts";
import { createKv2 } from "../../../src/engines/kv/kv2.ts";
import { createMemoryMountRecords, type MemoryMountRecords } from "../memory_engine_storage.ts";
import { type Data, dataOf, NOW_MS, NOW_TEXT, refusal, send } from "../engine_requests.ts";

let storage: MemoryMountRecords;
let kv: Engine;
beforeEach(() => {
  storage = createMemoryMountRecords();
  kv = createKv2(storage);
});

const version = (number: number, more: Data = {}) => ({
  created_time: NOW_TEXT,
  custom_metadata: null,
  deletion_time: "",
  destroyed: false,
  version: number,
  ...more,
});
const write = (key: string, data: Data, options?: Data) =>
  send(kv, "update", `data/${key}`, options === undefined ? { data } : { data, options });

describe("kv2 data", () => {
  it("kv2 writes versions and reads the latest one or the one asked for", async () => {
    expect(await write("a", { x: "1" })).toEqual({ kind: "data", data: version(1) });
    expect(await write("a", { x: "2" }, { cas: 1 })).toEqual({ kind: "data", data: version(2) });
    expect(dataOf(await send(kv, "read", "data/a")))
      .toEqual({ data: { x: "2" }, metadata: version(2) });
    for (const asked of [1, "1"]) {
      expect(dataOf(await send(kv, "read", "data/a", { version: asked })))
        .toEqual({ data: { x: "1" }, metadata: version(1) });
    }
    for (const asked of [0, "0", -1, null, ""]) {
      expect(dataOf(await send(kv, "read", "data/a", { version: asked }))["data"])
        .toEqual({ x: "2" });
    }
    expect(await send(kv, "read", "data/a", { version: 9 })).toEqual({ kind: "missing" });
    expect(await send(kv, "read", "data/none")).toEqual({ kind: "missing" });
    expect(await send(kv, "read", "data/")).toEqual({ kind: "missing" });
  });

  it.each([
    [{ cas: 1 }, "data/new", "did not match the current version"],
    [{ cas: 0 }, "data/a", "did not match the current version"],
    [{ cas: 2 }, "data/a", "did not match the current version"],
    [{ cas: -1 }, "data/new", "did not match the current version"],
    [{ cas: null }, "data/a", "did not match the current version"],
  ])("kv2 refuses %j on %s: %s", async (options, path, why) => {
    await write("a", { x: "1" });
    const before = storage.commits;
    expect(await refusal(send(kv, "update", path, { data: {}, options })))
      .toBe(`invalid_request: check-and-set parameter ${why}`);
    expect(storage.commits).toBe(before);
  });

  it("kv2 reads cas from text and refuses one that is not an integer", async () => {
    await write("a", {}, { cas: "0" });
    expect(await refusal(write("a", {}, { cas: "one" })))
      .toBe("invalid_request: error parsing check-and-set parameter");
    expect(await refusal(write("a", {}, { cas: 1.5 })))
      .toBe("invalid_request: error parsing check-and-set parameter");
  });

  it.each<[Operation, string, Data, string]>([
    ["update", "data/a", { x: "no data field" }, "invalid_request: no data provided"],
    ["create", "data/a", {}, "invalid_request: no data provided"],
    ["patch", "data/a", {}, "invalid_request: no data provided"],
    [
      "update",
      "data/a",
      { data: "text" },
      'invalid_request: error converting input for field "data": expected an object, got string',
    ],
    [
      "update",
      "data/a",
      { data: {}, options: "cas" },
      'invalid_request: error converting input for field "options": expected an object, got string',
    ],
    [
      "patch",
      "data/a",
      { data: "text" },
      'invalid_request: Field validation failed: error converting input for field "data": ' +
      "expected an object, got string",
    ],
    [
      "read",
      "data/a",
      { version: "abc" },
      'invalid_request: Field validation failed: error converting input for field "version": ' +
      "expected an integer, got string",
    ],
    ["update", "data/", { data: {} }, "invalid_request: missing path"],
    ["update", "metadata/", { max_versions: 1 }, "invalid_request: missing path"],
    ["patch", "metadata/", { max_versions: 1 }, "invalid_request: missing path"],
    ["scan", "data/", {}, "unsupported_operation: unsupported operation"],
    ["read", "detailed-metadata/a", {}, "unsupported_operation: unsupported operation"],
    ["update", "detailed-metadata/a", {}, "unsupported_operation: unsupported operation"],
    ["update", "delete/a", { versions: {} }, "invalid_request: No version number provided"],
    ["update", "destroy/a", { versions: {} }, "invalid_request: no version number provided"],
    ["update", "destroy/a", {}, "invalid_request: no version number provided"],
    ["update", "undelete/a", {}, "invalid_request: No version number provided"],
    ["update", "delete/a", { versions: [] }, "invalid_request: No version number provided"],
    [
      "update",
      "delete/a",
      { versions: ["x"] },
      'invalid_request: Field validation failed: error converting input for field "versions": ' +
      "expected a list of integers, got string",
    ],
    ["list", "data/", {}, "unsupported_operation: unsupported operation"],
    ["read", "delete/a", {}, "unsupported_operation: unsupported operation"],
    ["delete", "destroy/a", {}, "unsupported_operation: unsupported operation"],
    ["list", "undelete/", {}, "unsupported_operation: unsupported operation"],
    ["update", "subkeys/a", {}, "unsupported_operation: unsupported operation"],
    ["delete", "config", {}, "unsupported_operation: unsupported operation"],
    ["patch", "config", {}, "unsupported_operation: unsupported operation"],
  ])("kv2 refuses %s %s with %j", async (operation, path, data, why) => {
    expect(await refusal(send(kv, operation, path, data))).toBe(why);
    expect(storage.commits).toBe(0);
  });

  it("kv2 stores an empty object and null as they are, and lists as objects", async () => {
    for (
      const [data, stored] of [[{}, {}], [null, null], [[], {}], [[{ a: 1 }, { b: 2 }], {
        a: 1,
        b: 2,
      }]]
    ) {
      await send(kv, "update", "data/a", { data });
      expect(dataOf(await send(kv, "read", "data/a"))["data"]).toEqual(stored);
    }
  });

  it("kv2 soft-deletes the latest version and undeletes it", async () => {
    await write("a", { x: "1" });
    await write("a", { x: "2" });
    const gone = {
      kind: "missing",
      data: { data: null, metadata: version(2, { deletion_time: NOW_TEXT }) },
    };
    expect(await send(kv, "delete", "data/a")).toEqual({ kind: "done" });
    expect(await send(kv, "read", "data/a")).toEqual(gone);
    // A second deletion does not change the time.
    await send(kv, "delete", "data/a", {}, { nowMs: NOW_MS + 1000 });
    expect(await send(kv, "read", "data/a", {}, { nowMs: NOW_MS + 2000 })).toEqual(gone);
    expect(dataOf(await send(kv, "read", "data/a", { version: 1 }))["data"]).toEqual({ x: "1" });
    expect(await send(kv, "update", "undelete/a", { versions: [2] })).toEqual({ kind: "done" });
    expect(dataOf(await send(kv, "read", "data/a")))
      .toEqual({ data: { x: "2" }, metadata: version(2) });
  });

  it.each([[[[1, 3]], [1, 3]], [["1,3"], [1, 3]], [[["1", "3"]], [1, 3]], [[2], [2]]])(
    "kv2 deletes the versions in %j",
    async ([versions], deleted) => {
      for (const x of [1, 2, 3]) await write("a", { x });
      await send(kv, "update", "delete/a", { versions });
      for (const number of [1, 2, 3]) {
        const reply = await send(kv, "read", "data/a", { version: number });
        expect(reply.kind).toBe(deleted.includes(number) ? "missing" : "data");
      }
    },
  );

  it("kv2 destroys the data of a version for good, even of a deleted one", async () => {
    await write("a", { x: "1" });
    await send(kv, "update", "delete/a", { versions: [1] });
    await send(kv, "update", "destroy/a", { versions: [1, 7, -1] });
    expect(storage.paths()).toEqual(["metadata/a"]);
    const gone = {
      kind: "missing",
      data: { data: null, metadata: version(1, { deletion_time: NOW_TEXT, destroyed: true }) },
    };
    expect(await send(kv, "read", "data/a")).toEqual(gone);
    await send(kv, "update", "undelete/a", { versions: [1] });
    expect(await send(kv, "read", "data/a")).toEqual(gone);
  });

  it("kv2 ignores unknown keys and versions without a write", async () => {
    await write("a", { x: "1" });
    const before = storage.commits;
    for (const path of ["delete/none", "undelete/none", "destroy/none", "delete/a", "destroy/a"]) {
      expect(await send(kv, "update", path, { versions: [9] })).toEqual({ kind: "done" });
    }
    expect(await send(kv, "delete", "data/none")).toEqual({ kind: "done" });
    expect(storage.commits).toBe(before);
  });

  it("a kv2 patch merges into the current version and makes a new one", async () => {
    await write("a", { x: "1", y: { k: 1, l: 2 } });
    const patch = { data: { x: null, y: { l: 3 }, z: true }, options: { cas: 1 } };
    expect(await send(kv, "patch", "data/a", patch)).toEqual({ kind: "data", data: version(2) });
    expect(dataOf(await send(kv, "read", "data/a"))["data"])
      .toEqual({ y: { k: 1, l: 3 }, z: true });
    expect(dataOf(await send(kv, "read", "data/a", { version: 1 }))["data"])
      .toEqual({ x: "1", y: { k: 1, l: 2 } });
    expect(await refusal(send(kv, "patch", "data/a", patch)))
      .toBe("invalid_request: check-and-set parameter did not match the current version");
  });

  it("a kv2 patch of a missing or deleted version is reported as missing", async () => {
    const none = { kind: "missing", withoutBody: true };
    expect(await send(kv, "patch", "data/none", { data: {} })).toEqual(none);
    await send(kv, "update", "metadata/bare", { max_versions: 3 });
    expect(await send(kv, "patch", "data/bare", { data: {} })).toEqual(none);
    await write("a", { x: "1" });
    await send(kv, "delete", "data/a");
    expect(await send(kv, "patch", "data/a", { data: {} }))
      .toEqual({ kind: "missing", data: version(1, { deletion_time: NOW_TEXT }) });
  });

  it("kv2 stores null as data, and null data cannot be patched", async () => {
    await write("a", { x: "1" });
    await send(kv, "patch", "data/a", { data: null });
    expect(await send(kv, "read", "data/a")).toEqual({
      kind: "data",
      data: { data: null, metadata: version(2) },
    });
    expect(dataOf(await send(kv, "read", "subkeys/a"))["subkeys"]).toBeNull();
    expect(await refusal(send(kv, "patch", "data/a", { data: { y: 1 } })))
      .toBe("invalid_request: 1 error occurred:\n\t* resource does not exist\n\n");
    expect(dataOf(await send(kv, "read", "data/a", { version: 1 }))["data"]).toEqual({ x: "1" });
  });

  it("a kv2 patch keeps numbers digit by digit", async () => {
    await send(kv, "update", "data/a", { data: { x: 1 } });
    const record = '{"format":1,"createdMs":' + NOW_MS + ',"data":{"x":1.50,"y":9007199254740993}}';
    storage.poke("versions/1/a", new TextEncoder().encode(record));
    await send(kv, "patch", "data/a", { data: { z: 1 } });
    expect(JSON.stringify(dataOf(await send(kv, "read", "data/a"))["data"]))
      .toBe('{"x":1.50,"y":9007199254740993,"z":1}');
  });

  it("kv2 subkeys show names without values", async () => {
    await write("a", { user: "hunter2", more: { pin: "1234", deep: { z: 1 } }, none: {} });
    expect(dataOf(await send(kv, "read", "subkeys/a"))).toEqual({
      subkeys: { user: null, more: { pin: null, deep: { z: null } }, none: null },
      metadata: version(1),
    });
    expect(dataOf(await send(kv, "read", "subkeys/a", { depth: "1" }))["subkeys"])
      .toEqual({ user: null, more: null, none: null });
    await write("a", {});
    expect(dataOf(await send(kv, "read", "subkeys/a", { version: 1, depth: 2 }))["subkeys"])
      .toEqual({ user: null, more: { pin: null, deep: null }, none: null });
    await send(kv, "delete", "data/a");
    expect(await send(kv, "read", "subkeys/a")).toEqual({
      kind: "missing",
      data: { subkeys: null, metadata: version(2, { deletion_time: NOW_TEXT }) },
    });
    expect(await send(kv, "read", "subkeys/none")).toEqual({ kind: "missing" });
  });

  it.each<[Operation, string, string]>([
    ["read", "a", "use 'bao kv get'"],
    ["update", "a", "use 'bao kv put'"],
    ["create", "a/b", "use 'bao kv put'"],
    ["patch", "a", "use 'bao kv patch'"],
    ["delete", "config/x", "use 'bao kv delete'"],
    ["list", "", "use 'bao kv list'"],
    ["scan", "config/", "use 'bao kv scan'"],
    ["list", "config/", "use 'bao kv list'"],
    ["read", "datax/a", "use 'bao kv get'"],
    ["read", "__proto__/a", "use 'bao kv get'"],
    ["read", "data", "Non-listing operations on the root"],
    ["update", "metadata", "Non-listing operations on the root"],
  ])("kv2 reports %s %j as missing, with the warning: %s", async (operation, path, text) => {
    const reply = await send(kv, operation, path, { x: 1 });
    expect(reply).toEqual({ kind: "missing", warnings: [expect.stringContaining(text)] });
    expect(storage.commits).toBe(0);
  });

  it("kv2 warns of an unversioned path in OpenBao's words", async () => {
    expect(await send(kv, "read", "a")).toEqual({
      kind: "missing",
      warnings: [
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate " +
        "API endpoints to use. If using the OpenBao CLI, use 'bao kv get' for this operation.",
      ],
    });
  });

  it("the kv2 keys a, a/1 and 1/a never share records", async () => {
    const keys = ["a", "a/1", "1/a", "1", "1/1/a", "a/1/1", "config", "metadata/a", "versions/1/a"];
    for (const round of [1, 2]) {
      for (const key of keys) await write(key, { key, round });
    }
    await send(kv, "delete", "metadata/a");
    for (const key of keys.slice(1)) {
      for (const round of [1, 2]) {
        expect(dataOf(await send(kv, "read", `data/${key}`, { version: round }))["data"])
          .toEqual({ key, round });
      }
    }
    expect(await send(kv, "read", "data/a")).toEqual({ kind: "missing" });
    expect(dataOf(await send(kv, "read", "config"))["max_versions"]).toBe(0);
  });

  it("kv2 keeps __proto__ as a field, as a path and in a patch", async () => {
    await send(kv, "update", "data/__proto__", '{"data":{"__proto__":{"admin":true},"x":1}}');
    await send(kv, "patch", "data/__proto__", '{"data":{"__proto__":{"more":1}}}');
    const { data } = dataOf(await send(kv, "read", "data/__proto__"));
    expect(JSON.stringify(data)).toBe('{"__proto__":{"admin":true,"more":1},"x":1}');
    const { subkeys } = dataOf(await send(kv, "read", "subkeys/__proto__"));
    expect(JSON.stringify(subkeys)).toBe('{"__proto__":{"admin":null,"more":null},"x":null}');
    expect(dataOf(await send(kv, "list", "metadata/"))).toEqual({ keys: ["__proto__"] });
    expect(({} as Data)["admin"]).toBeUndefined();
    // A member of the prototype is not a field.
    expect(await refusal(send(kv, "update", "data/b", '{"__proto__":{"data":{"x":1}}}')))
      .toBe("invalid_request: no data provided");
    expect(await send(kv, "read", "data/constructor")).toEqual({ kind: "missing" });
  });

  it("kv2 seal-wraps the data of versions and nothing else", async () => {
    await send(kv, "update", "config", { max_versions: 5 });
    await write("versions/1/x", { x: 1 });
    expect(storage.paths().filter((path) => kv.wrapsPath(path)))
      .toEqual(["versions/1/versions/1/x"]);
    expect(storage.paths()).toContain("metadata/versions/1/x");
  });

  it("exists() of kv2 goes by the key's metadata", async () => {
    for (const path of ["data/a", "metadata/a"]) {
      expect(await kv.exists(path, "scope")).toBe(false);
    }
    await write("a", {});
    await send(kv, "delete", "data/a");
    for (const path of ["data/a", "metadata/a", "config", "delete/none", "nonsense"]) {
      expect(await kv.exists(path, "scope")).toBe(true);
    }
    expect(await kv.exists("data/", "scope")).toBe(false);
  });

  it("kv2 reports a version without its data as malformed", async () => {
    await write("a", { x: 1 });
    storage.poke("versions/1/a", null);
    for (const operation of ["read", "patch"] as const) {
      expect(await refusal(send(kv, operation, "data/a", { data: {} })))
        .toMatch(/^record_malformed: /);
    }
    storage.poke("metadata/a", new TextEncoder().encode('{"format":2}'));
    expect(await refusal(send(kv, "read", "data/a"))).toMatch(/^record_malformed: .*format/);
  });
});
