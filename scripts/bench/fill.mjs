/**
 * Helper: creates a vault with five shares, three needed, and the mounts `plain/` and `wrapped/`
 * (kv version 1, the latter seal-wrapped). Fills `wrapped/` through the barrier, without HTTP.
 */

import process from "node:process";
import { encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { createLog } from "../../src/log.ts";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { dataPrefix } from "../../src/engines/engine_module.ts";
import { Vault } from "../../src/vault/vault.ts";
import { entryName, entryValue } from "./entries.mjs";

const BATCH = 2000;
const MOUNT_CONFIG = { defaultLeaseSeconds: 0, maxLeaseSeconds: 0, forceNoCache: false };

async function openNewVault(file) {
  const vault = await Vault.open({
    store: openNodeSqlite(file),
    seal: { type: "shamir" },
    nowMs: Date.now,
    alarm: { set: () => {} },
    random: randomBytes,
    log: createLog({ level: "error", write: () => {}, style: "json", nowMs: Date.now }),
  });
  const counts = { shares: 5, threshold: 3 };
  const made = await vault.initialize({ counts, recipients: null, rootTokenRecipient: null });
  for (const share of made.shares.slice(0, 3)) await vault.submitUnsealShare(share, false);
  return { vault, made };
}

async function mount(open, path, sealWrap) {
  await open.mounts.mount({
    path,
    type: "kv",
    version: null,
    description: "",
    local: false,
    sealWrap,
    externalEntropyAccess: false,
    options: { version: "1" },
    config: MOUNT_CONFIG,
  });
  return dataPrefix(open.mounts.at(path).dataId);
}

async function fill(barrier, prefix, count, valueBytes) {
  const value = encodeUtf8(JSON.stringify(entryValue(valueBytes)));
  for (let start = 0; start < count; start += BATCH) {
    const length = Math.min(BATCH, count - start);
    const entries = Array.from({ length }, (_, index) => ({
      path: prefix + entryName(start + index),
      value,
      sealWrap: true,
    }));
    await barrier.commit({ entries });
  }
}

const { file, entries, valueBytes } = JSON.parse(process.argv[2]);
const { vault, made } = await openNewVault(file);
const open = vault.unsealed();
await mount(open, "plain/", false);
await fill(open.barrier, await mount(open, "wrapped/", true), entries, valueBytes);
await vault.close();
const shares = made.shares.map((share) => encodeHex(share));
process.stdout.write(JSON.stringify({ shares, rootToken: made.rootToken }));
