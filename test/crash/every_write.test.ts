/** Stops every flow at each of its commits, on the memory store. */

import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { SQL_LIMITS } from "../../src/storage/sql/sql_limits.ts";
import { stopAtEveryWrite } from "./every_write.ts";

stopAtEveryWrite(async () => createMemoryStore(), SQL_LIMITS);
