/** Userpass logins: their answers and refusals, and the life of their tokens. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import type { RootClient } from "../../http/root_client.ts";
import { login, withAnn } from "./user_client.ts";

const WRONG = { errors: ["invalid username or password"] };
const HOUR = 3600;

describe("userpass logins", () => {
  it("a userpass login gives an orphan token with the user's policies and name", async () => {
    const client = await withAnn({ token_ttl: "1h" });
    const answer = await login(client);
    expect(answer.status).toBe(200);
    expect(at(answer.json, "data")).toBeNull();
    expect(at(answer.json, "auth")).toMatchObject({
      policies: ["default", "readers", "writers"],
      token_policies: ["default", "readers", "writers"],
      metadata: { username: "ann" },
      lease_duration: HOUR,
      renewable: true,
      token_type: "service",
      orphan: true,
    });
    const token = textAt(answer.json, "auth", "client_token");
    const self = await client.ask("GET", "auth/token/lookup-self", null, token);
    expect(at(self.json, "data")).toMatchObject({
      display_name: "userpass-ann",
      path: "auth/userpass/login/ann",
      meta: { username: "ann" },
      orphan: true,
      ttl: HOUR,
    });
  });

  it("a userpass login ignores a bad token", async () => {
    const client = await withAnn();
    const body = { password: "correct horse" };
    const answer = await client.ask("PUT", "auth/userpass/login/ann", body, "s.nonsense");
    expect(answer.status).toBe(200);
  });

  it("a userpass login takes the name in any letter case", async () => {
    const answer = await login(await withAnn(), "correct horse", "ANN");
    expect(at(answer.json, "auth", "metadata")).toEqual({ username: "ann" });
  });

  it("the answer of a userpass login can be wrapped", async () => {
    const client = await withAnn();
    const wrapped = await client.api.request("POST", "/v1/auth/userpass/login/ann", {
      body: { password: "correct horse" },
      headers: { "X-Vault-Wrap-TTL": "60" },
    });
    expect(at(wrapped.json, "auth")).toBeNull();
    const token = textAt(wrapped.json, "wrap_info", "token");
    const opened = await client.ask("POST", "sys/wrapping/unwrap", null, token);
    expect(at(opened.json, "auth", "metadata")).toEqual({ username: "ann" });
  });

  it("a userpass login works after a restart", async () => {
    const client = await withAnn();
    await client.api.restart();
    await client.ask("PUT", "sys/unseal", { key: client.shares[0] }, null);
    expect((await login(client)).status).toBe(200);
  });
});

describe("failed userpass logins", () => {
  it("a wrong password and an unknown user get the same answer", async () => {
    const client = await withAnn();
    const wrong = await login(client, "incorrect horse");
    const unknown = await login(client, "correct horse", "bob");
    expect([wrong.status, wrong.json]).toEqual([400, WRONG]);
    expect([unknown.status, unknown.text]).toEqual([400, wrong.text]);
  });

  it("a userpass login without a password is refused with 400", async () => {
    const { ask } = await withAnn();
    const answer = await ask("POST", "auth/userpass/login/ann", {}, null);
    expect([answer.status, answer.json]).toEqual([400, { errors: ["missing password"] }]);
  });

  it("a user with the root policy gets no token", async () => {
    const answer = await login(await withAnn({ token_policies: "root" }));
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ errors: ["auth methods cannot create root tokens"] });
  });

  it("no log line has a wrong password", async () => {
    const client = await withAnn();
    await login(client, "incorrect horse");
    expect(client.api.log.join("\n")).not.toContain("horse");
  });

  it("a userpass login by GET is refused with 405", async () => {
    const { ask } = await withAnn();
    const answer = await ask("GET", "auth/userpass/login/ann", null, null);
    expect([answer.status, answer.json]).toEqual([405, { errors: ["unsupported operation"] }]);
  });
});

describe("userpass tokens", () => {
  async function renewed({ ask }: RootClient, token: string, increment = 0) {
    return await ask("POST", "auth/token/renew-self", { increment }, token);
  }

  it("a userpass token is renewed by the user's current rules, up to their maximum", async () => {
    const client = await withAnn({ token_ttl: "1h", token_max_ttl: "2h" });
    const token = textAt((await login(client)).json, "auth", "client_token");
    client.api.clock.nowMs += 30 * 60 * 1000;
    expect(at((await renewed(client, token)).json, "auth", "lease_duration")).toBe(HOUR);
    await client.done("POST", "auth/userpass/users/ann", { token_ttl: "30m" });
    expect(at((await renewed(client, token)).json, "auth", "lease_duration")).toBe(HOUR / 2);
    const long = await renewed(client, token, 10 * HOUR);
    expect(at(long.json, "auth", "lease_duration")).toBe(1.5 * HOUR);
    expect(at(long.json, "warnings")).toEqual([
      'TTL of "10h" exceeded the effective max_ttl of "1h30m"; TTL value is capped accordingly',
    ]);
  });

  it.each([
    ["1h", 0, 1],
    [0, "2h", 20],
    ["2h", "1h", 2],
    ["1h", "2h", 1],
  ])(
    "a userpass token keeps its explicit maximum of %s when the user's becomes %s",
    async (given, later, hours) => {
      const client = await withAnn({ token_explicit_max_ttl: given });
      const token = textAt((await login(client)).json, "auth", "client_token");
      await client.done("POST", "auth/userpass/users/ann", { token_explicit_max_ttl: later });
      const answer = await renewed(client, token, 20 * HOUR);
      expect(at(answer.json, "auth", "lease_duration")).toBe(hours * HOUR);
    },
  );

  it("a userpass token is not renewed if the user's policies changed or the user is gone", async () => {
    const client = await withAnn();
    const token = textAt((await login(client)).json, "auth", "client_token");
    await client.done("POST", "auth/userpass/users/ann/policies", { policies: "auditors" });
    const changed = await renewed(client, token);
    expect([changed.status, changed.json]).toEqual([400, {
      errors: [
        "1 error occurred:\n\t* failed to renew entry: policies have changed, not renewing\n\n",
      ],
    }]);
    await client.done("DELETE", "auth/userpass/users/ann");
    const gone = await renewed(client, token);
    expect([gone.status, gone.text]).toEqual([204, ""]);
    const self = await client.ask("GET", "auth/token/lookup-self", null, token);
    expect(at(self.json, "data", "last_renewal_time")).toBeUndefined();
  });

  it("a userpass token is not renewed past its maximum, counted in whole seconds", async () => {
    const client = await withAnn({ token_ttl: 2, token_max_ttl: 2 });
    client.api.clock.nowMs += 900;
    const token = textAt((await login(client)).json, "auth", "client_token");
    client.api.clock.nowMs += 99;
    expect(at((await renewed(client, token)).json, "auth", "lease_duration")).toBe(2);
    client.api.clock.nowMs += 1;
    expect(at((await renewed(client, token)).json, "auth", "lease_duration")).toBe(1);
    client.api.clock.nowMs += 999;
    expect(at((await renewed(client, token)).json, "auth", "lease_duration")).toBe(1);
    await client.done("POST", "auth/userpass/users/ann", { token_ttl: 1, token_max_ttl: 1 });
    const past = await renewed(client, token);
    expect([past.status, past.json]).toEqual([400, {
      errors: ["1 error occurred:\n\t* past the max TTL, cannot renew\n\n"],
    }]);
  });

  it("a user with the response-wrapping policy gets no token", async () => {
    const answer = await login(await withAnn({ token_policies: "a,response-wrapping" }));
    expect([answer.status, answer.json]).toEqual([400, {
      errors: ['cannot assign policy "response-wrapping"'],
    }]);
  });

  it("a user's rules can make the token periodic, use-limited or a batch token", async () => {
    const client = await withAnn({ token_period: "10m" });
    const periodic = textAt((await login(client)).json, "auth", "client_token");
    expect(at((await renewed(client, periodic, 5 * HOUR)).json, "auth", "lease_duration")).toBe(
      600,
    );
    await client.done("POST", "auth/userpass/users/ann", { token_period: 0, token_num_uses: 1 });
    const single = textAt((await login(client)).json, "auth", "client_token");
    const statuses: number[] = [];
    for (const _use of [1, 2]) {
      statuses.push((await client.ask("GET", "auth/token/lookup-self", null, single)).status);
    }
    expect(statuses).toEqual([200, 403]);
    await client.done("POST", "auth/userpass/users/ann", {
      token_num_uses: 0,
      token_type: "batch",
    });
    const batch = await login(client);
    expect(at(batch.json, "auth")).toMatchObject({ token_type: "batch", renewable: false });
  });
});
