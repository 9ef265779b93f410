/** Opens Durable Objects of the `workerd` project, and the stores inside them. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Store } from "../../src/storage/store.ts";
import { createDurableStore } from "../../src/runtimes/workers/durable_sqlite.ts";
import { SQL_LIMITS } from "../../src/storage/sql/sql_limits.ts";
import type { DurableObjectNamespace, DurableObjectStub } from "@cloudflare/workers-types";

const bindings = env as unknown as Readonly<Record<Binding, DurableObjectNamespace>>;
let lastObject = 0;

type Binding = "VAULT" | "AUDITED_VAULT" | "STATIC_VAULT" | "STORE";

/** A new object with nothing stored. */
export function newObject(binding: Binding): DurableObjectStub {
  lastObject += 1;
  const namespace = bindings[binding];
  return namespace.get(namespace.idFromName(`object ${lastObject} ${crypto.randomUUID()}`));
}

/**
 * The store in an object's storage. Storage can be used only inside the object, so calls enter it. Calls of
 * one turn enter together because separate ones may overtake each other. The store is opened once per
 * instance, as in production.
 */
export function durableStore(stub: DurableObjectStub): Store {
  const opened = new WeakMap<object, Store>();
  let entering: Promise<readonly PromiseSettledResult<unknown>[]> | null = null;
  let calls: ((store: Store) => Promise<unknown>)[] = [];
  const enter = async (): Promise<readonly PromiseSettledResult<unknown>[]> => {
    await Promise.resolve();
    const gathered = calls;
    calls = [];
    entering = null;
    return await runInDurableObject(stub, (instance: object, state) => {
      const store = opened.get(instance) ?? createDurableStore(state.storage);
      opened.set(instance, store);
      return Promise.allSettled(gathered.map(async (call) => await call(store)));
    });
  };
  const within = async <T>(call: (store: Store) => Promise<T>): Promise<T> => {
    const place = calls.push(call) - 1;
    entering ??= enter();
    const result = (await entering)[place];
    if (result?.status !== "fulfilled") throw result?.reason;
    return result.value as T;
  };
  return {
    storageType: "durable-object",
    limits: SQL_LIMITS,
    scan: (...given) => within((store) => store.scan(...given)),
    get: (path) => within((store) => store.get(path)),
    list: (...given) => within((store) => store.list(...given)),
    wrappedBy: (...given) => within((store) => store.wrappedBy(...given)),
    sealKeyCounts: () => within((store) => store.sealKeyCounts()),
    commit: (commit) => within((store) => store.commit(commit)),
    scrub: () => within((store) => store.scrub()),
    scrubKeyRecords: () => within((store) => store.scrubKeyRecords()),
    sizeBytes: () => within((store) => store.sizeBytes()),
    close: () => within((store) => store.close()),
  };
}
