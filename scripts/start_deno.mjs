/**
 * Replaces itself with Deno, which serves the vault with only the permissions its settings need.
 * The vault checks the settings itself; a value that looks wrong here just grants no permission.
 */

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { descriptorLimit } from "../src/runtimes/local/descriptors.ts";

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { env } = process;
const data = env.SEALWRIGHT_DATA || "./data";
const isDenoKv = env.SEALWRIGHT_STORAGE === "deno-kv";
const denoKv = env.SEALWRIGHT_DENO_KV ?? "";
const isDenoKvFile = isDenoKv && denoKv !== "" && !/^https?:\/\//.test(denoKv);
const dataPaths = [
  ...(data === ":memory:" ? [] : [data]),
  // SQLite, below Deno KV, has files beside the one that is named.
  ...(isDenoKvFile ? [dirname(denoKv)] : []),
];
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
  // Deno splits its path lists at commas and cannot escape one.
  process.stderr.write(`sealwright: a path must not contain a comma: ${JSON.stringify(odd)}\n`);
  process.exit(1);
}
try {
  // Creating it needs permission on the parent directory, which the vault does not get.
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
  // Unrestricted: the audit devices' collectors are known only once the vault is unsealed.
  "--allow-net",
];
if (isDenoKv) flags.push("--unstable-kv");
if (readable.length > 0) flags.push(`--allow-read=${readable.join(",")}`);
if (writable.length > 0) flags.push(`--allow-write=${writable.join(",")}`);

const deno = fromRoot("node_modules/.bin/deno");
const program = [fromRoot("src/runtimes/local/deno.ts"), String(descriptorLimit())];
process.execve(deno, ["deno", "run", ...flags, ...program], { ...env, DENO_NO_UPDATE_CHECK: "1" });
