/** Stops every flow at each of its commits, on the Deno KV store. */

import { createDenoKvStore, DENO_KV_LIMITS } from "../../src/storage/deno_kv/deno_kv_store.ts";
import { createFakeKv } from "../storage/fake_kv.ts";
import { stopAtEveryWrite } from "./every_write.ts";

stopAtEveryWrite(() => createDenoKvStore(createFakeKv(), "the test"), DENO_KV_LIMITS);
