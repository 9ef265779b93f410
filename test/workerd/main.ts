/** The Worker under test, with Durable Object classes that only tests need beside the vault's. */

import { DurableObject } from "cloudflare:workers";
import { VaultObject } from "../../src/runtimes/workers/workers.ts";
import type { DurableObjectState } from "@cloudflare/workers-types";

/** Of no other vault. */
export const STATIC_KEY = "a1".repeat(32);

export { default, VaultObject } from "../../src/runtimes/workers/workers.ts";

/** Only its SQLite storage is used. */
export class StoreObject extends DurableObject {}

/** A vault whose trail is kept; `SEALWRIGHT_*` vars would hold for every object of the project. */
export class AuditedVaultObject extends VaultObject {
  constructor(ctx: DurableObjectState, env: Readonly<Record<string, unknown>>) {
    super(ctx, { ...env, SEALWRIGHT_AUDIT_CONSOLE: "1" });
  }
}

/** The same, and it unseals itself. */
export class StaticVaultObject extends VaultObject {
  constructor(ctx: DurableObjectState, env: Readonly<Record<string, unknown>>) {
    super(ctx, {
      ...env,
      SEALWRIGHT_AUDIT_CONSOLE: "1",
      SEALWRIGHT_SEAL: "static",
      SEALWRIGHT_STATIC_SEAL_CURRENT_KEY_ID: "k1",
      SEALWRIGHT_STATIC_SEAL_CURRENT_KEY: STATIC_KEY,
    });
  }
}
