/** The Worker under test, with Durable Object classes that only tests need beside the vault's. */

import { DurableObject } from "cloudflare:workers";
import { VaultObject } from "../../src/runtimes/workers.ts";
import type { DurableObjectState } from "@cloudflare/workers-types";

export { default, VaultObject } from "../../src/runtimes/workers.ts";

/** Only its SQLite storage is used. */
export class StoreObject extends DurableObject {}

/** A vault that unseals itself; `SEALWRIGHT_*` vars would hold for every object of the project. */
export class StaticVaultObject extends VaultObject {
  constructor(ctx: DurableObjectState, env: Readonly<Record<string, unknown>>) {
    super(ctx, {
      ...env,
      SEALWRIGHT_SEAL: "static",
      SEALWRIGHT_STATIC_SEAL_CURRENT_KEY_ID: "k1",
      SEALWRIGHT_STATIC_SEAL_CURRENT_KEY: "a1".repeat(32),
    });
  }
}
