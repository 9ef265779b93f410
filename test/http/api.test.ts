import { apiContract } from "../contract/api.contract.ts";
import { startMemoryApi, STATIC_SEAL } from "./memory_api.ts";

apiContract(
  "the app on the memory store",
  (seal) =>
    startMemoryApi({ alarm: "timer", seal: seal === "static" ? STATIC_SEAL : { type: "shamir" } }),
);
