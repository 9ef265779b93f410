/** Test helper: a barrier over a memory store. Nothing in it is wrapped by a seal. */

import { Barrier } from "../../src/barrier/barrier.ts";
import { createKeyring } from "../../src/barrier/keyring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import type { Store } from "../../src/storage/store.ts";

/** `store` defaults to a new one. */
export function openBarrier(store: Store = createMemoryStore()): Barrier {
  return new Barrier({
    store,
    random: randomBytes,
    keyring: createKeyring(randomBytes, 0),
    outer: { keyId: "none", wrap: unused, unwrap: unused },
    operations: 0,
  });
}

async function unused(): Promise<Uint8Array<ArrayBuffer>> {
  throw new Error("nothing here is wrapped");
}
