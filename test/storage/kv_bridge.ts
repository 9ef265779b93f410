/**
 * Serves the real store on the real Deno KV to a test: a program for Deno. A line of JSON on stdin is
 * a call, and a line on stdout its answer. Calls begin in the order in which they come.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { VaultError } from "../../src/errors.ts";
import { openDenoKv } from "../../src/runtimes/local/deno_kv.ts";
import type { Store } from "../../src/storage/store.ts";
import { type Answer, type Call, fromJson, toJson } from "./kv_bridge_lines.ts";

const stores = new Map<number, Store>();

async function run({ store: number, method, args }: Call): Promise<unknown> {
  if (method === "open") {
    const store = await openDenoKv(String(args[0]));
    stores.set(number, store);
    return { storageType: store.storageType, limits: store.limits };
  }
  const store = stores.get(number);
  if (store === undefined) throw new Error("no such store");
  const body = store[method] as (...args: unknown[]) => Promise<unknown>;
  return await body.call(store, ...args);
}

function describe(error: unknown): Answer["error"] {
  if (!(error instanceof Error)) return { name: "Error", message: "unknown", code: null };
  const code = error instanceof VaultError ? error.code : null;
  return { name: error.name, message: error.message, code };
}

for await (const line of createInterface({ input: process.stdin })) {
  const call = fromJson(line) as Call;
  void run(call).then(
    (result): Answer => ({ id: call.id, result, error: null }),
    (error: unknown): Answer => ({ id: call.id, result: null, error: describe(error) }),
  ).then((answer) => process.stdout.write(`${toJson(answer)}\n`));
}
