/** A store in a process of Deno, on the real Deno KV, as if it were here. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { VaultError } from "../../src/errors.ts";
import type { Store, StoreLimits } from "../../src/storage/store.ts";
import { type Answer, type Call, fromJson, type Method, toJson } from "./kv_bridge_lines.ts";

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const DENO = fromRoot("node_modules/.bin/deno");
const FLAGS = [
  "run",
  "--cached-only",
  "--no-lock",
  "--quiet",
  `--config=${fromRoot("deno.json")}`,
  "--unstable-kv",
  "--allow-read",
  "--allow-write",
  "--allow-env",
];

export interface DenoProcess {
  open(location: string): Promise<Store>;
  /** SIGKILL; resolves when it has gone. Calls that wait for an answer reject. */
  kill(): Promise<void>;
}

export function startDenoProcess(): DenoProcess {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    DENO,
    [...FLAGS, fromRoot("test/storage/kv_bridge.ts")],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  let stores = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, result, error } = fromJson(line) as Answer;
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === null) call?.resolve(result);
    else call?.reject(revive(error));
  });
  const exited = once(child, "exit").then(() => {
    for (const call of waiting.values()) call.reject(new Error("Deno has ended"));
  });
  child.stdin.on("error", () => {});

  function send(store: number, method: Call["method"], args: readonly unknown[]): Promise<unknown> {
    const call = Promise.withResolvers<unknown>();
    calls += 1;
    waiting.set(calls, call);
    child.stdin.write(`${toJson({ id: calls, store, method, args })}\n`);
    return call.promise;
  }

  return {
    async open(location) {
      stores += 1;
      const number = stores;
      const opened = await send(number, "open", [location]);
      return remoteStore(
        opened as Pick<Store, "storageType" | "limits">,
        (method, args) => send(number, method, args),
      );
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function remoteStore(
  { storageType, limits }: { readonly storageType: string; readonly limits: StoreLimits },
  send: (method: Method, args: readonly unknown[]) => Promise<unknown>,
): Store {
  const remote = <Name extends Method>(name: Name): Store[Name] =>
    ((...args: readonly unknown[]) => send(name, args)) as Store[Name];
  return {
    storageType,
    limits,
    get: remote("get"),
    list: remote("list"),
    scan: remote("scan"),
    wrappedBy: remote("wrappedBy"),
    sealKeyCounts: remote("sealKeyCounts"),
    commit: remote("commit"),
    scrub: remote("scrub"),
    scrubKeyRecords: remote("scrubKeyRecords"),
    sizeBytes: remote("sizeBytes"),
    close: remote("close"),
  };
}

function revive({ name, message, code }: NonNullable<Answer["error"]>): Error {
  if (code !== null) return new VaultError(code, message);
  if (name === "TypeError") return new TypeError(message);
  return name === "RangeError" ? new RangeError(message) : new Error(message);
}
