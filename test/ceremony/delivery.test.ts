import { readFileSync } from "node:fs";
import * as openpgp from "openpgp";
import { describe, expect, it } from "vitest";
import type { Rekey } from "../../src/ceremony/rekey.ts";
import { parametersDigest } from "../../src/ceremony/parameters_digest.ts";
import { checkPgpKey, checkRecipients } from "../../src/ceremony/recipients.ts";
import type { CeremonyParameters, PgpRecipient } from "../../src/ceremony/state.ts";
import { decodeHex, encodeHex } from "../../src/crypto/bytes.ts";
import { backupPath, deliveryPath } from "../../src/storage/record_paths.ts";
import { codeOf } from "../barrier/doubles.ts";
import {
  certificate,
  holderOfSubkeys,
  keyIdOf,
  keyIdsOf,
  strippedOf,
} from "../vectors/pgp_subkeys.ts";
import {
  createHarness,
  PARAMETERS,
  rekeyWith,
  type Share,
  sharesOf,
  submitAll,
  verifyAll,
} from "./ceremony_harness.ts";
import { share as asShare } from "../../src/crypto/keys.ts";

const COUNTS = { shares: 3, threshold: 2 };

function vector(file: string): string {
  return readFileSync(new URL(`../vectors/pgp/${file}`, import.meta.url), "utf8");
}

const HOLDERS = ["ed25519", "nistp256", "ed25519"];
const fingerprintOf = (name: string): string => vector(`${name}.fingerprint`).trim();
const RECIPIENTS = await checkRecipients(
  HOLDERS.map((name) => vector(`${name}.pub.b64`)),
  "",
) as readonly PgpRecipient[];
const WITH_PGP: CeremonyParameters = { ...PARAMETERS, recipients: RECIPIENTS };
const WITH_BACKUP: CeremonyParameters = { ...WITH_PGP, backup: true };
const VERIFIED: CeremonyParameters = { ...WITH_BACKUP, requireVerification: true };

/** Decrypts a message with the holder's private key. */
async function decrypt(name: string, message: Uint8Array): Promise<string> {
  const { data } = await openpgp.decrypt({
    message: await openpgp.readMessage({ binaryMessage: message }),
    decryptionKeys: await openpgp.readPrivateKey({ armoredKey: vector(`${name}.sec.asc`) }),
  });
  return String(data);
}

async function decryptAll(messages: readonly Uint8Array[]): Promise<Share[]> {
  const shares: Share[] = [];
  for (const [index, message] of messages.entries()) {
    const share = decodeHex(await decrypt(HOLDERS[index] ?? "", message));
    if (share === null) throw new Error("a share is not hex");
    shares.push(asShare(share));
  }
  return shares;
}

async function backupOf(rekey: Rekey, fingerprint: string | null = null) {
  return await rekey.delivery.read(await rekey.state(), fingerprint);
}

describe("PGP keys of a ceremony", () => {
  it("PGP keys are kept in share order, each with its fingerprint, in one form", async () => {
    expect(RECIPIENTS.map(({ fingerprint }) => fingerprint)).toEqual(HOLDERS.map(fingerprintOf));
    const armored = await checkRecipients([vector("ed25519.pub.asc")], "");
    expect(armored?.[0]).toEqual(RECIPIENTS[0]);
  });

  it("checkRecipients() returns null without PGP keys", async () => {
    expect(await checkRecipients(null, "")).toBeNull();
    expect(await checkRecipients([], "")).toBeNull();
  });

  it("an unusable PGP key is refused at the start, with its index and the reason", async () => {
    const refused = async (text: string) => {
      try {
        await checkRecipients([vector("ed25519.pub.b64"), text], "invalid rekey configuration: ");
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
      return "accepted";
    };
    expect(await refused("keybase:somebody"))
      .toMatch(/^invalid rekey configuration: error decoding given PGP key: /);
    expect(await refused("AAAA"))
      .toMatch(/^invalid rekey configuration: error parsing given PGP key: /);
    expect(await refused(vector("signonly.pub.b64"))).toMatch(/^pgp_keys\[1\]: /);
    expect(await refused(vector("ed25519.sec.asc"))).toMatch(/error parsing given PGP key: /);
    expect(await codeOf(() => checkPgpKey("?", "", "pgp_key"))).toBe("invalid_request");
  });
});

describe("shares for PGP recipients", () => {
  it("only the holders can decrypt their shares, and a quorum opens the vault", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const messages = await rekeyWith(
      harness.open.rekey.barrier,
      harness.shares.slice(0, 2),
      WITH_PGP,
    );
    const shares = await decryptAll(messages);
    expect(shares.map((share) => share.length)).toEqual([33, 33, 33]);
    expect(await codeOf(() => harness.reopen(shares.slice(1)))).toBe("no error");
    await expect(decrypt("nistp256", messages[0] as Uint8Array)).rejects.toThrow();
  });

  it("shares are encrypted to the subkeys chosen at the start, even if newer ones exist", async () => {
    const harness = await createHarness("shamir", { shares: 1, threshold: 1 });
    const { key, older, newer } = await holderOfSubkeys();
    const [now] = await checkRecipients([certificate(key)], "") as [PgpRecipient];
    expect(now.encryptionKeyFingerprint).toBe(newer);
    const recipients = [{ ...now, encryptionKeyFingerprint: older }];
    const [message] = await rekeyWith(harness.open.rekey.barrier, harness.shares, {
      shares: 1,
      threshold: 1,
      recipients,
    });
    expect(await keyIdsOf(message as Uint8Array)).toEqual([keyIdOf(older)]);
  });

  it("no share is made for a subkey that is gone, and the attempt stays", async () => {
    const harness = await createHarness("shamir", { shares: 1, threshold: 1 });
    const rekey = harness.open.rekey.barrier;
    const { key, older, newer } = await holderOfSubkeys();
    const [chosen] = await checkRecipients([certificate(key)], "") as [PgpRecipient];
    const unusable = [
      { ...chosen, key: certificate(strippedOf(key, newer)) },
      { ...chosen, key: certificate(strippedOf(key, older)), encryptionKeyFingerprint: older },
    ];
    for (const recipient of unusable) {
      const parameters = { shares: 1, threshold: 1, recipients: [recipient] };
      expect(await codeOf(() => rekeyWith(rekey, harness.shares, parameters)))
        .toBe("invalid_request");
      expect(await rekey.state()).toMatchObject({ phase: "gathering", given: [] });
      expect(await codeOf(() => harness.reopen(harness.shares))).toBe("no error");
      await rekey.cancel();
    }
  });

  it("new shares are verified in decrypted form, never as PGP messages", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    await rekey.start({ ...VERIFIED, backup: false }, null);
    const messages = sharesOf(await submitAll(rekey, harness.shares.slice(0, 2)));
    const shares = await decryptAll(messages);
    expect(await verifyAll(rekey, messages.slice(0, 1)))
      .toEqual({ kind: "refused", refusal: { code: "unknown_new_share" } });
    expect(await verifyAll(rekey, shares.slice(0, 2))).toMatchObject({ kind: "verified" });
    expect(await codeOf(() => harness.reopen(shares.slice(0, 2)))).toBe("no error");
  });
});

describe("backup", () => {
  it("a backup lists the messages by fingerprint and survives a restart", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    expect(await backupOf(rekey)).toBeNull();
    await rekey.start(WITH_BACKUP, null);
    const outcome = await submitAll(rekey, harness.shares.slice(0, 2));
    const [first, second, third] = sharesOf(outcome).map(encodeHex);
    const expected = {
      ceremonyId: outcome.kind === "shares" ? outcome.result.head.ceremonyId : "",
      stale: false,
      shares: {
        [fingerprintOf("ed25519")]: [first, third],
        [fingerprintOf("nistp256")]: [second],
      },
    };
    expect(await backupOf(rekey)).toEqual(expected);
    const shares = await decryptAll(sharesOf(outcome));
    const { rekey: later } = await harness.reopen(shares.slice(0, 2));
    expect(await backupOf(later.barrier)).toEqual(expected);
    expect(await backupOf(later.recovery)).toBeNull();
  });

  it("without a backup each holder can still fetch their own share", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    const messages = await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_PGP);
    expect(await backupOf(rekey)).toBeNull();
    const nistp256 = fingerprintOf("nistp256");
    expect(await backupOf(rekey, nistp256))
      .toMatchObject({ shares: { [nistp256]: [encodeHex(messages[1] as Share)] } });
    expect(await backupOf(rekey, nistp256.toUpperCase())).not.toBeNull();
    expect(await backupOf(rekey, fingerprintOf("rsa2048"))).toBeNull();
  });

  it("encrypted shares lie outside the barrier, so a sealed vault can still be opened", async () => {
    const harness = await createHarness("shamir", COUNTS);
    await rekeyWith(harness.open.rekey.barrier, harness.shares.slice(0, 2), WITH_PGP);
    const stored = await harness.store.get(deliveryPath("barrier"));
    const { shares } = JSON.parse(new TextDecoder().decode(stored?.bytes));
    const messages = [...shares[fingerprintOf("ed25519")], ...shares[fingerprintOf("nistp256")]];
    const holders = ["ed25519", "ed25519", "nistp256"];
    const fresh: Share[] = [];
    for (const [index, message] of messages.entries()) {
      const text = await decrypt(holders[index] ?? "", decodeHex(message) ?? new Uint8Array());
      fresh.push(asShare(decodeHex(text) ?? new Uint8Array()));
    }
    expect(await codeOf(() => harness.reopen(fresh.slice(1)))).toBe("no error");
  });

  it("a fingerprint such as __proto__ finds no backup", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_BACKUP);
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", ""]) {
      expect(await backupOf(rekey, name)).toBeNull();
    }
  });

  it("a confirmed share is removed from delivery, and no other share is", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_BACKUP);
    await rekey.deleteBackup(fingerprintOf("ed25519").toUpperCase());
    expect(await backupOf(rekey, fingerprintOf("ed25519"))).toBeNull();
    expect(await backupOf(rekey, fingerprintOf("nistp256"))).not.toBeNull();
    expect(await backupOf(rekey)).not.toBeNull();
    await rekey.deleteBackup(fingerprintOf("nistp256"));
    expect(await harness.store.get(deliveryPath("barrier"))).toBeNull();
    await rekey.deleteBackup(fingerprintOf("nistp256"));
  });

  it("deleting the backup, even twice, leaves the holders' copies", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    const messages = await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_BACKUP);
    const copy = await backupOf(rekey, fingerprintOf("nistp256"));
    expect(copy?.shares).toEqual({
      [fingerprintOf("nistp256")]: [encodeHex(messages[1] as Share)],
    });
    for (let round = 0; round < 2; round++) {
      await rekey.deleteBackup(null);
      expect(await backupOf(rekey)).toBeNull();
      expect(await harness.store.get(backupPath("barrier"))).toBeNull();
      expect(await backupOf(rekey, fingerprintOf("nistp256"))).toEqual(copy);
    }
  });

  it("confirming a copy leaves the backup and the copies of others", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_BACKUP);
    const backup = await backupOf(rekey);
    const [one, other] = [fingerprintOf("nistp256"), fingerprintOf("ed25519")];
    await rekey.deleteBackup(one);
    expect(await backupOf(rekey, one)).toBeNull();
    expect(await backupOf(rekey, other)).not.toBeNull();
    await rekey.deleteBackup("ab".repeat(20));
    await rekey.deleteBackup(other);
    expect(await harness.store.get(deliveryPath("barrier"))).toBeNull();
    expect(await backupOf(rekey)).toEqual(backup);
  });

  it("a backup is marked stale after a later rekey without one", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    const messages = await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_BACKUP);
    const before = await backupOf(rekey);
    await rekeyWith(rekey, (await decryptAll(messages)).slice(0, 2));
    expect(await backupOf(rekey)).toEqual({ ...before, stale: true });
    expect(await backupOf(rekey, fingerprintOf("nistp256"))).toBeNull();
  });

  it("a pending backup is shown during verification and in force only afterwards", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    const old = await decryptAll(
      await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_BACKUP),
    );
    const inForce = await backupOf(rekey);

    await rekey.start(VERIFIED, null);
    await submitAll(rekey, old.slice(0, 2));
    expect((await backupOf(rekey))?.ceremonyId).not.toBe(inForce?.ceremonyId);
    await rekey.cancel();
    expect(await backupOf(rekey)).toEqual(inForce);

    await rekey.start(VERIFIED, null);
    const messages = sharesOf(await submitAll(rekey, old.slice(0, 2)));
    const pending = await backupOf(rekey);
    const pendingOfHolder = await backupOf(rekey, fingerprintOf("nistp256"));
    await verifyAll(rekey, (await decryptAll(messages)).slice(0, 2));
    expect(await backupOf(rekey)).toEqual(pending);
    expect(await backupOf(rekey, fingerprintOf("nistp256"))).toEqual(pendingOfHolder);
  });

  it("a deleted pending backup is not made, but the holders' copies are", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    await rekey.start(VERIFIED, null);
    const messages = sharesOf(await submitAll(rekey, harness.shares.slice(0, 2)));
    await rekey.deleteBackup(null);
    expect(await backupOf(rekey)).toBeNull();
    const pending = await backupOf(rekey, fingerprintOf("ed25519"));
    expect(pending).not.toBeNull();
    await verifyAll(rekey, (await decryptAll(messages)).slice(0, 2));
    expect(await backupOf(rekey)).toBeNull();
    expect(await backupOf(rekey, fingerprintOf("ed25519"))).toEqual(pending);
    expect(await backupOf(rekey, fingerprintOf("nistp256"))).not.toBeNull();
  });

  it("a copy confirmed during verification does not come into force", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    const [one, other] = [fingerprintOf("nistp256"), fingerprintOf("ed25519")];
    const old = await decryptAll(await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_PGP));
    const inForce = await backupOf(rekey, one);

    await rekey.start(VERIFIED, null);
    await submitAll(rekey, old.slice(0, 2));
    // A client may repeat a request whose answer was lost.
    for (let round = 0; round < 2; round++) await rekey.deleteBackup(one.toUpperCase());
    expect(await backupOf(rekey, one)).toBeNull();
    const whole = await backupOf(rekey);
    expect(Object.keys(whole?.shares ?? {}).sort()).toEqual([one, other].sort());
    const { rekey: later } = await harness.reopen(old.slice(0, 2));
    expect(await backupOf(later.barrier, one)).toBeNull();
    await rekey.cancel();
    expect(await backupOf(rekey, one)).toEqual(inForce);

    await rekey.start(VERIFIED, null);
    const messages = sharesOf(await submitAll(rekey, old.slice(0, 2)));
    await rekey.deleteBackup(one);
    const pending = await backupOf(rekey, other);
    await verifyAll(rekey, (await decryptAll(messages)).slice(0, 2));
    expect(await backupOf(rekey, one)).toBeNull();
    expect(await backupOf(rekey, other)).toEqual(pending);
    expect(Object.keys((await backupOf(rekey))?.shares ?? {}).sort()).toEqual([one, other].sort());
    await rekey.deleteBackup(other);
    expect(await harness.store.get(deliveryPath("barrier"))).toBeNull();
  });

  it("deleting the backup during verification does not change the agreed parameters", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    await rekey.start(VERIFIED, null);
    const messages = sharesOf(await submitAll(rekey, harness.shares.slice(0, 2)));
    await rekey.deleteBackup(null);
    const state = await rekey.state();
    if (state.phase !== "verifying") throw new Error("no verification is on");
    expect(state.head.parameters).toEqual(VERIFIED);
    const [share] = await decryptAll(messages) as [Share];
    const seen = { parametersDigest: parametersDigest(VERIFIED), id: state.verificationId };
    expect(await rekey.verify({ share, ...seen })).toMatchObject({ kind: "advanced" });
  });

  it("during verification, a leaving holder can still fetch their old share", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const rekey = harness.open.rekey.barrier;
    const [leaver, stayer] = [fingerprintOf("nistp256"), fingerprintOf("ed25519")];
    const old = await decryptAll(await rekeyWith(rekey, harness.shares.slice(0, 2), WITH_PGP));
    const [ofLeaver, ofStayer] = [await backupOf(rekey, leaver), await backupOf(rekey, stayer)];
    expect(ofLeaver).not.toBeNull();

    const recipients = RECIPIENTS.filter(({ fingerprint }) => fingerprint === stayer);
    await rekey.start({ ...VERIFIED, recipients, shares: 2, backup: false }, null);
    const messages = sharesOf(await submitAll(rekey, old.slice(0, 2)));
    expect(await backupOf(rekey, leaver)).toEqual(ofLeaver);
    expect(await backupOf(rekey, stayer)).toMatchObject({
      shares: { [stayer]: messages.map(encodeHex) },
    });
    expect(await backupOf(rekey, stayer)).not.toEqual(ofStayer);
    expect(await backupOf(rekey, fingerprintOf("rsa2048"))).toBeNull();

    const made: Share[] = [];
    for (const message of messages) {
      made.push(asShare(decodeHex(await decrypt("ed25519", message)) ?? new Uint8Array()));
    }
    expect(await verifyAll(rekey, made)).toMatchObject({ kind: "verified" });
    expect(await backupOf(rekey, leaver)).toBeNull();
  });
});
