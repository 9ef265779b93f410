/** Writes and reads secrets with openapi-fetch and types from openapi-typescript. Reports what it read. */

import process from "node:process";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

// @ts-expect-error The described request always has a secret.
export const WITHOUT_SECRET: components["schemas"]["KvDataPathRequest"] = { data: null };

const { API: baseUrl = "", TOKEN = "" } = process.env;
const client = createClient<paths>({ baseUrl, headers: { "X-Vault-Token": TOKEN } });

const GATE = {
  gate: "open sesame",
  guards: 2,
  shifts: ["day", "night"],
  hours: { from: "8" },
};
const at = { params: { path: { path: "garden/north" } } };

await client.POST("/kv/{path}", { ...at, body: GATE });
await client.POST("/secret/data/{path}", { ...at, body: { data: GATE, options: { cas: 0 } } });
await client.POST("/secret/metadata/{path}", {
  ...at,
  body: { custom_metadata: { owner: "head gardener" }, max_versions: 5 },
});

const first = await client.GET("/kv/{path}", at);
const second = await client.GET("/secret/data/{path}", at);
const list = await client.GET("/kv/{path}", {
  params: { path: { path: "garden" }, query: { list: "true" } },
});
const made = await client.POST("/auth/token/create", {
  body: { ttl: "90m", policies: ["default"] },
});
const nothing = await client.GET("/kv/{path}", { params: { path: { path: "nothing/here" } } });
const secret = second.data?.data?.data;

process.stdout.write(JSON.stringify({
  kv1: first.data?.data,
  kv2: secret,
  version: second.data?.data?.metadata.version,
  owner: second.data?.data?.metadata.custom_metadata,
  listed: list.data?.data?.["keys"],
  ttl: made.data?.auth?.lease_duration,
  missing: nothing.response.status,
}));
