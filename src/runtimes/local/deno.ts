/**
 * Starts the vault on Deno. `scripts/start_deno.mjs` passes the limit on open files as the first
 * argument, because Deno programs need all permissions to ask the system for it.
 */

import process from "node:process";
import { descriptorLimit } from "./descriptors.ts";
import { listenOnDeno } from "./http1/listen_deno.ts";
import { startLocal } from "./local.ts";

const given = Number(process.argv[2]);
const descriptors = Number.isSafeInteger(given) && given > 0 ? given : descriptorLimit();
await startLocal({
  runtime: "deno",
  listen: listenOnDeno,
  descriptors,
  // Loaded on demand: few vaults lie there.
  openDenoKv: async (location) => (await import("./deno_kv.ts")).openDenoKv(location),
});
