/** Test helper: makes the task for a client's program, with the address of the server and all inputs. */

import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

export type Seal = "shamir" | "static";
/** The endpoints of a rekey: Vault's own, or OpenBao's authenticated ones. */
export type Family = "rekey" | "rotate";

export interface Holder {
  /** A key of the test vectors, for `decrypt.mjs`. */
  readonly name: string;
  /** The PGP public key, base64 of its binary form. */
  readonly key: string;
}

export interface Task {
  readonly address: string;
  readonly seal: Seal;
  readonly family: Family;
  /** HCL of the policy `gardener`. */
  readonly policy: string;
  /** Written to `plain/garden`; it must survive every step. */
  readonly value: Readonly<Record<string, string>>;
  readonly holders: readonly [Holder, Holder];
  /** Program and arguments. With a holder's name added, it decrypts a PGP message on stdin. */
  readonly decrypt: readonly string[];
}

export const POLICY = `path "plain/garden" { capabilities = ["read"] }
path "versioned/data/*" { capabilities = ["create", "update"] }
`;
export const VALUE = { gate: "open sesame" };

export const STATIC_SEAL = {
  SEALWRIGHT_SEAL: "static",
  SEALWRIGHT_STATIC_SEAL_CURRENT_KEY: "ab".repeat(32),
  SEALWRIGHT_STATIC_SEAL_CURRENT_KEY_ID: "first",
};

const HOLDERS = ["rsa2048", "ed25519"] as const;

function vector(file: string): string {
  return readFileSync(new URL(`../vectors/pgp/${file}`, import.meta.url), "utf8").trim();
}

/** Fingerprints of the holders' keys, in the order of the shares. */
export const FINGERPRINTS = HOLDERS.map((name) => vector(`${name}.fingerprint`));

export function createTask(address: string, seal: Seal, family: Family): Task {
  const [first, second] = HOLDERS;
  return {
    address,
    seal,
    family,
    policy: POLICY,
    value: VALUE,
    holders: [
      { name: first, key: vector(`${first}.pub.b64`) },
      { name: second, key: vector(`${second}.pub.b64`) },
    ],
    decrypt: [process.execPath, fileURLToPath(new URL("decrypt.mjs", import.meta.url))],
  };
}
