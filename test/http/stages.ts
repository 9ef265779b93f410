/** Test helper: gives a vault in any state that a request can meet, for tables of requests. */

import { initialise, initialiseOpen, textAt, textsAt } from "../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi, STATIC_SEAL } from "./memory_api.ts";

export interface Stage {
  readonly api: MemoryApi;
  /** The root token; "" before init. */
  readonly token: string;
  readonly shares: readonly string[];
  /** Of the attempt in progress; "" if there is none. */
  readonly nonce: string;
  readonly newShares: readonly string[];
  readonly verification: string;
}

export type StageName =
  | "fresh"
  | "fresh-static"
  | "sealed"
  | "unsealed"
  | "gathering"
  | "verifying"
  | "static"
  | "static-gathering"
  | "static-verifying";

const NOTHING = { token: "", shares: [], nonce: "", newShares: [], verification: "" };

export async function prepare(name: StageName): Promise<Stage> {
  switch (name) {
    case "fresh":
      return { ...NOTHING, api: await startMemoryApi() };
    case "fresh-static":
      return { ...NOTHING, api: await startMemoryApi({ seal: STATIC_SEAL }) };
    case "sealed": {
      const api = await startMemoryApi();
      const { root: token, shares } = await initialise(api, 3, 2);
      return { ...NOTHING, api, token, shares };
    }
    case "unsealed":
      return await unsealedStage();
    case "gathering":
      return await gathering(await unsealedStage(), "/v1/sys/rekey");
    case "verifying":
      return await verifying(await unsealedStage(), "/v1/sys/rekey");
    case "static":
      return await staticStage();
    case "static-gathering":
      return await gathering(await staticStage(), "/v1/sys/rekey-recovery-key");
    case "static-verifying":
      return await verifying(await staticStage(), "/v1/sys/rekey-recovery-key");
  }
}

async function unsealedStage(): Promise<Stage> {
  const api = await startMemoryApi();
  const { root: token, shares } = await initialiseOpen(api, 3, 2);
  await mountEngines(api, token);
  return { ...NOTHING, api, token, shares };
}

async function staticStage(): Promise<Stage> {
  const api = await startMemoryApi({ seal: STATIC_SEAL });
  const { root: token, shares } = await initialise(api, 3, 2, "static");
  await mountEngines(api, token);
  return { ...NOTHING, api, token, shares };
}

export async function mountEngines(api: MemoryApi, token: string): Promise<void> {
  for (const [path, version] of [["kv", "1"], ["kv2", "2"]]) {
    const body = { type: "kv", seal_wrap: true, options: { version } };
    await api.request("POST", `/v1/sys/mounts/${path}`, { token, body });
  }
  await api.request("PUT", "/v1/kv/a", { token, body: { x: "1" } });
  await api.request("POST", "/v1/kv2/data/a", { token, body: { data: { x: "1" } } });
}

async function gathering(stage: Stage, prefix: string): Promise<Stage> {
  const { api, token, shares } = stage;
  const body = { secret_shares: 3, secret_threshold: 2 };
  const started = await api.request("PUT", `${prefix}/init`, { token, body });
  const nonce = textAt(started.json, "nonce");
  await api.request("PUT", `${prefix}/update`, { token, body: { key: shares[0], nonce } });
  return { ...stage, nonce };
}

async function verifying(stage: Stage, prefix: string): Promise<Stage> {
  const { api, token, shares } = stage;
  const body = { secret_shares: 3, secret_threshold: 2, require_verification: true };
  const started = await api.request("PUT", `${prefix}/init`, { token, body });
  const nonce = textAt(started.json, "nonce");
  await api.request("PUT", `${prefix}/update`, { token, body: { key: shares[0], nonce } });
  const given = { key: shares[1], nonce };
  const done = await api.request("PUT", `${prefix}/update`, { token, body: given });
  const newShares = textsAt(done.json, "keys");
  const verification = textAt(done.json, "verification_nonce");
  const proof = { key: newShares[0], nonce: verification };
  await api.request("PUT", `${prefix}/verify`, { token, body: proof });
  return { ...stage, nonce, newShares, verification };
}

/** A child of the root token with this policy text besides `default`. */
export async function tokenWith(api: MemoryApi, root: string, policy: string): Promise<string> {
  const name = `p-${crypto.randomUUID()}`;
  const stored = await api.request("PUT", `/v1/sys/policies/acl/${name}`, {
    token: root,
    body: { policy },
  });
  if (stored.status !== 204) throw new Error(`the policy was refused: ${stored.text}`);
  const body = { policies: [name] };
  const made = await api.request("POST", "/v1/auth/token/create", { token: root, body });
  return textAt(made.json, "auth", "client_token");
}

/** What a refused request must leave as it was: everything stored, and the unseal progress. */
export async function stateOf({ api }: Stage): Promise<string> {
  const status = await api.request("GET", "/v1/sys/seal-status");
  return `${await api.snapshot()}\n${status.text}`;
}
