/** What a SQL store takes in one commit. */

import {
  PATH_MAX_BYTES,
  RECORD_MAX_BYTES,
  SQL_COMMIT_EXPECTATIONS_MAX,
  SQL_COMMIT_MAX_BYTES,
  SQL_COMMIT_WRITES_MAX,
} from "../../limits.ts";
import type { StoreLimits } from "../store.ts";

/** Also of the memory store of tests. */
export const SQL_LIMITS: StoreLimits = {
  pathMaxBytes: PATH_MAX_BYTES,
  recordMaxBytes: RECORD_MAX_BYTES,
  commitMaxWrites: SQL_COMMIT_WRITES_MAX,
  commitMaxExpectations: SQL_COMMIT_EXPECTATIONS_MAX,
  commitMaxBytes: SQL_COMMIT_MAX_BYTES,
};
