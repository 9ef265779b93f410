/**
 * Helper: the least a kv request can cost. Hono on the runtime's usual server, JSON parsing, and
 * one statement on the product's SQLite driver with the product's durability; the writes of one
 * turn share a transaction. No token, no policy, no encryption.
 */

import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { setImmediate } from "node:timers";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createNodeDriver } from "../../src/runtimes/local/node_sqlite.ts";
import { createGroupCommit } from "../../src/storage/sql/group_commit.ts";

const PUT = `INSERT INTO entries (path, json) VALUES (?, ?)
  ON CONFLICT (path) DO UPDATE SET json = excluded.json`;
const GET = "SELECT json FROM entries WHERE path = ?";

const { runtime, port, file } = JSON.parse(process.argv[2]);
const driver = createNodeDriver(new DatabaseSync(file));
for (
  const setting of [
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_mode = WAL",
  ]
) driver.all(setting);
driver.run("CREATE TABLE entries (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, json TEXT)");
const commits = createGroupCommit(
  (group) =>
    driver.transaction(() => group.map(({ path, json }) => driver.run(PUT, path, json) ?? true)),
  (flush) => setImmediate(flush),
);

const app = new Hono();
app.put("/v1/*", async (c) => {
  const body = await c.req.json();
  await commits.add({ path: c.req.path, json: JSON.stringify(body) });
  return c.body(null, 204);
});
app.get("/v1/*", (c) => {
  const json = driver.all(GET, c.req.path)[0]?.json;
  return json === undefined ? c.notFound() : c.json({ data: JSON.parse(json) });
});

const hostname = "127.0.0.1";
switch (runtime) {
  case "deno":
    globalThis.Deno.serve({ hostname, port, onListen: () => {} }, app.fetch);
    break;
  case "bun":
    globalThis.Bun.serve({ hostname, port, fetch: app.fetch });
    break;
  default:
    serve({ fetch: app.fetch, hostname, port });
}
