/**
 * Subkeys may change while a certificate keeps its fingerprint, and anyone who passes a public key on can
 * change it. So the subkey used for encryption has a fingerprint of its own, and once chosen it is fixed.
 */

import * as openpgp from "openpgp";
import { describe, expect, it, vi } from "vitest";
import { encodeBase64 } from "../../src/crypto/bytes.ts";
import { parsePgpKey } from "../../src/crypto/pgp.ts";
import type { PgpKey } from "../../src/crypto/pgp_key.ts";
import {
  certificate,
  holderOfSubkeys,
  keyIdOf,
  keyIdsOf,
  strippedOf,
  withExpiredSubkey,
} from "../vectors/pgp_subkeys.ts";

async function parsed(text: string, fixed: string | null = null): Promise<PgpKey> {
  const parse = await parsePgpKey(text, fixed);
  if (parse.kind !== "ok") throw new Error(`${parse.kind}: ${parse.reason}`);
  return parse.key;
}

describe("choice of the encryption key", () => {
  it("encryption uses the newest subkey that can encrypt, named by its own fingerprint", async () => {
    const { key, older, newer, signing } = await holderOfSubkeys();
    const chosen = await parsed(certificate(key));
    expect(chosen.fingerprint).toBe(key.getFingerprint());
    expect(chosen.encryptionKeyFingerprint).toBe(newer);
    expect([older, signing, chosen.fingerprint]).not.toContain(newer);
    expect(await keyIdsOf(await chosen.encrypt("x"))).toEqual([keyIdOf(newer)]);
  });

  it("stripping or expiring a subkey changes the encryption key, not the fingerprint", async () => {
    const { key, older, newer } = await holderOfSubkeys();
    for (const changed of [strippedOf(key, newer), await withExpiredSubkey(key, newer)]) {
      const { fingerprint, encryptionKeyFingerprint } = await parsed(certificate(changed));
      expect(fingerprint).toBe(key.getFingerprint());
      expect(encryptionKeyFingerprint).toBe(older);
    }
  });

  it("encryption uses the primary key if it is the one that can encrypt", async () => {
    const { privateKey } = await openpgp.generateKey({
      type: "rsa",
      rsaBits: 2048,
      userIDs: [{ name: "throw-away test key" }],
      subkeys: [],
      format: "object",
      config: { rejectPublicKeyAlgorithms: new Set() },
    });
    const [certification] = privateKey.users[0]?.selfCertifications ?? [];
    if (certification === undefined) throw new Error("no certification");
    const { certifyKeys, signData, encryptStorage, encryptCommunication } = openpgp.enums.keyFlags;
    const flags = certifyKeys | signData | encryptStorage | encryptCommunication;
    certification.keyFlags = new Uint8Array([flags]);
    certification.rawNotations = [];
    const primary = privateKey.keyPacket as openpgp.SecretKeyPacket;
    const signed = { userID: privateKey.users[0]?.userID, key: primary };
    const sign = certification.sign.bind(certification) as (...given: unknown[]) => Promise<void>;
    await sign(primary, signed, certification.created, false, openpgp.config);
    const key = await parsed(privateKey.toPublic().armor());
    expect(key.encryptionKeyFingerprint).toBe(key.fingerprint);
    expect(await keyIdsOf(await key.encrypt("x"))).toEqual([keyIdOf(key.fingerprint)]);
    expect((await parsed(key.binaryBase64, key.fingerprint)).encryptionKeyFingerprint)
      .toBe(key.fingerprint);
  });
});

describe("fixed encryption key", () => {
  it("a fixed subkey is used even when a newer one could be chosen", async () => {
    const { key, older } = await holderOfSubkeys();
    const fixed = await parsed(certificate(key), older);
    expect(fixed.encryptionKeyFingerprint).toBe(older);
    const message = await fixed.encrypt("x");
    expect(await keyIdsOf(message)).toEqual([keyIdOf(older)]);
    const { data } = await openpgp.decrypt({
      message: await openpgp.readMessage({ binaryMessage: message }),
      decryptionKeys: key,
    });
    expect(data).toBe("x");
  });

  it("a fixed subkey that is gone, expired or unable to encrypt is refused without a substitute", async () => {
    const { key, newer, signing } = await holderOfSubkeys();
    const stripped = strippedOf(key, newer);
    const expired = await withExpiredSubkey(key, newer);
    const refused = [[stripped, newer], [expired, newer], [key, signing], [key, "00".repeat(20)]];
    for (const [changed, fixed] of refused as [openpgp.PrivateKey, string][]) {
      expect(await parsePgpKey(certificate(changed), fixed)).toEqual({
        kind: "unusable",
        reason: `key ${fixed}, which was to be encrypted to, can no longer be`,
      });
    }
    expect((await parsePgpKey(certificate(key), key.getFingerprint())).kind).toBe("unusable");
  });

  it("encryption fails when the chosen subkey has expired since, with no older one in its place", async () => {
    const { key, newer } = await holderOfSubkeys();
    const soon = await withExpiredSubkey(key, newer, 7200);
    const chosen = await parsed(encodeBase64(soon.toPublic().write()));
    expect(chosen.encryptionKeyFingerprint).toBe(newer);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 9_000_000 });
    try {
      await expect(chosen.encrypt("x")).rejects.toMatchObject({ code: "invalid_request" });
    } finally {
      vi.useRealTimers();
    }
  });
});
