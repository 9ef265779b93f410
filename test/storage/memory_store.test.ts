import { expect, it } from "vitest";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { storeContract } from "../contract/store.contract.ts";

storeContract("the memory store", async () => createMemoryStore());

it("the memory store names itself as Vault does", () => {
  expect(createMemoryStore().storageType).toBe("inmem");
});
