import { expect, it } from "vitest";
import type { OuterLayer } from "../../src/barrier/barrier.ts";
import { VaultError } from "../../src/errors.ts";
import { REWRAP_LANES } from "../../src/limits.ts";
import { rewrapSlice } from "../../src/rewrap/slice.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { settle } from "../barrier/doubles.ts";

const ENTRIES = 100;

async function createStore() {
  const store = createMemoryStore();
  const writes = Array.from({ length: ENTRIES }, (_, index) => ({
    path: `path-${index}`,
    bytes: Uint8Array.of(index),
    sealKeyId: "old",
  }));
  await store.commit({ writes });
  return store;
}

it("a slice has a bounded number of entries under way at a time", async () => {
  const held: (() => void)[] = [];
  let underWay = 0;
  let most = 0;
  const outer: OuterLayer = {
    keyId: "new",
    unwrap: async (_path, wrapped) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise<void>((resolve) => held.push(resolve));
      return Uint8Array.from(wrapped);
    },
    wrap: async (_path, value) => {
      underWay -= 1;
      return Uint8Array.of(...value, 255);
    },
  };
  const slice = rewrapSlice(await createStore(), outer, "old", null, 0);
  for (let done = 0; done < ENTRIES; done++) {
    while (held.length === 0) await settle();
    held.shift()?.();
  }
  const { writes } = await slice;
  expect(most).toBe(REWRAP_LANES);
  expect(writes.map(({ path, bytes }) => [path, bytes?.[0], bytes?.[1]]))
    .toEqual(Array.from({ length: ENTRIES }, (_, index) => [`path-${index}`, index, 255]));
});

it("a slice counts entries that do not open as failures and rewraps the others", async () => {
  const outer: OuterLayer = {
    keyId: "new",
    unwrap: async (_path, wrapped) => {
      if ((wrapped[0] ?? 0) % 10 === 3) throw new VaultError("ciphertext_rejected", "wrong");
      return Uint8Array.from(wrapped);
    },
    wrap: async (_path, value) => Uint8Array.from(value),
  };
  const slice = await rewrapSlice(await createStore(), outer, "old", null, 7);
  expect(slice.failures).toHaveLength(ENTRIES / 10);
  expect(slice.writes).toHaveLength(ENTRIES - ENTRIES / 10);
  expect(slice.expect).toHaveLength(slice.writes.length);
});

it("an error of the store or the seal ends the slice", async () => {
  const outer: OuterLayer = {
    keyId: "new",
    unwrap: () => Promise.reject(new VaultError("store_failed", "gone")),
    wrap: () => Promise.reject(new Error("not reached")),
  };
  await expect(rewrapSlice(await createStore(), outer, "old", null, 0)).rejects.toThrow("gone");
});
