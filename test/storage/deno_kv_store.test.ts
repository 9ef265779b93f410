/** The Deno KV store on a fake of Deno KV, where it can be stopped and overtaken at any point. */

import { describe, expect, it } from "vitest";
import { VaultError } from "../../src/errors.ts";
import { createDenoKvStore, DENO_KV_LIMITS } from "../../src/storage/deno_kv/deno_kv_store.ts";
import { ABSENT } from "../../src/storage/store.ts";
import type { Store, Write } from "../../src/storage/store.ts";
import { storeContract } from "../contract/store.contract.ts";
import { createFakeKv, type FakeKv } from "./fake_kv.ts";

const kvs = new WeakMap<Store, FakeKv>();
let openings = 0;

async function openOn(kv: FakeKv): Promise<Store> {
  openings += 1;
  const store = await createDenoKvStore(kv, `opening ${openings}`);
  kvs.set(store, kv);
  return store;
}

storeContract("Deno KV in memory", () => openOn(createFakeKv()), async (store) => {
  await store.close();
  return openOn(kvs.get(store)!.again());
});

function put(path: string, bytes: number | string, sealKeyId: string | null = null): Write {
  const content = typeof bytes === "string"
    ? new TextEncoder().encode(bytes)
    : new Uint8Array(bytes).fill(7);
  return { path, bytes: content, sealKeyId };
}

const FAILED = { code: "store_failed" };
const DEPOSED = { ...FAILED, message: expect.stringContaining("another process has opened it") };
const {
  commitMaxBytes,
  commitMaxExpectations,
  commitMaxWrites,
  pathMaxBytes,
  recordMaxBytes,
} = DENO_KV_LIMITS;

/** Paths of the longest kind. */
function longPaths(count: number, first = "p"): string[] {
  return Array.from({ length: count }, (_, at) => `${first}${at}/`.padEnd(pathMaxBytes, "x"));
}

describe("the Deno KV store within the limits of Deno KV", () => {
  it("the Deno KV store takes the worst commit that its limits allow", async () => {
    const kv = createFakeKv();
    const store = await openOn(kv);
    const paths = longPaths(commitMaxWrites);
    for (const path of paths) await store.commit({ writes: [put(path, recordMaxBytes, "old")] });
    const long = "k".repeat(pathMaxBytes);
    const size = Math.floor(commitMaxBytes / commitMaxWrites);
    const expectations = longPaths(commitMaxExpectations, "q")
      .map((path) => ({ path, revision: ABSENT }));
    const writes = paths.map((path) => put(path, size, long));
    expect((await store.commit({ expect: expectations, writes })).kind).toBe("committed");
    expect(kv.largest.mutations).toBeGreaterThan(700);
    expect(kv.largest.keyBytes).toBeGreaterThan(70_000);
    expect(await store.sealKeyCounts()).toEqual(new Map([[long, commitMaxWrites]]));
    await store.commit({ writes: paths.map((path) => ({ ...put(path, 0), bytes: null })) });
    let left = 0;
    const everything = { start: [new Uint8Array(0)], end: [Number.MAX_SAFE_INTEGER] };
    for await (const _entry of kv.list(everything, { limit: 1000, batchSize: 100 })) left += 1;
    expect(left).toBe(2);
  });

  it("a record that is moved while it is read is read whole, before or after", async () => {
    const kv = createFakeKv();
    const store = await openOn(kv);
    await store.commit({ writes: [put("a", "1".repeat(100_000))] });
    let isFirst = true;
    kv.onRead = async (keys) => {
      if (!isFirst || keys[1]?.[0] !== "p") return;
      isFirst = false;
      await store.commit({ writes: [put("a", "2".repeat(90_000))] });
    };
    const read = new TextDecoder().decode((await store.get("a"))?.bytes);
    expect(read).toBe("2".repeat(90_000));
    expect(isFirst).toBe(false);
  });
});

describe("the owner of a Deno KV store", () => {
  it("a process whose store another one opened neither reads nor writes any more", async () => {
    const kv = createFakeKv();
    const first = await openOn(kv);
    await first.commit({ writes: [put("a", "1", "k")] });
    const second = await openOn(kv.again());
    const uses = [
      () => first.commit({ writes: [put("b", "1")] }),
      () => first.get("a"),
      () => first.list("", "", 1),
      () => first.scan("", 1, 10),
      () => first.wrappedBy("k", null, 1, 10),
      () => first.sealKeyCounts(),
    ];
    for (const use of uses) await expect(use()).rejects.toMatchObject(DEPOSED);
    await second.commit({ writes: [put("a", "2", "k")] });
    expect(await second.list("", "", 5)).toEqual(["a"]);
  });

  it("a commit that was computed before another process opened the store is not applied", async () => {
    const kv = createFakeKv();
    const first = await openOn(kv);
    const opened = Promise.withResolvers<Store>();
    let isFirst = true;
    const { atomic } = kv;
    kv.atomic = () => {
      const real = atomic();
      return Object.assign(real, {
        commit: ((commit) => async () => {
          if (isFirst) {
            isFirst = false;
            opened.resolve(await openOn(kv.again()));
          }
          return await commit();
        })(real.commit),
      });
    };
    await expect(first.commit({ writes: [put("a", "1")] })).rejects.toMatchObject(DEPOSED);
    expect(await (await opened.promise).get("a")).toBeNull();
  });

  it("a change by another program that takes no part fails the commit, which writes nothing", async () => {
    const kv = createFakeKv();
    const store = await openOn(kv);
    const outcome = await store.commit({ writes: [put("a", "1")] });
    const revision = outcome.kind === "committed" ? outcome.revision : ABSENT;
    let isFirst = true;
    const other = kv.again();
    const key = ["r", new TextEncoder().encode("a")];
    const real = kv.onCommit;
    let changed: Promise<unknown> = Promise.resolve();
    kv.onCommit = (apply) => {
      if (isFirst) changed = other.atomic().delete(key).commit();
      isFirst = false;
      return real(apply);
    };
    const guarded = { expect: [{ path: "a", revision }], writes: [put("b", "1")] };
    await expect(store.commit(guarded)).rejects.toMatchObject({
      ...FAILED,
      message: expect.stringContaining("another program changes"),
    });
    await changed;
    expect(await store.get("b")).toBeNull();
  });

  it("a store with data of another program or of another format is refused", async () => {
    const foreign = createFakeKv();
    await foreign.atomic().set(["users", 1], "x").commit();
    await expect(openOn(foreign)).rejects.toMatchObject({
      ...FAILED,
      message: "cannot open the store: its database holds data of something else",
    });
    const newer = createFakeKv();
    await openOn(newer);
    await newer.atomic().set(["meta"], { format: 2 }).commit();
    await expect(openOn(newer.again())).rejects.toMatchObject({
      ...FAILED,
      message: expect.stringContaining("its format has version 2"),
    });
  });
});

describe("a Deno KV that fails", () => {
  it.each(["before", "after"] as const)(
    "a commit that fails %s it was applied has the outcome that it had",
    async (when) => {
      const kv = createFakeKv();
      const store = await openOn(kv);
      await store.commit({ writes: [put("a", "1", "k")] });
      let failing = true;
      kv.onCommit = (apply) => {
        if (!failing) return apply();
        failing = false;
        if (when === "after") apply();
        throw new Error("connection lost");
      };
      const [outcome] = await Promise.allSettled([store.commit({ writes: [put("a", "22", "k")] })]);
      const record = await store.get("a");
      if (when === "after") {
        expect(outcome).toMatchObject({ value: { kind: "committed", revision: record?.revision } });
      } else {
        expect(outcome).toMatchObject({
          reason: { ...FAILED, cause: { message: "connection lost" } },
        });
      }
      expect(record?.bytes).toHaveLength(when === "after" ? 2 : 1);
      expect(await store.sealKeyCounts()).toEqual(new Map([["k", 1]]));
    },
  );

  it("a commit that was lost on its way is not applied after its caller was told so", async () => {
    const kv = createFakeKv();
    const store = await openOn(kv);
    const late: (() => { ok: boolean })[] = [];
    kv.onCommit = (apply) => {
      late.push(apply);
      throw new Error("connection lost");
    };
    await expect(store.commit({ writes: [put("a", "1")] })).rejects.toMatchObject(FAILED);
    kv.onCommit = (apply) => apply();
    await store.commit({ writes: [put("b", "1")] });
    expect(late.map((apply) => apply().ok)).toEqual([false, false]);
    expect(await store.get("a")).toBeNull();
    expect(await store.get("b")).not.toBeNull();
  });

  it("an error of Deno KV is store_failed, and a closed store is unusable", async () => {
    const kv = createFakeKv();
    const store = await openOn(kv);
    kv.onRead = () => Promise.reject(new TypeError("resource"));
    const failed = await store.get("a").catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(VaultError);
    expect(failed).toMatchObject({ ...FAILED, cause: { message: "resource" } });
    kv.onRead = async () => {};
    const waiting = store.commit({ writes: [put("a", "1")] });
    await store.close();
    expect(await waiting).toMatchObject({ kind: "committed" });
    await store.close();
    await expect(store.get("a")).rejects.toMatchObject(FAILED);
    await expect(store.commit({ writes: [] })).rejects.toMatchObject(FAILED);
  });

  it("a store whose record has lost a part says that it is damaged", async () => {
    const kv = createFakeKv();
    const store = await openOn(kv);
    await store.commit({ writes: [put("a", 100_000)] });
    await kv.again().atomic().delete(["p", 2]).commit();
    await expect(store.get("a")).rejects.toMatchObject({
      ...FAILED,
      message: expect.stringContaining("damaged"),
    });
  });

  it("a Deno KV store promises no scrub", async () => {
    const store = await openOn(createFakeKv());
    expect(await store.scrub()).toBe("impossible");
    await store.scrubKeyRecords();
    expect(await store.sizeBytes()).toBeNull();
  });
});
