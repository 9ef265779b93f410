import { describe, expect, it } from "vitest";
import type { Operation } from "../../../src/wire/operation.ts";
import { createKv1 } from "../../../src/engines/kv/kv1.ts";
import { createMemoryMountRecords } from "../memory_engine_storage.ts";
import { dataOf, MOUNT_LEASE_SECONDS, refusal, request, send } from "../engine_requests.ts";

function setUp() {
  const storage = createMemoryMountRecords();
  return { storage, kv: createKv1(storage) };
}

describe("kv1", () => {
  it("kv1 returns every type of value as written, and overwrites secrets whole", async () => {
    const { kv } = setUp();
    const value = { x: "1", n: 5, f: 1.5, b: true, z: null, arr: [1, "2"], obj: { k: "v" } };
    expect(await send(kv, "create", "a", value)).toEqual({ kind: "done" });
    expect(await send(kv, "read", "a")).toEqual({
      kind: "data",
      data: value,
      leaseSeconds: MOUNT_LEASE_SECONDS,
    });
    await send(kv, "update", "a", { only: "this" });
    expect(dataOf(await send(kv, "read", "a"))).toEqual({ only: "this" });
  });

  it("kv1 keeps NUL, astral characters, lone surrogates and __proto__ in values", async () => {
    const { kv } = setUp();
    const text = `{"x":"\\ud83d\\ude00 \\u0000","lone":"\\ud800","__proto__":{"admin":true}}`;
    await send(kv, "update", "a", text);
    const data = dataOf(await send(kv, "read", "a"));
    expect(JSON.stringify(data)).toBe(JSON.stringify(JSON.parse(text)));
    expect(Object.keys(data)).toContain("__proto__");
    expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
  });

  it("kv1 keeps a secret at the path __proto__ apart from others", async () => {
    const { kv } = setUp();
    expect((await send(kv, "read", "__proto__")).kind).toBe("missing");
    await send(kv, "update", "__proto__", { x: 1 });
    await send(kv, "update", "constructor/__proto__", { x: 2 });
    expect(dataOf(await send(kv, "read", "__proto__"))).toEqual({ x: 1 });
    expect(dataOf(await send(kv, "list", ""))).toEqual({ keys: ["__proto__", "constructor/"] });
  });

  it.each([
    [{ ttl: "1h" }, 3600],
    [{ ttl: 90 }, 90],
    [{ ttl: "90" }, 90],
    [{ lease: "2m" }, 120],
    [{ ttl: "1m", lease: "1h" }, 60],
    [{ ttl: "1.5s" }, 1],
    [{ lease: "nonsense" }, MOUNT_LEASE_SECONDS],
    [{ ttl: "nonsense", lease: "1h" }, MOUNT_LEASE_SECONDS],
    [{ ttl: null, lease: "1h" }, 0],
    [{ ttl: -5 }, -5],
    [{ ttl: "-5s" }, -5],
    [{ ttl: 1.5 }, MOUNT_LEASE_SECONDS],
    [{ ttl: "1.5" }, MOUNT_LEASE_SECONDS],
    [{ ttl: true }, MOUNT_LEASE_SECONDS],
    [{ ttl: ["1h"] }, MOUNT_LEASE_SECONDS],
    [{ x: "1h" }, MOUNT_LEASE_SECONDS],
  ])("kv1 answers %j with a lease of %i seconds", async (value, leaseSeconds) => {
    const { kv } = setUp();
    await send(kv, "update", "t", value);
    expect(await send(kv, "read", "t")).toEqual({ kind: "data", data: value, leaseSeconds });
  });

  it("kv1 lists names and folders, and reports anything else as missing", async () => {
    const { kv } = setUp();
    for (const path of ["a", "dir/b", "dir/sub/c"]) await send(kv, "update", path, { y: 1 });
    expect(dataOf(await send(kv, "list", ""))).toEqual({ keys: ["a", "dir/"] });
    expect(dataOf(await send(kv, "list", "dir/"))).toEqual({ keys: ["b", "sub/"] });
    expect(dataOf(await send(kv, "list", "dir/sub/"))).toEqual({ keys: ["c"] });
    for (const path of ["none", "dir", "dir/", ""]) {
      expect(await send(kv, "read", path)).toEqual({ kind: "missing" });
    }
    expect(await send(kv, "list", "none/")).toEqual({ kind: "missing" });
  });

  it("kv1 lists and scans thousands of names without losing or repeating one", async () => {
    const { kv, storage } = setUp();
    const value = new TextEncoder().encode("{}");
    await storage.commit(
      Array.from({ length: 3000 }, (_, i) => ({ path: `d/${i % 50}/${i}`, value })),
    );
    expect(dataOf(await send(kv, "list", "d/"))["keys"]).toHaveLength(50);
    const all = dataOf(await send(kv, "list", "d/7/"))["keys"] as string[];
    expect(all).toHaveLength(60);
    expect(new Set(all).size).toBe(60);
    const scanned = dataOf(await send(kv, "scan", "d/"))["keys"] as string[];
    expect(new Set(scanned).size).toBe(3000);
  });

  it("kv1 ignores after and limit with a warning", async () => {
    const { kv } = setUp();
    for (const path of ["a", "b"]) await send(kv, "update", path, { y: 1 });
    const warnings = ["Endpoint ignored these unrecognized parameters: [after limit]"];
    expect(await send(kv, "list", "", { after: "a", limit: "abc" }))
      .toEqual({ kind: "data", data: { keys: ["a", "b"] }, warnings });
    expect(await send(kv, "list", "none/", { after: "a", limit: 1 }))
      .toEqual({ kind: "data", data: {}, warnings });
    expect(await send(kv, "read", "none", { limit: 1 })).toEqual({ kind: "missing" });
  });

  it("kv1 scans a folder's own names first, then its folders in reverse order", async () => {
    const { kv } = setUp();
    for (const path of ["a", "b", "b/c", "c/d/e", "d", "Z", "c/a", "b/a/z", "0"]) {
      await send(kv, "update", `l/${path}`, { y: 1 });
    }
    const keys = ["0", "Z", "a", "b", "d", "c/a", "c/d/e", "b/c", "b/a/z"];
    expect(dataOf(await send(kv, "scan", "l/"))).toEqual({ keys });
    expect(dataOf(await send(kv, "scan", ""))).toEqual({ keys: keys.map((key) => `l/${key}`) });
    expect(dataOf(await send(kv, "scan", "l/b/"))).toEqual({ keys: ["c", "a/z"] });
    expect(await send(kv, "scan", "none/")).toEqual({ kind: "data", data: {} });
  });

  it("kv1 returns numbers digit by digit", async () => {
    const { kv, storage } = setUp();
    const text = '{"a":123456789012345678901234567890,"b":1.0,"c":1e2,"d":9007199254740993,"e":5}';
    storage.poke("n", new TextEncoder().encode(text));
    expect(JSON.stringify(dataOf(await send(kv, "read", "n")))).toBe(text);
  });

  it("kv1 deletes a secret twice without an error", async () => {
    const { kv } = setUp();
    await send(kv, "update", "a", { x: 1 });
    for (const path of ["a", "a", "", "dir/"]) {
      expect(await send(kv, "delete", path)).toEqual({ kind: "done" });
    }
    expect(await send(kv, "read", "a")).toEqual({ kind: "missing" });
  });

  const refused: readonly [Operation, string, Record<string, unknown>, string][] = [
    ["update", "a", {}, "invalid_request: missing data fields"],
    ["create", "a", {}, "invalid_request: missing data fields"],
    ["update", "", { x: 1 }, "invalid_request: missing path"],
    ["create", "", {}, "invalid_request: missing path"],
    ["patch", "a", { x: 1 }, "unsupported_operation: unsupported operation"],
  ];
  it.each(refused)(
    "kv1 refuses %s of %j with %j and writes nothing",
    async (op, path, data, why) => {
      const { kv, storage } = setUp();
      expect(await refusal(send(kv, op, path, data))).toBe(why);
      expect(storage.commits).toBe(0);
    },
  );

  it("exists() of kv1 distinguishes a create from an update", async () => {
    const { kv } = setUp();
    expect(await kv.exists("a", "scope")).toBe(false);
    await kv.handle(request("create", "a", { x: 1 }));
    expect(await kv.exists("a", "scope")).toBe(true);
    expect(await kv.exists("", "scope")).toBe(false);
  });

  it("kv1 never reports a refused write or deletion as done", async () => {
    const { kv, storage } = setUp();
    storage.hook = () => "conflict";
    expect(await refusal(send(kv, "update", "a", { x: 1 }))).toMatch(/^store_conflict/);
    expect(await refusal(send(kv, "delete", "a"))).toMatch(/^store_conflict/);
  });

  it("kv1 seal-wraps every value", () => {
    expect(setUp().kv.wrapsPath("any/path")).toBe(true);
  });

  it("kv1 reports a damaged record as malformed without quoting it", async () => {
    const { kv, storage } = setUp();
    for (const text of ['{"pass":"hunter2"', '["hunter2"]', "\xff"]) {
      storage.poke("a", new TextEncoder().encode(text));
      const why = await refusal(send(kv, "read", "a"));
      expect(why).toMatch(/^record_malformed: /);
      expect(why).not.toContain("hunter2");
    }
  });
});
