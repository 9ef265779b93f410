/** Answers of init and unseal in cases that no recorded transcript covers. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type ApiResponse,
  at,
  initialise,
  initialiseOpen,
  PGP_PUBLIC_KEY,
  textAt,
  textsAt,
  unseal,
} from "../../../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi, STATIC_SEAL } from "../../memory_api.ts";

const SIGN_ONLY = readFileSync(
  new URL("../../../vectors/pgp/signonly.pub.b64", import.meta.url),
  "utf8",
).trim();
const ARMORED = readFileSync(
  new URL("../../../vectors/pgp/ed25519.pub.asc", import.meta.url),
  "utf8",
);

function init(api: MemoryApi, body: unknown): Promise<ApiResponse> {
  return api.request("PUT", "/v1/sys/init", { body });
}

/** Each body must be refused with a matching text and leave the vault uninitialised. */
async function expectRefused(
  api: MemoryApi,
  rows: readonly (readonly [unknown, string | RegExp])[],
): Promise<void> {
  for (const [body, wanted] of rows) {
    const refused = await init(api, body);
    expect([body, refused.status]).toEqual([body, 400]);
    const text = textAt(refused.json, "errors", 0);
    if (typeof wanted === "string") expect(text).toBe(wanted);
    else expect(text).toMatch(wanted);
    expect((await api.request("GET", "/v1/sys/init")).json).toEqual({ initialized: false });
  }
  expect(await api.snapshot()).toBe("");
}

const TWO = { secret_shares: 2, secret_threshold: 2 };
const MISMATCH = "count mismatch between number of provided PGP keys and number of shares";

describe("init with PGP keys", () => {
  it("init refuses PGP keys it cannot use and initialises nothing", async () => {
    const seal = "invalid seal configuration: ";
    const key = PGP_PUBLIC_KEY;
    await expectRefused(await startMemoryApi(), [
      [{ ...TWO, pgp_keys: [key] }, seal + MISMATCH],
      [{ ...TWO, pgp_keys: [key, key, key] }, seal + MISMATCH],
      [{ ...TWO, pgp_keys: [key, "not base64!"] }, /^invalid seal configuration: error decoding /],
      [{ ...TWO, pgp_keys: [key, "bm90IGEga2V5"] }, /^invalid seal configuration: error parsing /],
      [{ ...TWO, pgp_keys: [key, ""] }, /^invalid seal configuration: error parsing /],
      [{ ...TWO, pgp_keys: [key, SIGN_ONLY] }, /^pgp_keys\[1\]: ./],
      [{ ...TWO, root_token_pgp_key: SIGN_ONLY }, /^root_token_pgp_key: ./],
      [{ ...TWO, root_token_pgp_key: "not base64!" }, /^root_token_pgp_key: ./],
      [{ ...TWO, root_token_pgp_key: "bm90IGEga2V5" }, /^root_token_pgp_key: ./],
    ]);
  });

  it("init refuses recovery PGP keys it cannot use, with its own errors", async () => {
    const two = { recovery_shares: 2, recovery_threshold: 2 };
    const recovery = "invalid recovery configuration: ";
    const key = PGP_PUBLIC_KEY;
    await expectRefused(await startMemoryApi({ seal: STATIC_SEAL }), [
      [{ ...two, recovery_pgp_keys: [key] }, recovery + MISMATCH],
      [{ ...two, recovery_pgp_keys: [key, "n!"] }, /^invalid recovery configuration: error decod/],
      [{ ...two, recovery_pgp_keys: [SIGN_ONLY, key] }, /^pgp_keys\[0\]: ./],
      [{ ...two, root_token_pgp_key: SIGN_ONLY }, /^root_token_pgp_key: ./],
      [{ recovery_pgp_keys: [key] }, /^invalid recovery configuration: /],
    ]);
  });

  it("init takes ASCII-armored PGP keys, raw or in base64, for shares and root token", async () => {
    const api = await startMemoryApi();
    const made = await init(api, {
      ...TWO,
      pgp_keys: [ARMORED, btoa(ARMORED)],
      root_token_pgp_key: ARMORED,
    });
    expect(made.status).toBe(200);
    for (const message of textsAt(made.json, "keys")) expect(message).toMatch(/^[0-9a-f]{200,}$/);
    expect(textAt(made.json, "root_token")).toMatch(/^[A-Za-z0-9+/]{200,}=*$/);
  });
});

describe("init with a static seal", () => {
  it("init of a static seal refuses Shamir parameters and impossible counts", async () => {
    const shamir = "not applicable to seal type static";
    const recovery = "invalid recovery configuration: ";
    const counts = (recovery_shares: unknown, recovery_threshold: unknown) => ({
      recovery_shares,
      recovery_threshold,
    });
    await expectRefused(await startMemoryApi({ seal: STATIC_SEAL }), [
      [{ secret_shares: 1 }, `parameters secret_shares ${shamir}`],
      [{ secret_threshold: -1 }, `parameters secret_threshold ${shamir}`],
      [{ ...TWO, pgp_keys: ["x"] }, `parameters secret_shares,secret_threshold,pgp_keys ${shamir}`],
      [counts(1, 0), `${recovery}threshold must be at least one`],
      [counts(0, 1), `${recovery}threshold cannot be larger than shares`],
      [{ recovery_pgp_keys: [PGP_PUBLIC_KEY] }, recovery + MISMATCH],
      [{ recovery_shares: 1 }, `${recovery}threshold must be at least one`],
      [counts(-1, -1), `${recovery}shares must be at least one`],
      [counts(-1, 0), `${recovery}shares must be at least one`],
      [counts(0, -1), `${recovery}threshold must be at least one`],
      [counts(3, -1), `${recovery}threshold must be greater than one for multiple shares`],
      [counts(2, 3), `${recovery}threshold cannot be larger than shares`],
      [counts(3, 256), `${recovery}threshold must be less than 256`],
      [counts("3", 2), /^failed to decode JSON input: /],
    ]);
  });

  it("init of a static seal without recovery shares gives none and unseals at once", async () => {
    for (const body of [{}, { recovery_shares: 0, recovery_threshold: 0, stored_shares: 1 }]) {
      const api = await startMemoryApi({ seal: STATIC_SEAL });
      const made = await init(api, body);
      expect(Object.keys(Object(made.json)).sort()).toEqual(["keys", "keys_base64", "root_token"]);
      expect(at(made.json, "keys")).toEqual([]);
      const status = await api.request("GET", "/v1/sys/seal-status");
      expect(status.json).toMatchObject({ sealed: false, t: 0, n: 0, recovery_seal: true });
    }
  });
});

describe("unseal", () => {
  it("unseal says why a quorum cannot be combined and starts over", async () => {
    const api = await startMemoryApi();
    const { shares } = await initialise(api, 3, 2);
    const [first = "", second = ""] = shares;
    const sameX = `00${first.slice(2)}`;
    const quorums: readonly (readonly [string, string])[] = [
      [sameX, "invalid key: failed to compute combined key: duplicate part detected"],
      [
        second.slice(2),
        "invalid key: failed to compute combined key: all parts must be the same length",
      ],
    ];
    for (const [other, text] of quorums) {
      const refused = await unseal(api, [first, other]);
      expect([refused.status, refused.json]).toEqual([400, { errors: [text] }]);
      const status = await api.request("GET", "/v1/sys/seal-status");
      expect(status.json).toMatchObject({ sealed: true, progress: 0, nonce: "" });
    }
    expect((await unseal(api, [first, second])).json).toMatchObject({ sealed: false });
  });

  it("each unseal attempt has its own nonce until it ends", async () => {
    const api = await startMemoryApi();
    const { shares } = await initialise(api, 5, 3);
    const nonceOf = (answer: ApiResponse) => textAt(answer.json, "nonce");
    const first = nonceOf(await unseal(api, shares.slice(0, 1)));
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(nonceOf(await unseal(api, shares.slice(0, 2)))).toBe(first);
    await api.request("PUT", "/v1/sys/unseal", { body: { reset: true } });
    expect(nonceOf(await unseal(api, shares.slice(0, 1)))).not.toBe(first);
  });

  it("an unsealed vault accepts any well-formed share and changes nothing", async () => {
    const api = await startMemoryApi();
    await initialiseOpen(api, 1, 1);
    const before = await api.snapshot();
    const share = "1".repeat(64);
    expect((await unseal(api, [share])).json).toMatchObject({ sealed: false });
    const reset = await api.request("PUT", "/v1/sys/unseal", { body: { reset: true, key: share } });
    expect(reset.json).toEqual({ errors: ["vault is unsealed"] });
    expect(await api.snapshot()).toBe(before);
  });

  it("unseal refuses a migration that is not configured and keeps its progress", async () => {
    const api = await startMemoryApi();
    const { shares } = await initialise(api, 3, 2);
    await unseal(api, shares.slice(0, 1));
    const body = { key: shares[1], migrate: true };
    const refused = await api.request("PUT", "/v1/sys/unseal", { body });
    expect([refused.status, refused.json]).toEqual([
      400,
      { errors: ["can't perform a seal migration, no migration seal found"] },
    ]);
    const status = await api.request("GET", "/v1/sys/seal-status");
    expect(status.json).toMatchObject({ sealed: true, progress: 1 });
    await unseal(api, shares);
    const late = await api.request("PUT", "/v1/sys/unseal", { body });
    expect([late.status, late.json]).toEqual([400, refused.json]);
  });
});
