/**
 * Runs the story of ../story.ts with node-vault: task on stdin, report on stdout, both JSON. Reports
 * the client's answers and checks nothing. Uses its generic read and write if it has no command.
 */

import process from "node:process";
import { policies, tokens, wrapping } from "./access.ts";
import { client, pick, report, task } from "./context.ts";
import { kv1, kv2, mounts } from "./engines.ts";
import { generateRoot } from "./generate_root.ts";
import { rekeyBarrierByRecovery, rekeyPlainly, rekeyWithPgp } from "./rekey.ts";
import { initialize, reopen, rotate, unseal } from "./seal.ts";
import { transit } from "./transit.ts";

async function tellShamir(): Promise<void> {
  const shares = await initialize();
  await unseal(shares);
  await mounts();
  await kv1();
  await kv2();
  await policies();
  await tokens();
  await wrapping();
  await transit();
  const fresh = await rekeyWithPgp(shares, false);
  report["reopened"] = await reopen(shares, fresh);
  const latest = await rekeyPlainly(fresh);
  await rotate();
  await generateRoot(latest);
}

async function tellStatic(): Promise<void> {
  const shares = await initialize();
  const shown = ["type", "sealed", "t", "n", "recovery_seal", "recovery_seal_type"];
  report["status"] = pick(await client.status(), ...shown);
  await mounts();
  await kv1();
  const fresh = await rekeyWithPgp(shares, true);
  await rekeyBarrierByRecovery(fresh);
  report["reopened"] = await reopen(shares, fresh);
  await rotate();
  await generateRoot(fresh);
}

await (task.seal === "shamir" ? tellShamir() : tellStatic());
process.stdout.write(JSON.stringify(report));
