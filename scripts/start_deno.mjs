/**
 * Replaces itself by Deno, serving the vault with no more permissions than its settings need. Deno
 * checks the settings itself; what does not look right here is not turned into a permission.
 */

import { mkdirSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { descriptorLimit } from "../src/runtimes/local/descriptors.ts";

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { env } = process;
const data = env.SEALWRIGHT_DATA || "./data";
const dataPaths = data === ":memory:" ? [] : [data];
const keyPaths = [
  env.SEALWRIGHT_STATIC_SEAL_CURRENT_KEY,
  env.SEALWRIGHT_STATIC_SEAL_CURRENT_KEY_ID,
  env.SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY,
  env.SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY_ID,
].filter((value) => value?.startsWith("file://")).map((value) => value.slice("file://".length));
const auditPaths = [env.SEALWRIGHT_AUDIT_FILE].filter(Boolean);
const tlsPaths = [env.SEALWRIGHT_TLS_CERT, env.SEALWRIGHT_TLS_KEY].filter(Boolean);

const readable = [...dataPaths, ...keyPaths, ...tlsPaths].filter(Boolean);
const writable = [...dataPaths, ...auditPaths];
const odd = [...readable, ...writable].find((path) => path.includes(","));
if (odd !== undefined) {
  // Deno splits its lists of paths at commas and has no way to write one.
  process.stderr.write(`sealwright: a path must not contain a comma: ${JSON.stringify(odd)}\n`);
  process.exit(1);
}
try {
  // Making it needs rights on the directory above, which the vault itself does not get.
  for (const path of dataPaths) mkdirSync(path, { recursive: true, mode: 0o700 });
} catch (error) {
  process.stderr.write(`sealwright: cannot make the data directory: ${error.message}\n`);
  process.exit(1);
}

const flags = [
  "--cached-only",
  "--no-remote",
  "--no-prompt",
  "--no-lock",
  "--quiet",
  `--config=${fromRoot("deno.json")}`,
  "--allow-env=SEALWRIGHT_*",
  // All of it: which collectors the audit devices write to is known only when the vault is open.
  "--allow-net",
];
if (readable.length > 0) flags.push(`--allow-read=${readable.join(",")}`);
if (writable.length > 0) flags.push(`--allow-write=${writable.join(",")}`);

const deno = fromRoot("node_modules/.bin/deno");
const program = [fromRoot("src/runtimes/local/deno.ts"), String(descriptorLimit())];
process.execve(deno, ["deno", "run", ...flags, ...program], { ...env, DENO_NO_UPDATE_CHECK: "1" });
