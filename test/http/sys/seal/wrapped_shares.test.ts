/** An answer with unencrypted shares is never wrapped: it would stay in the store until fetched. */

import { describe, expect, it } from "vitest";
import {
  type ApiResponse,
  at,
  initialise,
  initialiseOpen,
  PGP_PUBLIC_KEY,
  POLICY_DENIED,
  type SealKind,
  textAt,
  textsAt,
} from "../../../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi, STATIC_SEAL } from "../../memory_api.ts";
import { tokenWith } from "../../stages.ts";

const REFUSED = {
  errors: [
    "the answer may hold key shares in clear, and a wrapped answer is stored in the vault until it " +
    "is fetched: nothing was done. Send the request without X-Vault-Wrap-TTL (a policy that " +
    "demands wrapping on this path has to be changed), or start with a PGP key for each share",
  ],
};
const COUNTS = { secret_shares: 2, secret_threshold: 2 };

interface Site {
  readonly api: MemoryApi;
  readonly token: string;
  readonly shares: readonly string[];
}

async function site(seal: SealKind, shares = 2): Promise<Site> {
  const api = await startMemoryApi(seal === "static" ? { seal: STATIC_SEAL } : {});
  const { root: token, shares: made } = seal === "static"
    ? await initialise(api, shares, shares, seal)
    : await initialiseOpen(api, shares, shares);
  return { api, token, shares: made };
}

async function put(
  { api, token }: Site,
  path: string,
  body: object,
  ttl: string | null = null,
): Promise<ApiResponse> {
  const headers = ttl === null ? {} : { "X-Vault-Wrap-TTL": ttl };
  return await api.request("PUT", `/v1/${path}`, { token, body, headers });
}

/** The request must be refused, and neither the store nor the attempt may change. */
async function expectRefused(site: Site, path: string, body: object): Promise<void> {
  for (const ttl of ["60", "5m", "1h30m"]) {
    const before = await site.api.snapshot();
    const { status, json } = await put(site, path, body, ttl);
    expect({ path, ttl, status, json }).toEqual({ path, ttl, status: 400, json: REFUSED });
    expect(await site.api.snapshot()).toBe(before);
  }
}

const FAMILIES = [
  ["sys/rekey", "shamir", false],
  ["sys/rotate/root", "shamir", true],
  ["sys/rekey-recovery-key", "static", false],
  ["sys/rotate/recovery", "static", true],
] as const;

async function start(
  site: Site,
  prefix: string,
  isEnveloped: boolean,
  body: object = COUNTS,
): Promise<string> {
  const { status, json, text } = await put(site, `${prefix}/init`, body);
  expect(status, text).toBe(200);
  return isEnveloped ? textAt(json, "data", "nonce") : textAt(json, "nonce");
}

describe.each(FAMILIES)("shares for %s (%s)", (prefix, seal, isEnveloped) => {
  const path = `${prefix}/update`;

  it("a share sent with a wrap TTL is refused, and counts when sent without", async () => {
    const stage = await site(seal);
    const nonce = await start(stage, prefix, isEnveloped, {
      ...COUNTS,
      require_verification: true,
    });
    for (const [index, key] of stage.shares.entries()) {
      await expectRefused(stage, path, { key, nonce });
      await expectRefused(stage, `${path}/`, { key, nonce });
      const given = await put(stage, path, { key, nonce }, ["0", ""][index] ?? null);
      expect(given.status, given.text).toBe(200);
      const answer = isEnveloped ? at(given.json, "data") : given.json;
      const isLast = index === stage.shares.length - 1;
      expect(answer).toMatchObject(isLast ? { complete: true } : { progress: index + 1 });
      if (isLast) expect(textsAt(answer, "keys")).toHaveLength(2);
    }
  });

  it("a share may be sent with a wrap TTL if the new shares are for PGP keys", async () => {
    const stage = await site(seal);
    const body = { ...COUNTS, pgp_keys: [PGP_PUBLIC_KEY, PGP_PUBLIC_KEY] };
    const nonce = await start(stage, prefix, isEnveloped, body);
    for (const key of stage.shares) {
      const given = await put(stage, path, { key, nonce }, "60");
      expect(given.status, given.text).toBe(200);
      // The legacy family is not wrapped, as in the reference.
      expect(at(given.json, "wrap_info", "ttl")).toBe(isEnveloped ? 60 : undefined);
    }
    const status = await stage.api.request("GET", `/v1/${prefix}/init`, { token: stage.token });
    expect(isEnveloped ? at(status.json, "data") : status.json).toMatchObject({ started: false });
  });

  it("a missing attempt or malformed share is reported before the wrap TTL", async () => {
    const stage = await site(seal);
    const body = { key: stage.shares[0], nonce: "x" };
    const idle = await put(stage, path, body, "60");
    expect([idle.status, idle.text]).toEqual([400, expect.stringContaining("in progress")]);
    await start(stage, prefix, isEnveloped);
    const short = await put(stage, path, { ...body, key: "abcd" }, "60");
    expect(short.text).toContain("shorter than minimum");
  });

  it("a policy that demands wrapping does not wrap an answer with shares", async () => {
    const stage = await site(seal);
    const nonce = await start(stage, prefix, isEnveloped);
    const rule = `path "${path}" { capabilities = ["update"] min_wrapping_ttl = "1m" }`;
    const forced = { ...stage, token: await tokenWith(stage.api, stage.token, rule) };
    const body = { key: stage.shares[0], nonce };
    const bare = await put(forced, path, body);
    expect([bare.status, bare.json]).toEqual([403, POLICY_DENIED]);
    const wrapped = await put(forced, path, body, "5m");
    expect([wrapped.status, wrapped.json]).toEqual(
      isEnveloped ? [400, REFUSED] : [403, POLICY_DENIED],
    );
    const given = await put(stage, path, body);
    expect(isEnveloped ? at(given.json, "data") : given.json).toMatchObject({ progress: 1 });
  });
});

describe("answers without shares", () => {
  it("starts, rotations without new shares and generated tokens can be wrapped", async () => {
    const shamir = await site("shamir", 1);
    const started = await put(shamir, "sys/rotate/root/init", COUNTS, "60");
    expect(at(started.json, "wrap_info", "ttl")).toBe(60);
    const fixed = await site("static", 1);
    const nonce = await start(fixed, "sys/rotate/root", true, {
      secret_shares: 1,
      secret_threshold: 1,
    });
    const rotated = await put(
      fixed,
      "sys/rotate/root/update",
      { key: fixed.shares[0], nonce },
      "60",
    );
    expect(at(rotated.json, "wrap_info", "ttl"), rotated.text).toBe(60);
    const legacy = await start(fixed, "sys/rekey", false, COUNTS);
    const done = await put(
      fixed,
      "sys/rekey/update",
      { key: fixed.shares[0], nonce: legacy },
      "60",
    );
    expect(done.json).toMatchObject({ complete: true, keys: [] });
    const attempt = await put(fixed, "sys/generate-root-token/attempt", {});
    const id = textAt(attempt.json, "data", "nonce");
    const share = { key: fixed.shares[0], nonce: id };
    const made = await put(fixed, "sys/generate-root-token/update", share, "60");
    expect(at(made.json, "wrap_info", "ttl")).toBe(60);
  });
});

describe("first recovery shares", () => {
  it("the first recovery shares are wrapped only if they are for PGP keys", async () => {
    const path = "sys/rotate/recovery/init";
    const bare = await site("static", 0);
    await expectRefused(bare, path, COUNTS);
    await expectRefused(bare, path, { ...COUNTS, require_verification: true });
    const made = await put(bare, path, COUNTS);
    expect(textsAt(made.json, "data", "keys")).toHaveLength(2);
    const encrypted = await site("static", 0);
    const body = { ...COUNTS, pgp_keys: [PGP_PUBLIC_KEY, PGP_PUBLIC_KEY] };
    const wrapped = await put(encrypted, path, body, "60");
    expect(at(wrapped.json, "wrap_info", "ttl")).toBe(60);
  });
});

describe("init", () => {
  it.each(
    [
      ["shamir", COUNTS, { pgp_keys: [PGP_PUBLIC_KEY, PGP_PUBLIC_KEY] }],
      [
        "static",
        { recovery_shares: 2, recovery_threshold: 2 },
        { recovery_pgp_keys: [PGP_PUBLIC_KEY, PGP_PUBLIC_KEY] },
      ],
    ] as const,
  )("init of a %s seal with a wrap TTL initialises nothing", async (seal, counts, keys) => {
    const options = seal === "static" ? { seal: STATIC_SEAL } : {};
    const fresh = { api: await startMemoryApi(options), token: "", shares: [] };
    await expectRefused(fresh, "sys/init", counts);
    const status = await fresh.api.request("GET", "/v1/sys/init");
    expect(status.json).toEqual({ initialized: false });
    const encrypted = await put(fresh, "sys/init", { ...counts, ...keys }, "60");
    expect(encrypted.json).toMatchObject({ root_token: expect.any(String) });
    const none = { api: await startMemoryApi({ seal: STATIC_SEAL }), token: "", shares: [] };
    expect((await put(none, "sys/init", {}, "60")).status).toBe(200);
    const plain = { api: await startMemoryApi(options), token: "", shares: [] };
    expect((await put(plain, "sys/init", counts)).status).toBe(200);
  });
});
