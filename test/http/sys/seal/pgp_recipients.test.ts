/** What an attempt shows of the PGP keys it encrypts to, and how `params_digest` covers them. */

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  type ApiResponse,
  at,
  initialiseOpen,
  PGP_FINGERPRINT,
  PGP_PUBLIC_KEY,
  textAt,
} from "../../../contract/api.contract.ts";
import {
  certificate,
  holderOfSubkeys,
  strippedOf,
  withExpiredSubkey,
} from "../../../vectors/pgp_subkeys.ts";
import { startMemoryApi } from "../../memory_api.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

const FAMILIES = [
  { prefix: "sys/rekey", body: ({ json }: ApiResponse) => json },
  { prefix: "sys/rotate/root", body: ({ json }: ApiResponse) => at(json, "data") },
] as const;
type Family = typeof FAMILIES[number];

const counts = (shares: number) => ({ secret_shares: shares, secret_threshold: shares });

async function started({ ask }: RootClient, family: Family, keys: readonly string[]) {
  const path = `${family.prefix}/init?detail=true`;
  const answer = await ask("PUT", path, { ...counts(keys.length), pgp_keys: keys });
  expect(answer.status, answer.text).toBe(200);
  const status = await ask("GET", path);
  expect(at(family.body(status), "params_digest"))
    .toBe(at(family.body(answer), "params_digest"));
  return { body: family.body(answer), status };
}

/** A holder whose certificate has two encryption subkeys. */
const holder = await holderOfSubkeys();
const whole = certificate(holder.key);

describe.each(FAMILIES)("attempts through $prefix", (family) => {
  it("an attempt names the encryption subkeys only with detail", async () => {
    const client = await openRootClient();
    const { body } = await started(client, family, [PGP_PUBLIC_KEY, whole]);
    const fingerprints = at(body, "pgp_subkey_fingerprints");
    expect(fingerprints).toEqual([expect.stringMatching(/^[0-9a-f]{40}$/), holder.newer]);
    expect(at(body, "pgp_fingerprints")).toEqual([PGP_FINGERPRINT, holder.key.getFingerprint()]);
    for (const path of ["init", "init?detail=false"]) {
      const bare = family.body(await client.ask("GET", `${family.prefix}/${path}`));
      expect(Object.keys(Object(bare))).not.toContain("pgp_subkey_fingerprints");
    }
    const share = { key: client.shares[0], nonce: textAt(body, "nonce") };
    const done = await client.ask("PUT", `${family.prefix}/update?detail=true`, share);
    expect(at(family.body(done), "pgp_subkey_fingerprints")).toEqual(fingerprints);
  });

  it("holders can compute params_digest from what an attempt shows", async () => {
    const { body } = await started(await openRootClient(), family, [PGP_PUBLIC_KEY, whole]);
    const keys = JSON.stringify(at(body, "pgp_fingerprints"));
    const subkeys = JSON.stringify(at(body, "pgp_subkey_fingerprints"));
    const agreed = `[2,2,${keys},${subkeys},false,false,false]`;
    expect(at(body, "params_digest")).toBe(createHash("sha256").update(agreed).digest("hex"));
  });

  it("params_digest changes if a certificate's encryption subkey was replaced on the way", async () => {
    const client = await openRootClient();
    const { body } = await started(client, family, [whole]);
    const digests = [textAt(body, "params_digest")];
    const changed = [
      strippedOf(holder.key, holder.newer),
      await withExpiredSubkey(holder.key, holder.newer),
      await holder.key.addSubkey({}),
    ].map(certificate);
    for (const [index, key] of changed.entries()) {
      await client.ask("DELETE", `${family.prefix}/init`);
      const { body: other } = await started(client, family, [key]);
      expect(at(other, "pgp_fingerprints")).toEqual(at(body, "pgp_fingerprints"));
      digests.push(textAt(other, "params_digest"));
      const nonce = textAt(other, "nonce");
      const seen = { key: client.shares[0], nonce, params_digest: digests[0] };
      const refused = await client.ask("PUT", `${family.prefix}/update`, seen);
      expect([index, refused.status, refused.json]).toEqual([index, 400, {
        errors: ["the parameters of this operation are not those of params_digest"],
      }]);
    }
    // The first two changes lead to the same encryption subkey.
    expect(new Set(digests).size).toBe(3);
  });

  it("an attempt warns, with detail, if two holders share an encryption key", async () => {
    const client = await openRootClient();
    const stripped = certificate(strippedOf(holder.key, holder.older));
    const { status } = await started(client, family, [whole, PGP_PUBLIC_KEY, stripped]);
    const warnings = [
      "the PGP keys at places 0, 2 (counted from 0) are the same, or share their encryption key: " +
      "one person can read all shares that are encrypted to them",
    ];
    expect(at(status.json, "warnings")).toEqual(warnings);
    expect((await client.ask("GET", `${family.prefix}/init`)).text).not.toContain(warnings[0]);
    const lines = client.api.log.map((line) => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ level: "warn", message: warnings[0] }));
    expect(lines).toContainEqual(expect.objectContaining({
      pgp_subkey_fingerprints: expect.stringContaining(holder.newer),
    }));
    await client.ask("DELETE", `${family.prefix}/init`);
    const { status: quiet } = await started(client, family, [whole, PGP_PUBLIC_KEY]);
    expect(at(quiet.json, "warnings") ?? null).toBeNull();
  });
});

it("generating a root token names the subkey with detail", async () => {
  const { ask } = await openRootClient();
  for (const prefix of ["sys/generate-root", "sys/generate-root-token"]) {
    await ask("PUT", `${prefix}/attempt`, { pgp_key: whole });
    const detailed = await ask("GET", `${prefix}/attempt?detail=true`);
    expect(detailed.text).toContain(`"pgp_subkey_fingerprint":"${holder.newer}"`);
    expect((await ask("GET", `${prefix}/attempt`)).text).not.toContain("pgp_subkey_fingerprint");
    await ask("DELETE", `${prefix}/attempt`);
  }
});

it("init with detail names the subkeys and warns about a repeated key", async () => {
  for (const detail of [true, false]) {
    const api = await startMemoryApi();
    const body = { ...counts(2), pgp_keys: [whole, whole], root_token_pgp_key: whole };
    const { json } = await api.request("PUT", `/v1/sys/init?detail=${detail}`, { body });
    const reference = ["keys", "keys_base64", "root_token"];
    if (!detail) {
      expect(Object.keys(Object(json))).toEqual(reference);
      continue;
    }
    expect(json).toMatchObject({
      pgp_fingerprints: Array(2).fill(holder.key.getFingerprint()),
      pgp_subkey_fingerprints: [holder.newer, holder.newer],
      root_token_pgp_subkey_fingerprint: holder.newer,
      warnings: [expect.stringContaining("places 0, 1 ")],
    });
  }
  const bare = await startMemoryApi();
  await initialiseOpen(bare, 1, 1);
  expect(bare.log.join("\n")).not.toContain("pgp");
});
