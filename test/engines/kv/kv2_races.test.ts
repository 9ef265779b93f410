import { describe, expect, it } from "vitest";
import { createKv2 } from "../../../src/engines/kv/kv2.ts";
import { COMMIT_TRIES_MAX } from "../../../src/limits.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import type { Operation } from "../../../src/wire/operation.ts";
import { createMemoryMountRecords, type MemoryMountRecords } from "../memory_engine_storage.ts";
import { type Data, dataOf, refusal, send } from "../engine_requests.ts";

type Step = readonly [Operation, string, Data];

/** Every kind of change that commits. Each commits exactly once. */
const STEPS: readonly Step[] = [
  ["update", "data/a", { data: { step: 0 } }],
  ["update", "data/a", { data: { step: 1 } }],
  ["patch", "data/a", { data: { patched: 2 } }],
  ["delete", "data/a", {}],
  ["update", "undelete/a", { versions: "1,2,3,4,5,6,7,8,9" }],
  ["update", "delete/a", { versions: [1] }],
  ["update", "destroy/a", { versions: [1] }],
  ["update", "metadata/a", { max_versions: 50 }],
  ["patch", "metadata/a", { custom_metadata: { owner: "me" } }],
  ["update", "config", { max_versions: 40 }],
  ["delete", "metadata/a", {}],
];

async function snapshot(storage: MemoryMountRecords): Promise<string> {
  const lines = storage.paths().map(async (path) =>
    `${path}=${new TextDecoder().decode((await storage.get(path))!.value)}`
  );
  return (await Promise.all(lines)).join("\n");
}

/** All version records belong to versions of the metadata that are not destroyed, and back. */
async function isConsistent(kv: Engine, storage: MemoryMountRecords): Promise<boolean> {
  const reply = await send(kv, "read", "metadata/a");
  const versions = reply.kind === "data" ? reply.data?.["versions"] as Record<string, Data> : {};
  const expected = Object.entries(versions)
    .filter(([, state]) => state["destroyed"] === false)
    .map(([version]) => `versions/${version}/a`);
  const found = storage.paths().filter((path) => path.startsWith("versions/"));
  return JSON.stringify(expected.sort()) === JSON.stringify([...found].sort());
}

describe("kv2 with several writers", () => {
  it("lets exactly one of two concurrent writers with the same cas win", async () => {
    const storage = createMemoryMountRecords();
    const kv = createKv2(storage);
    await send(kv, "update", "data/a", { data: { by: "setup" } });
    const outcomes = await Promise.all(
      ["left", "right"].map((by) =>
        refusal(send(kv, "update", "data/a", { data: { by }, options: { cas: 1 } }))
      ),
    );
    expect([...outcomes].sort()).toEqual([
      "accepted",
      "invalid_request: check-and-set parameter did not match the current version",
    ]);
    const winner = outcomes[0] === "accepted" ? "left" : "right";
    expect(dataOf(await send(kv, "read", "data/a")))
      .toMatchObject({ data: { by: winner }, metadata: { version: 2 } });
  });

  it("lets exactly one of two concurrent creations with cas 0 win", async () => {
    const kv = createKv2(createMemoryMountRecords());
    const outcomes = await Promise.all(
      [1, 2, 3].map((x) =>
        refusal(send(kv, "update", "data/a", { data: { x }, options: { cas: 0 } }))
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "accepted")).toHaveLength(1);
    expect(await send(kv, "read", "data/a", { version: 2 })).toEqual({ kind: "missing" });
  });

  it("kv2 keeps every one of many concurrent writes, each in a version of its own", async () => {
    const kv = createKv2(createMemoryMountRecords());
    await send(kv, "update", "config", { max_versions: 100 });
    const numbers = Array.from({ length: 10 }, (_, i) => i);
    const replies = await Promise.all(
      numbers.map((x) => send(kv, "update", "data/a", { data: { x } })),
    );
    const versions = replies.map((reply) => dataOf(reply)["version"] as number);
    expect([...versions].sort((a, b) => a - b)).toEqual(numbers.map((x) => x + 1));
    for (const x of numbers) {
      expect(dataOf(await send(kv, "read", "data/a", { version: versions[x] }))["data"])
        .toEqual({ x });
    }
  });

  it.each(STEPS.slice(0, -1).map(([operation, path], target) => ({ operation, path, target })))(
    "kv2 loses and repeats nothing when another writer overtakes step $target, $operation $path",
    async ({ target }) => {
      const storage = createMemoryMountRecords();
      const kv = createKv2(storage);
      const rival = createKv2(storage.rival);
      const written = new Map<unknown, unknown>();
      for (const [index, [operation, path, data]] of STEPS.slice(0, -1).entries()) {
        if (index === target) {
          storage.hook = async () => {
            storage.hook = null;
            await send(rival, "update", "config", { cas_required: false });
            const reply = await send(rival, "update", "data/a", { data: { rival: true } });
            written.set(dataOf(reply)["version"], { rival: true });
          };
        }
        storage.commits = 0;
        const reply = await send(kv, operation, path, data);
        expect(storage.commits).toBe(index === target ? 2 : 1);
        if (reply.kind === "data") written.set(reply.data?.["version"], data["data"]);
        expect(await isConsistent(kv, storage)).toBe(true);
      }
      expect([...written.keys()].sort()).toEqual([1, 2, 3, 4]);
      for (const [version, data] of written) {
        const reply = await send(kv, "read", "data/a", { version });
        // The last step on data destroys version 1, whichever writer made it.
        if (version === 1) expect(reply.kind).toBe("missing");
        else expect(dataOf(reply)["data"]).toMatchObject(data as Data);
      }
      expect(dataOf(await send(kv, "read", "metadata/a"))).toMatchObject({
        current_version: 4,
        max_versions: 50,
        current_metadata_version: 2,
        custom_metadata: { owner: "me" },
      });
      expect(dataOf(await send(kv, "read", "config"))["max_versions"]).toBe(40);
    },
  );

  it("removes a rival's newest version too when the key ends", async () => {
    const storage = createMemoryMountRecords();
    const kv = createKv2(storage);
    const rival = createKv2(storage.rival);
    await send(kv, "update", "data/a", { data: {} });
    storage.hook = async (number) => {
      if (number === 2) await send(rival, "update", "data/a", { data: {} });
    };
    await send(kv, "delete", "metadata/a");
    expect(storage.paths()).toEqual([]);
  });

  it("evaluates cas again after every lost commit", async () => {
    const storage = createMemoryMountRecords();
    const kv = createKv2(storage);
    const rival = createKv2(storage.rival);
    for (const operation of ["update", "patch"] as const) {
      const cas = dataOf(await send(rival, "update", "data/a", { data: {} }))["version"];
      storage.hook = async () => {
        storage.hook = null;
        await send(rival, "update", "data/a", { data: {} });
      };
      expect(await refusal(send(kv, operation, "data/a", { data: {}, options: { cas } })))
        .toBe("invalid_request: check-and-set parameter did not match the current version");
    }
    await send(rival, "update", "metadata/b", { max_versions: 1 });
    storage.hook = async () => {
      storage.hook = null;
      await send(rival, "update", "metadata/b", { max_versions: 2 });
    };
    expect(await refusal(send(kv, "patch", "metadata/b", { metadata_cas: 1, max_versions: 3 })))
      .toMatch(/metadata check-and-set parameter does not match/);
  });

  it("patches what a rival wrote last, not what it read first", async () => {
    const storage = createMemoryMountRecords();
    const kv = createKv2(storage);
    await send(kv, "update", "data/a", { data: { mine: 1 } });
    storage.hook = async () => {
      storage.hook = null;
      await send(createKv2(storage.rival), "patch", "data/a", { data: { rival: 1 } });
    };
    await send(kv, "patch", "data/a", { data: { late: 1 } });
    expect(dataOf(await send(kv, "read", "data/a"))["data"]).toEqual({
      mine: 1,
      rival: 1,
      late: 1,
    });
  });

  it("kv2 reads a key that was replaced between its two reads as the new one", async () => {
    const storage = createMemoryMountRecords();
    const rival = createKv2(storage.rival);
    await send(rival, "update", "data/a", { data: { old: 1 } });
    let isFirst = true;
    const slow = {
      ...storage.rival,
      get: async (path: string) => {
        if (isFirst && path.startsWith("versions/")) {
          isFirst = false;
          await send(rival, "delete", "metadata/a");
          await send(rival, "update", "data/a", { data: { new: 1 } }, { nowMs: 1000 });
        }
        return await storage.rival.get(path);
      },
    };
    expect(dataOf(await send(createKv2(slow), "read", "data/a"))).toMatchObject({
      data: { new: 1 },
      metadata: { created_time: "1970-01-01T00:00:01.000000000Z" },
    });
  });

  it("kv2 gives up after a bounded number of lost commits and changes nothing", async () => {
    const storage = createMemoryMountRecords();
    const kv = createKv2(storage);
    for (let i = 0; i < 3; i++) await send(kv, "update", "data/a", { data: { x: 1 } });
    await send(kv, "update", "delete/a", { versions: [2] });
    const before = await snapshot(storage);
    storage.hook = () => "conflict";
    for (const [operation, path, data] of STEPS) {
      storage.commits = 0;
      expect(await refusal(send(kv, operation, path, data)))
        .toBe("store_conflict: cannot finish the request: other writers kept winning");
      expect(storage.commits).toBe(COMMIT_TRIES_MAX);
    }
    expect(await snapshot(storage)).toBe(before);
  });

  it("changes nothing when the store fails, and succeeds when asked again", async () => {
    const storage = createMemoryMountRecords();
    const kv = createKv2(storage);
    for (const [operation, path, data] of STEPS) {
      const before = await snapshot(storage);
      storage.hook = () => "fail";
      expect(await refusal(send(kv, operation, path, data))).toBe("store_failed: the disk is full");
      expect(await snapshot(storage)).toBe(before);
      storage.hook = null;
      await send(kv, operation, path, data);
      expect(await isConsistent(kv, storage)).toBe(true);
    }
  });
});
