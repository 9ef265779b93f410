/** Runs the API contract against the app on a memory store, with and without an audit device. */

import { NO_DEVICES } from "../../src/audit/devices.ts";
import { apiContract, type SealKind } from "../contract/api.contract.ts";
import { type MemoryApiOptions, startMemoryApi, STATIC_SEAL } from "./memory_api.ts";

const options = (seal: SealKind): MemoryApiOptions => ({
  alarm: "timer",
  seal: seal === "static" ? STATIC_SEAL : { type: "shamir" },
});

apiContract("the app on the memory store", (seal) => startMemoryApi(options(seal)));
apiContract(
  "the app without an audit device",
  (seal) => startMemoryApi({ ...options(seal), audit: NO_DEVICES }),
);
