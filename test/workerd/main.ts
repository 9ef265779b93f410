/** The Worker under test, with the vault's Durable Object class and others that only tests need. */

import { DurableObject } from "cloudflare:workers";
import { VaultObject } from "../../src/runtimes/workers/workers.ts";
import type { DurableObjectState } from "@cloudflare/workers-types";

/** The static seal key of `StaticVaultObject`; no other vault uses it. */
export const STATIC_KEY = "a1".repeat(32);

export { default, VaultObject } from "../../src/runtimes/workers/workers.ts";

/** An object of which only the SQLite storage is used. */
export class StoreObject extends DurableObject {}

/** A vault with an audit trail. `SEALWRIGHT_*` vars would apply to every object of the project. */
export class AuditedVaultObject extends VaultObject {
  constructor(ctx: DurableObjectState, env: Readonly<Record<string, unknown>>) {
    super(ctx, { ...env, SEALWRIGHT_AUDIT_CONSOLE: "1" });
  }
}

/** A vault with an audit trail that unseals itself. */
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
