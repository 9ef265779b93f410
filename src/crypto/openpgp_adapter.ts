/**
 * The PGP port over openpgp.js. Only this file names the library, and only `pgp.ts` imports it, by
 * `import()`. Refuses private keys, keeps no plaintext and logs nothing. The library judges expiry
 * by the platform's clock, the only clock in this room.
 */

import {
  config,
  createMessage,
  encrypt,
  enums,
  generateSessionKey,
  PublicKey,
  readKeys,
} from "openpgp";
import type { Key, PartialConfig, SignaturePacket } from "openpgp";
import { VaultError } from "../errors.ts";
import { PGP_RSA_BITS_MIN, PGP_RSA_EXPONENT_MAX_BYTES, PGP_SIGNATURES_MAX } from "../limits.ts";
import { encodeBase64, wipe } from "./bytes.ts";
import { pause } from "./pause.ts";
import { NOT_A_KEY, type PgpKey, type PgpKeyParse } from "./pgp_key.ts";
import { scanPackets } from "./pgp_packets.ts";

/** The library's messages for a signature that will never verify. */
const NEVER_VALID: ReadonlySet<string> = new Set([
  "Signature verification failed",
  "Signed digest did not match",
]);

/** Spells out defaults too, because gpg and Go must be able to read the packets. */
const CONFIG: PartialConfig = {
  aeadProtect: false,
  preferredSymmetricAlgorithm: enums.symmetric.aes256,
  preferredCompressionAlgorithm: enums.compression.uncompressed,
  // Old keys carry no key flags; gpg and Go then go by the algorithm, and so do we.
  allowMissingKeyFlags: true,
  minRSABits: PGP_RSA_BITS_MIN,
};

/** See `parsePgpKey`. Never returns `undecodable`; returns `excessive` before any arithmetic. */
export async function loadPgpKey(
  bytes: Uint8Array,
  encryptionKeyFingerprint: string | null,
  signaturesMax: number,
): Promise<PgpKeyParse> {
  const scan = scanPackets(bytes);
  if (scan.kind === "malformed") return { kind: "unparsable", reason: NOT_A_KEY };
  if (scan.kind === "refused") return { kind: "unusable", reason: scan.reason };
  const keys = await readAll(bytes);
  const [key] = keys;
  if (key === undefined) return { kind: "unparsable", reason: NOT_A_KEY };
  if (keys.some((each) => each.isPrivate())) {
    return { kind: "unparsable", reason: "a private key: give the public key" };
  }
  if (keys.length > 1) {
    return { kind: "unparsable", reason: `${keys.length} keys: give exactly one` };
  }
  if (hasLongExponent(key)) {
    return { kind: "unusable", reason: "key numbers are larger than supported" };
  }
  const signatures = ownSignatures(key);
  const reason = "key carries too many signatures of its own";
  if (signatures.length > PGP_SIGNATURES_MAX) return { kind: "unusable", reason };
  if (signatures.length > signaturesMax) return { kind: "excessive", reason };
  for (const signature of signatures) verifyOnceWithPauses(signature);
  try {
    const chosen = encryptionKeyFingerprint ?? await chooseEncryptionKey(key, new Date());
    await encryptTo(key, chosen, "trial");
    return { kind: "ok", key: toPgpKey(key, chosen) };
  } catch {
    const reason = await describeUnusable(key, encryptionKeyFingerprint, scan.refusedSubkeys);
    return { kind: "unusable", reason };
  }
}

/** Empty if the packets are not keys. Drops the library's message, which may quote them. */
async function readAll(binaryKeys: Uint8Array): Promise<readonly Key[]> {
  try {
    return await readKeys({ binaryKeys, config: CONFIG });
  } catch {
    return [];
  }
}

function toPgpKey(key: Key, encryptionKeyFingerprint: string): PgpKey {
  const fingerprint = key.getFingerprint();
  return {
    fingerprint,
    encryptionKeyFingerprint,
    binaryBase64: encodeBase64(key.write()),
    ownSignatures: ownSignatures(key).length,
    async encrypt(text) {
      try {
        return await encryptTo(key, encryptionKeyFingerprint, text);
      } catch (cause) {
        const reason = await describeUnusable(key, encryptionKeyFingerprint, []);
        throw new VaultError(
          "invalid_request",
          `could not encrypt to PGP key ${fingerprint}: ${reason}`,
          { cause },
        );
      }
    },
  };
}

/** Fingerprint of the key that the library would encrypt to at `date`. Throws if there is none. */
async function chooseEncryptionKey(key: Key, date: Date): Promise<string> {
  const chosen = await key.getEncryptionKey(undefined, date, {}, { ...config, ...CONFIG });
  return chosen.getFingerprint();
}

/** The certificate with only the subkey of this fingerprint; none if it is the primary key's. */
function withOnlySubkey(key: Key, fingerprint: string): Key {
  const only = new PublicKey(key.toPacketList());
  only.subkeys = only.subkeys.filter((subkey) => subkey.getFingerprint() === fingerprint);
  return only;
}

/** Encrypts to the key with this fingerprint, or throws. */
async function encryptTo(
  certificate: Key,
  fingerprint: string,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  // One time for all steps, so that the library repeats the choice made here.
  const date = new Date();
  const key = withOnlySubkey(certificate, fingerprint);
  // Without its subkey a certificate may still encrypt to its primary key.
  if (await chooseEncryptionKey(key, date) !== fingerprint) {
    throw new RangeError("the chosen key cannot be encrypted to");
  }
  const message = await createMessage({ text, date: new Date(0) });
  // A session key without an AEAD algorithm makes PKESK v3 and SEIPD v1 even for a key that
  // announces SEIPD v2, which gpg cannot read. The library has no setting for this.
  const { data, algorithm } = await generateSessionKey({
    encryptionKeys: key,
    date,
    config: CONFIG,
  });
  try {
    const sessionKey = { data, algorithm };
    const to = { encryptionKeys: key, date, sessionKey, config: CONFIG };
    return new Uint8Array(await encrypt({ ...to, message, format: "binary" }));
  } finally {
    wipe(data);
  }
}

/** Catches keys made to be slow, before any arithmetic. */
function hasLongExponent(key: Key): boolean {
  return key.getKeys().some(({ keyPacket }) => {
    const { e } = keyPacket.publicParams as { readonly e?: Uint8Array };
    return (e?.length ?? 0) > PGP_RSA_EXPONENT_MAX_BYTES;
  });
}

/** All signatures that the library may check: by the key, on itself, its names and its subkeys. */
function ownSignatures(key: Key): readonly SignaturePacket[] {
  // Missing from the library's type.
  const { directSignatures } = key as unknown as {
    readonly directSignatures: readonly SignaturePacket[];
  };
  return [
    ...key.revocationSignatures,
    ...directSignatures,
    ...key.users.flatMap((user) => [...user.selfCertifications, ...user.revocationSignatures]),
    ...key.subkeys.flatMap((subkey) => [
      ...subkey.bindingSignatures,
      ...subkey.revocationSignatures,
    ]),
  ];
}

/**
 * The library remembers valid signatures but checks the others again, about ten times per
 * encryption. This checks a failing one only once, and lets other requests run between two checks,
 * because the library computes some algorithms on this thread.
 */
function verifyOnceWithPauses(signature: SignaturePacket): void {
  const verify = signature.verify.bind(signature) as (...given: unknown[]) => Promise<void>;
  let failure: unknown = null;
  let isVerified = false;
  const verifyOnce = async (...given: unknown[]): Promise<void> => {
    if (failure !== null) throw failure;
    if (!isVerified) await pause();
    try {
      await verify(...given);
      isVerified = true;
    } catch (error) {
      if (error instanceof Error && NEVER_VALID.has(error.message)) failure = error;
      throw error;
    }
  };
  Object.assign(signature, { verify: verifyOnce });
}

/**
 * Words for a refusal that the trial has already decided. `fixed` is the fingerprint chosen before,
 * or null. `refusedSubkeys` says which algorithms of subkeys are not accepted.
 */
async function describeUnusable(
  key: Key,
  fixed: string | null,
  refusedSubkeys: readonly string[],
): Promise<string> {
  try {
    if (await key.isRevoked()) return "key is revoked";
    const expires = await key.getExpirationTime();
    if (expires instanceof Date && expires.getTime() <= Date.now()) {
      return `key expired at ${expires.toISOString()}`;
    }
  } catch {
    // A key whose own signatures do not verify is neither revoked nor expired.
  }
  if (fixed !== null) return `key ${fixed}, which was to be encrypted to, can no longer be`;
  const [refused] = refusedSubkeys;
  const none = "key has no valid encryption key";
  return refused === undefined ? none : `${none}: its subkey uses ${refused}`;
}
