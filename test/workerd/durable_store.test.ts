import { evictDurableObject } from "cloudflare:test";
import type { DurableObjectStub } from "@cloudflare/workers-types";
import type { Store } from "../../src/storage/store.ts";
import { storeContract } from "../contract/store.contract.ts";
import { durableStore, newObject } from "./objects.ts";

const stubs = new Map<Store, DurableObjectStub>();

function open(stub: DurableObjectStub): Store {
  const store = durableStore(stub);
  stubs.set(store, stub);
  return store;
}

/** Evicts the object instead of closing the store, so it gets no warning. */
async function reopen(store: Store): Promise<Store> {
  const stub = stubs.get(store);
  if (stub === undefined) throw new Error("a store of another test");
  await evictDurableObject(stub);
  return open(stub);
}

storeContract(
  "SQLite of a Durable Object",
  () => Promise.resolve(open(newObject("STORE"))),
  reopen,
);
