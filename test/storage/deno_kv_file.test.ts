/** The store on the real Deno KV, in a local file, in a process of Deno. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DENO_KV_LIMITS } from "../../src/storage/deno_kv/deno_kv_store.ts";
import { ABSENT } from "../../src/storage/store.ts";
import type { Store, Write } from "../../src/storage/store.ts";
import { storeContract } from "../contract/store.contract.ts";
import { type DenoProcess, startDenoProcess } from "./deno_process.ts";

const folder = mkdtempSync(join(tmpdir(), "deno-kv-"));
const files = new WeakMap<Store, string>();
let deno: DenoProcess;
beforeAll(() => {
  deno = startDenoProcess();
});
afterAll(async () => {
  await deno.kill();
  rmSync(folder, { recursive: true });
});

let lastFile = 0;
function newFile(): string {
  lastFile += 1;
  return join(folder, String(lastFile), "kv.db");
}

async function openFile(file: string): Promise<Store> {
  const store = await deno.open(file);
  files.set(store, file);
  return store;
}

storeContract("Deno KV in a file", () => openFile(newFile()), async (store) => {
  await store.close();
  return openFile(files.get(store) ?? "");
});

function put(path: string, sizeBytes: number, sealKeyId: string | null = null): Write {
  return { path, bytes: new Uint8Array(sizeBytes).fill(7), sealKeyId };
}

const DEPOSED = {
  code: "store_failed",
  message: expect.stringContaining("another process has opened it"),
};

describe("Deno KV in a file", () => {
  it("the real Deno KV takes the worst commit that the store's limits allow", async () => {
    const { commitMaxBytes, commitMaxExpectations, commitMaxWrites, pathMaxBytes, recordMaxBytes } =
      DENO_KV_LIMITS;
    const longPaths = (count: number, first: string) =>
      Array.from({ length: count }, (_, at) => `${first}${at}/`.padEnd(pathMaxBytes, "x"));
    const store = await openFile(newFile());
    const paths = longPaths(commitMaxWrites, "p");
    for (const path of paths) await store.commit({ writes: [put(path, recordMaxBytes, "old")] });
    const expectations = longPaths(commitMaxExpectations, "q")
      .map((path) => ({ path, revision: ABSENT }));
    // Not Latin-1, so that V8 takes two bytes for each character.
    const long = `\u0101${"k".repeat(pathMaxBytes - 2)}`;
    const size = Math.floor(commitMaxBytes / commitMaxWrites);
    const writes = paths.map((path) => put(path, size, long));
    expect((await store.commit({ expect: expectations, writes })).kind).toBe("committed");
    expect(await store.sealKeyCounts()).toEqual(new Map([[long, commitMaxWrites]]));
    await store.close();
  });

  it("a process whose file another process opened neither reads nor writes any more", async () => {
    const file = newFile();
    const first = await openFile(file);
    await first.commit({ writes: [put("a", 1)] });
    const other = startDenoProcess();
    const second = await other.open(file);
    await expect(first.get("a")).rejects.toMatchObject(DEPOSED);
    await expect(first.commit({ writes: [put("b", 1)] })).rejects.toMatchObject(DEPOSED);
    await second.commit({ writes: [put("c", 1)] });
    expect(await second.list("", "", 5)).toEqual(["a", "c"]);
    await other.kill();
  });

  it("a commit acknowledged right before SIGKILL is kept by Deno KV", async () => {
    const file = newFile();
    const killed = startDenoProcess();
    const store = await killed.open(file);
    await store.commit({ writes: [put("a", 100_000, "k")] });
    await killed.kill();
    const next = await openFile(file);
    expect((await next.get("a"))?.bytes).toEqual(put("a", 100_000).bytes);
    expect(await next.sealKeyCounts()).toEqual(new Map([["k", 1]]));
    await next.close();
  });

  it("the file of Deno KV and its folder are for their owner only", async () => {
    const file = newFile();
    const store = await openFile(file);
    await store.commit({ writes: [put("a", 1)] });
    const mode = (path: string) => statSync(path).mode & 0o777;
    expect(mode(join(file, ".."))).toBe(0o700);
    for (const end of ["", "-wal", "-shm"]) expect(mode(`${file}${end}`)).toBe(0o600);
    await store.close();
  });

  it("a file that is no Deno KV is refused, naming it, and left as it is", async () => {
    const file = join(folder, "notes.txt");
    writeFileSync(file, "no database ".repeat(500));
    await expect(deno.open(file)).rejects.toMatchObject({
      code: "store_failed",
      message: expect.stringContaining(`cannot open Deno KV at ${file}: `),
    });
    expect(readFileSync(file, "utf8")).toBe("no database ".repeat(500));
  });
});
