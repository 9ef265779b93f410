import { describe, expect, it } from "vitest";
import { createCubbyhole, destroyScope } from "../../src/engines/cubbyhole.ts";
import { createMemoryMountRecords } from "./memory_engine_storage.ts";
import { dataOf, refusal, send } from "./engine_requests.ts";

const ROOT = { tokenScope: "r" };
const OTHER = { tokenScope: "ro" };

function setUp() {
  const storage = createMemoryMountRecords();
  return { storage, cubbyhole: createCubbyhole(storage) };
}

describe("cubbyhole", () => {
  it("cubbyhole keeps the same path of two tokens apart, with lease 0", async () => {
    const { cubbyhole } = setUp();
    await send(cubbyhole, "update", "a", { x: "root" }, ROOT);
    await send(cubbyhole, "update", "a", { x: "mine" }, OTHER);
    expect(await send(cubbyhole, "read", "a", {}, ROOT))
      .toEqual({ kind: "data", data: { x: "root" }, leaseSeconds: 0 });
    expect(dataOf(await send(cubbyhole, "read", "a", {}, OTHER))).toEqual({ x: "mine" });
    expect(dataOf(await send(cubbyhole, "list", "", {}, OTHER))).toEqual({ keys: ["a"] });
    await send(cubbyhole, "delete", "a", {}, OTHER);
    for (const path of ["a", "", "dir/"]) {
      expect(await send(cubbyhole, "delete", path, {}, OTHER)).toEqual({ kind: "done" });
    }
    expect(await send(cubbyhole, "read", "a", {}, OTHER)).toEqual({ kind: "missing" });
    expect(await send(cubbyhole, "list", "", {}, OTHER)).toEqual({ kind: "missing" });
    expect(dataOf(await send(cubbyhole, "read", "a", {}, ROOT))).toEqual({ x: "root" });
  });

  it("a cubbyhole path cannot reach another token's scope", async () => {
    const { cubbyhole } = setUp();
    await send(cubbyhole, "update", "secret", { x: 1 }, { tokenScope: "r" });
    for (const path of ["r/secret", "../r/secret", "/r/secret"]) {
      expect(await send(cubbyhole, "read", path, {}, OTHER)).toEqual({ kind: "missing" });
    }
  });

  it("exists() of cubbyhole looks within the scope only", async () => {
    const { cubbyhole } = setUp();
    await send(cubbyhole, "update", "a", { x: 1 }, ROOT);
    expect(await cubbyhole.exists("a", "r")).toBe(true);
    expect(await cubbyhole.exists("a", "ro")).toBe(false);
    expect(await cubbyhole.exists("", "r")).toBe(false);
  });

  it("destroyScope() removes thousands of records of one token and none of another's", async () => {
    const { cubbyhole, storage } = setUp();
    const value = new TextEncoder().encode("{}");
    await storage.commit(Array.from({ length: 1234 }, (_, i) => ({ path: `r/d/${i}`, value })));
    await send(cubbyhole, "update", "__proto__", { x: 1 }, ROOT);
    await send(cubbyhole, "update", "a", { x: 1 }, OTHER);
    await destroyScope(storage, "r");
    expect(storage.paths()).toEqual(["ro/a"]);
    await destroyScope(storage, "r");
  });

  it("cubbyhole refuses empty writes and paths in OpenBao's words", async () => {
    const { cubbyhole } = setUp();
    expect(await refusal(send(cubbyhole, "update", "a", {}))).toBe(
      "invalid_request: 1 error occurred:\n\t* missing data fields\n\n",
    );
    expect(await refusal(send(cubbyhole, "read", ""))).toBe(
      "invalid_request: 1 error occurred:\n\t* missing path\n\n",
    );
    expect(await refusal(send(cubbyhole, "update", "", { x: 1 }))).toBe(
      "invalid_request: 1 error occurred:\n\t* missing path\n\n",
    );
    expect(await refusal(send(cubbyhole, "patch", "a", { x: 1 }))).toMatch(
      /^unsupported_operation/,
    );
  });

  it("cubbyhole refuses every operation of batch tokens, whose data could not be removed", async () => {
    const { cubbyhole, storage } = setUp();
    const more = { tokenType: "batch" as const };
    for (const operation of ["read", "list", "create", "update", "delete", "scan"] as const) {
      expect(await refusal(send(cubbyhole, operation, "a", { x: 1 }, more))).toBe(
        "invalid_request: cubbyhole operations are only supported by 'service' type tokens",
      );
    }
    expect(storage.commits).toBe(0);
    expect(await refusal(send(cubbyhole, "update", "a", { x: 1 }, { tokenType: null })))
      .toBe("accepted");
  });

  it("cubbyhole has no paging and no scan", async () => {
    const { cubbyhole } = setUp();
    await send(cubbyhole, "update", "a", { x: 1 }, ROOT);
    expect(await send(cubbyhole, "list", "", { limit: "x" }, ROOT)).toMatchObject({
      data: { keys: ["a"] },
      warnings: ["Endpoint ignored these unrecognized parameters: [limit]"],
    });
    expect(await refusal(send(cubbyhole, "scan", "", {}, ROOT))).toMatch(/^unsupported_operation/);
  });

  it.each(["", "a/b"])("cubbyhole refuses to work in the scope %j", async (tokenScope) => {
    const { cubbyhole, storage } = setUp();
    await expect(send(cubbyhole, "read", "a", {}, { tokenScope })).rejects.toThrow(RangeError);
    await expect(destroyScope(storage, tokenScope)).rejects.toThrow(RangeError);
  });

  it("cubbyhole never reports a refused write or deletion as done", async () => {
    const { cubbyhole, storage } = setUp();
    storage.hook = () => "conflict";
    expect(await refusal(send(cubbyhole, "update", "a", { x: 1 }))).toMatch(/^store_conflict/);
    expect(await refusal(send(cubbyhole, "delete", "a"))).toMatch(/^store_conflict/);
  });

  it("cubbyhole seal-wraps every value", () => {
    expect(setUp().cubbyhole.wrapsPath("r/a")).toBe(true);
  });
});
