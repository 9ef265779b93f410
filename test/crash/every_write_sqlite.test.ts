/** Stops every flow at each of its commits, on SQLite. */

import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { SQL_LIMITS } from "../../src/storage/sql/sql_limits.ts";
import { stopAtEveryWrite } from "./every_write.ts";

stopAtEveryWrite(async () => openNodeSqlite(":memory:"), SQL_LIMITS);
