/**
 * Starts the vault on Deno. The first argument, from `scripts/start_deno.mjs`, says how many files the
 * process may have open: without all rights, a program on Deno cannot ask the system.
 */

import process from "node:process";
import { descriptorLimit } from "./descriptors.ts";
import { listenOnDeno } from "./http1/listen_deno.ts";
import { startLocal } from "./local.ts";

const given = Number(process.argv[2]);
const descriptors = Number.isSafeInteger(given) && given > 0 ? given : descriptorLimit();
await startLocal({ runtime: "deno", listen: listenOnDeno, descriptors });
