/** There are no namespaces but the root one, which has two names. */

import { invalidRequest, VaultError } from "../../errors.ts";
import type { Call } from "./call.ts";

/** Paths below `sys/` that belong to the server itself and cannot be used in a namespace. */
const ROOT_ONLY: readonly string[] = [
  "generate-recovery-token",
  "generate-root",
  "health",
  "in-flight-req",
  "init",
  "metrics",
  "pprof",
  "raw",
  "rekey",
  "rekey-recovery-key",
  "seal",
  "sealwrap",
  "step-down",
  "storage",
  "unseal",
];

/** Refuses them even while sealed, and for either name of the root. Throws `invalid_request`. */
export function refuseRestricted(call: Call): void {
  if ((call.namespace ?? "") === "") return;
  const [area, name] = call.path.split("/", 2);
  if (area === "sys" && name !== undefined && ROOT_ONLY.includes(name)) {
    throw invalidRequest("operation unavailable in namespaces");
  }
}

/** Throws `not_found` for any namespace but the root. */
export function refuseNamespace(call: Call): void {
  const namespace = (call.namespace ?? "").replaceAll("/", "");
  if (namespace !== "" && namespace !== "root") {
    throw new VaultError("not_found", "namespace not found");
  }
}
