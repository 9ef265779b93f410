/**
 * Stops every flow at each of its commits, on the real Deno KV: files of a process of Deno. Takes
 * minutes, so it runs only in `npm run soak:deno-kv`; `every_write_deno_kv.test.ts` runs always.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe } from "vitest";
import { DENO_KV_LIMITS } from "../../src/storage/deno_kv/deno_kv_store.ts";
import { type DenoProcess, startDenoProcess } from "../storage/deno_process.ts";
import { stopAtEveryWrite } from "./every_write.ts";

describe.runIf(process.env["CRASH_DENO_KV_FILE"] === "1")("on Deno KV in a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "every-write-"));
  let deno: DenoProcess | undefined;
  afterAll(async () => {
    await deno?.kill();
    rmSync(folder, { recursive: true });
  });
  let files = 0;
  stopAtEveryWrite(() => {
    files += 1;
    deno ??= startDenoProcess();
    return deno.open(join(folder, `${files}.db`));
  }, DENO_KV_LIMITS);
});
