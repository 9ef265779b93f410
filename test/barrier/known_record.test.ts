import { expect, it, vi } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { openBarrier } from "./open_barrier.ts";

function createBarrier() {
  const store = createMemoryStore();
  const barrier = openBarrier(store);
  const write = (path: string, text: string | null) =>
    barrier.commit({ entries: [{ path, value: text === null ? null : encodeUtf8(text) }] });
  return { barrier, store, write };
}

it("get() returns a known record without decrypting it until it is written again", async () => {
  const { barrier, write } = createBarrier();
  await write("a", "one");
  const known = await barrier.get("a") ?? undefined;
  const decrypt = vi.spyOn(crypto.subtle, "decrypt");
  await write("b", "elsewhere");
  expect(await barrier.get("a", known)).toBe(known);
  expect(decrypt).not.toHaveBeenCalled();
  decrypt.mockRestore();

  await write("a", "two");
  const after = await barrier.get("a", known);
  expect(after).not.toBe(known);
  expect(decodeUtf8(after?.value ?? new Uint8Array())).toBe("two");
});

it("get() does not return a known record that was removed and written again", async () => {
  const { barrier, write } = createBarrier();
  await write("a", "one");
  const known = await barrier.get("a") ?? undefined;
  await write("a", null);
  expect(await barrier.get("a", known)).toBeNull();
  await write("a", "one");
  expect(await barrier.get("a", known)).not.toBe(known);
});

it("has() finds a record without decrypting it", async () => {
  const { barrier, store, write } = createBarrier();
  await write("a", "one");
  await store.commit({ writes: [{ path: "b", bytes: new Uint8Array(3), sealKeyId: null }] });
  expect([await barrier.has("a"), await barrier.has("b"), await barrier.has("c")])
    .toEqual([true, true, false]);
});
