import { createApp } from "/work/main/src/http/app.ts";
import { randomBytes } from "/work/main/src/crypto/random.ts";
import { Vault } from "/work/main/src/vault/vault.ts";
import { createFileOpener } from "/work/main/src/runtimes/audit_file.ts";
import { createAuditSettings } from "/work/main/src/runtimes/audit_sinks.ts";
import { openNodeSqlite } from "/work/main/src/runtimes/node_sqlite.ts";
import process from "node:process";

async function make(audit: boolean) {
const log: any = { debug() {}, info() {}, warn() {}, error(...a: any[]) { console.log(...a) } };
const vault = await Vault.open({ store: openNodeSqlite(process.argv[3] ?? ":memory:"), seal: { type: "shamir" }, nowMs: Date.now, alarm: { set() {} }, random: randomBytes, log,
  ...(audit ? { audit: createAuditSettings({ writeConsole() {}, openFile: createFileOpener(null) }, { filePath: "/tmp/ab/a.log", httpUrl: null, console: false }) } : {}) } as any);
const app = createApp(vault, { rekeyAccess: "token", generateRootAccess: "token", clientAddress: () => "127.0.0.1", version: "x", rateLimits: {} } as any);
let token = "";
const call = async (method: string, path: string, body?: unknown) => {
  const r = await app.fetch(new Request("http://h/v1/" + path, { method, headers: { "x-vault-token": token, "user-agent": "bench" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }));
  const t = await r.text(); if (r.status >= 400) throw new Error(path + t); return t ? JSON.parse(t) : null;
};
const init = await call("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
await call("PUT", "sys/unseal", { key: init.keys[0] });
token = init.root_token;
await call("PUT", "sys/mounts/kv", { type: "kv" });
for (const [n, p] of [["a", 'path "x/*" { capabilities = ["read"] }'], ["b", 'path "kv/+" { capabilities = ["create","read","update"] }'], ["c", 'path "y" { capabilities = ["read"] }']]) await call("PUT", "sys/policies/acl/" + n, { policy: p });
token = (await call("POST", "auth/token/create", { policies: ["a", "b", "c"] })).auth.client_token;
const value = { value: "v".repeat(1024) };

  return async (kind: string, n: number) => {
    const c0 = process.cpuUsage(); let i = 0;
    await Promise.all(Array.from({ length: 32 }, async () => { while (i++ < n) await (kind === "w" ? call("PUT", "kv/e" + i % 1000, value) : call("GET", "kv/e" + i % 1000)); }));
    const c = process.cpuUsage(c0); return (c.user + c.system) / n;
  };
}
const plain = await make(false), audited = await make(process.argv[2] === "1");
for (const run of [plain, audited]) { await run("w", 3000); await run("r", 3000); }
const med = (x: number[]) => x.sort((a, b) => a - b)[x.length >> 1];
for (const kind of ["w", "r"]) {
  const a: number[] = [], b: number[] = [];
  for (let k = 0; k < 40; k++) { a.push(await plain(kind, 500)); b.push(await audited(kind, 500)); }
  const q = (x: number[]) => x[x.length >> 2];
  med(a); med(b);
  console.log(kind, "plain", med(a).toFixed(0), q(a).toFixed(0), "audit", med(b).toFixed(0), q(b).toFixed(0), "ratio", (med(b)/med(a)).toFixed(2), (q(b)/q(a)).toFixed(2));
}
process.exit(0)
