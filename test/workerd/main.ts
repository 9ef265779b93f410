/** The Worker under test, with an empty Durable Object class beside the vault's. */

import { DurableObject } from "cloudflare:workers";

export { default, VaultObject } from "../../src/runtimes/workers.ts";

/** Only its SQLite storage is used. */
export class StoreObject extends DurableObject {}
