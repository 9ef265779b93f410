/** Namespaces do not exist here; the root one has two names. */

import { invalidRequest, VaultError } from "../../errors.ts";
import type { Call } from "./call.ts";

/** Below `sys/`: what belongs to the server itself, which no request may ask of a namespace. */
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

/** Refused even while sealed, and the root namespace by any name too. Throws `invalid_request`. */
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
