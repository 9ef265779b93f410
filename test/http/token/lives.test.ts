/** The uses and renewals of a token, and how the token endpoints refuse. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

const CREATE = "auth/token/create";
const MAKER = 'path "auth/token/*" { capabilities = ["create", "read", "update"] }';
/** The maximum TTL of a mount that sets none. */
const SYSTEM_MAX_SECONDS = 2_764_800;

type Ask = RootClient["ask"];

function single(text: string): string {
  return `1 error occurred:\n\t* ${text}\n\n`;
}

async function make(ask: Ask, body: object, token?: string): Promise<string> {
  const made = await ask("POST", CREATE, body, token);
  if (made.status !== 200) throw new Error(made.text);
  return textAt(made.json, "auth", "client_token");
}

async function refusal(ask: Ask, path: string, body: object, token?: string) {
  const { status, json } = await ask("POST", path, body, token);
  return [status, at(json, "errors", 0)];
}

describe("limited uses", () => {
  it("a lookup shows the uses left after itself", async () => {
    const { ask } = await openRootClient();
    const token = await make(ask, { policies: ["default"], num_uses: 2 });
    const left = async () =>
      at((await ask("GET", "auth/token/lookup-self", null, token)).json, "data", "num_uses");
    expect(await left()).toBe(1);
    const byRoot = await ask("POST", "auth/token/lookup", { token });
    expect(at(byRoot.json, "data", "num_uses")).toBe(1);
    expect(await left()).toBe(-1);
    expect(await left()).toBeUndefined();
  });

  it("a token on its last use can neither renew itself nor create a child", async () => {
    const { ask, tokenWith } = await openRootClient();
    await tokenWith(MAKER);
    const last = async () => await make(ask, { policies: ["rules-1"], num_uses: 1 });
    expect(await refusal(ask, "auth/token/renew-self", {}, await last()))
      .toEqual([400, "token not found"]);
    expect(await refusal(ask, CREATE, {}, await last()))
      .toEqual([400, "parent token lookup failed: no parent found"]);
    const token = await last();
    expect((await ask("POST", "auth/token/lookup", { token }, token)).status).toBe(200);
    expect((await ask("POST", "auth/token/lookup", { token })).status).toBe(403);
  });

  it("a renewal shows the number of uses the token was created with", async () => {
    const { ask } = await openRootClient();
    const token = await make(ask, { policies: ["default"], num_uses: 3 });
    const renewed = await ask("POST", "auth/token/renew-self", {}, token);
    expect(at(renewed.json, "auth", "num_uses")).toBe(3);
  });
});

describe("renewal", () => {
  it("a renewal without an increment repeats the last one, and a capped one warns", async () => {
    const { ask, api } = await openRootClient();
    const token = await make(ask, { policies: ["default"], ttl: "1h" });
    const renew = async (body: object) => {
      const { json } = await ask("POST", "auth/token/renew", { token, ...body });
      return [at(json, "auth", "lease_duration"), at(json, "warnings")];
    };
    expect(await renew({ increment: "2h" })).toEqual([7200, null]);
    expect(await renew({})).toEqual([7200, null]);
    api.clock.nowMs += 3_600_000;
    expect(await renew({ increment: "5000h" })).toEqual([SYSTEM_MAX_SECONDS - 3600, [
      'TTL of "5000h" exceeded the effective max_ttl of "767h"; TTL value is capped accordingly',
    ]]);
  });

  it("a token cannot be renewed past its explicit maximum, counted in whole seconds", async () => {
    const { ask, api } = await openRootClient();
    const token = await make(ask, { policies: ["default"], explicit_max_ttl: "2s" });
    api.clock.nowMs += 1_999;
    const renewed = await ask("POST", "auth/token/renew", { token });
    expect(at(renewed.json, "auth", "lease_duration")).toBe(1);
    api.clock.nowMs += 100;
    expect(await refusal(ask, "auth/token/renew", { token }))
      .toEqual([400, single("past the max TTL, cannot renew")]);
  });

  it("a refused renewal has Vault's error for a token and for an accessor", async () => {
    const { ask } = await openRootClient();
    const made = await ask("POST", CREATE, { ttl: "1h", renewable: false, policies: ["default"] });
    const token = textAt(made.json, "auth", "client_token");
    const accessor = textAt(made.json, "auth", "accessor");
    const renew = async (by: string, body: object) => await refusal(ask, `auth/token/${by}`, body);
    expect(await renew("renew", { token })).toEqual([400, "lease is not renewable"]);
    expect(await renew("renew-accessor", { accessor }))
      .toEqual([400, single("invalid request")]);
    expect(await renew("renew", { token: "bad" })).toEqual([400, "token not found"]);
    expect(await renew("renew", {})).toEqual([400, "missing token ID"]);
    expect(await renew("renew-accessor", {})).toEqual([400, single("missing accessor")]);
  });
});

describe("named tokens", () => {
  it.each(["lookup", "renew", "revoke", "revoke-orphan"])(
    "auth/token/%s refuses a token that is not text",
    async (path) => {
      const { ask } = await openRootClient();
      for (const token of [5, true, null, {}, ["x"]]) {
        expect(await refusal(ask, `auth/token/${path}`, { token })).toEqual([403, "invalid token"]);
      }
    },
  );

  it("an unknown accessor is refused, except by revoke-accessor, which warns", async () => {
    const { ask } = await openRootClient();
    const body = { accessor: "none" };
    const revoked = await ask("POST", "auth/token/revoke-accessor", body);
    expect([revoked.status, at(revoked.json, "data"), at(revoked.json, "warnings")])
      .toEqual([200, null, ["No token found with this accessor"]]);
    for (const path of ["lookup-accessor", "renew-accessor"]) {
      expect(await refusal(ask, `auth/token/${path}`, body))
        .toEqual([400, single("invalid accessor")]);
    }
  });
});
