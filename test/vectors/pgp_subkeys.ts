/** Certificates with several subkeys, and what somebody may make of them who passes them on. */

import * as openpgp from "openpgp";
import { encodeBase64 } from "../../src/crypto/bytes.ts";

export interface HolderOfSubkeys {
  readonly key: openpgp.PrivateKey;
  /** Fingerprints of its subkeys; `newer` is the one that is encrypted to. */
  readonly older: string;
  readonly newer: string;
  readonly signing: string;
}

const HOUR_MS = 3_600_000;

export async function holderOfSubkeys(): Promise<HolderOfSubkeys> {
  const { privateKey } = await openpgp.generateKey({
    type: "ecc",
    userIDs: [{ name: "throw-away test key" }],
    date: new Date(Date.now() - 3 * HOUR_MS),
    format: "object",
  });
  const first = await privateKey.addSubkey({ date: new Date(Date.now() - 2 * HOUR_MS) });
  const second = await first.addSubkey({ date: new Date(Date.now() - HOUR_MS), sign: true });
  const [older = "", newer = "", signing = ""] = second.subkeys.map((each) =>
    each.getFingerprint()
  );
  return { key: second, older, newer, signing };
}

/** Base64 of the public half, as a holder sends it. */
export function certificate(key: openpgp.PrivateKey): string {
  return encodeBase64(key.toPublic().write());
}

/** The same certificate without one of its subkeys: anybody can make this. */
export function strippedOf(key: openpgp.PrivateKey, fingerprint: string): openpgp.PrivateKey {
  const copy = new openpgp.PrivateKey(key.toPacketList());
  copy.subkeys = copy.subkeys.filter((each) => each.getFingerprint() !== fingerprint);
  return copy;
}

/** The same certificate with a subkey signed anew, to live for some seconds from an hour ago. */
export async function withExpiredSubkey(
  key: openpgp.PrivateKey,
  fingerprint: string,
  seconds = 60,
): Promise<openpgp.PrivateKey> {
  const copy = await openpgp.readPrivateKey({ binaryKey: key.write() });
  const subkey = copy.subkeys.find((each) => each.getFingerprint() === fingerprint);
  const [binding] = subkey?.bindingSignatures ?? [];
  if (subkey === undefined || binding === undefined) throw new Error("no such subkey");
  const lifeSeconds = (Date.now() - subkey.getCreationTime().getTime() - HOUR_MS) / 1000 + seconds;
  binding.keyExpirationTime = Math.round(lifeSeconds);
  binding.keyNeverExpires = false;
  binding.rawNotations = [];
  const primary = copy.keyPacket as openpgp.SecretKeyPacket;
  // The library's `sign` takes its configuration last; its type leaves that out.
  const sign = binding.sign.bind(binding) as (...given: unknown[]) => Promise<void>;
  const signed = { key: primary, bind: subkey.keyPacket };
  await sign(primary, signed, new Date(Date.now() - HOUR_MS), false, openpgp.config);
  return copy;
}

/** The ids of the keys that a message is encrypted to: the last eight bytes of their fingerprints. */
export async function keyIdsOf(message: Uint8Array): Promise<readonly string[]> {
  const read = await openpgp.readMessage({ binaryMessage: message });
  return read.getEncryptionKeyIDs().map((id) => id.toHex());
}

/** The key id of a version 4 key. */
export function keyIdOf(fingerprint: string): string {
  return fingerprint.slice(-16);
}
