/** Every runtime accepts and refuses the same PGP keys, and gpg reads every message. */

import { Buffer } from "node:buffer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeBase64, encodeHex } from "../../src/crypto/bytes.ts";
import { textAt, textsAt } from "../contract/api.contract.ts";
import { createGpgHome, type GpgHome } from "./gpg_keys.ts";
import { SCRIPTS, start, type Started } from "./processes.ts";

const TIMEOUT_MS = 120_000;

const ecc = (sign: string, curve: string, encryptCurve = curve): readonly string[] => [
  `Key-Type: ${sign}`,
  `Key-Curve: ${curve}`,
  "Subkey-Type: ECDH",
  `Subkey-Curve: ${encryptCurve}`,
];
const rsa = (bits: number): readonly string[] => [
  "Key-Type: RSA",
  `Key-Length: ${bits}`,
  "Subkey-Type: RSA",
  `Subkey-Length: ${bits}`,
];

const TAKEN: Readonly<Record<string, readonly string[]>> = {
  "RSA 2048": rsa(2048),
  "RSA 3072": rsa(3072),
  "RSA for everything": ["Key-Type: RSA", "Key-Length: 2048", "Key-Usage: encrypt,sign"],
  "Curve25519": ecc("EDDSA", "ed25519", "cv25519"),
  "NIST P-256": ecc("ECDSA", "nistp256"),
  "NIST P-384": ecc("ECDSA", "nistp384"),
  "NIST P-521": ecc("ECDSA", "nistp521"),
  "Brainpool P-256": ecc("ECDSA", "brainpoolP256r1"),
  "Brainpool P-384": ecc("ECDSA", "brainpoolP384r1"),
  "Brainpool P-512": ecc("ECDSA", "brainpoolP512r1"),
};

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "RSA 1024": rsa(1024),
  "DSA with ElGamal": [
    "Key-Type: DSA",
    "Key-Length: 2048",
    "Subkey-Type: ELG-E",
    "Subkey-Length: 2048",
  ],
  "secp256k1": ecc("ECDSA", "secp256k1"),
  "a key that only signs": ["Key-Type: EDDSA", "Key-Curve: ed25519", "Key-Usage: sign"],
};

let home: GpgHome;
const keys = new Map<string, Uint8Array<ArrayBuffer>>();
beforeAll(() => {
  home = createGpgHome();
  for (const [name, parameters] of Object.entries({ ...TAKEN, ...REFUSED })) {
    keys.set(name, home.generate(name, parameters));
  }
}, TIMEOUT_MS);
afterAll(() => home.remove());

const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64");

/** Every accepted form of a public key. */
function formsOf(name: string): Readonly<Record<string, string>> {
  const binary = base64(keys.get(name) ?? new Uint8Array());
  const armor = home.armored(name);
  return {
    "base64": binary,
    "base64 in lines": binary.replace(/.{76}/g, "$&\n"),
    "armor": armor,
    "armor with CR LF": armor.replaceAll("\n", "\r\n"),
    "base64 of armor": base64(armor),
  };
}

describe.each(SCRIPTS)("holder keys by npm run %s", (script) => {
  let vault: Started;
  let token: string;
  let share: string;

  async function send(method: string, path: string, body?: object) {
    const response = await fetch(`${vault.url}/v1/${path}`, {
      method,
      headers: { "x-vault-token": token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? null : JSON.parse(text) as unknown };
  }

  beforeAll(async () => {
    vault = await start(script, { SEALWRIGHT_DATA: ":memory:" });
    token = "";
    const made = await send("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
    token = textAt(made.json, "root_token");
    share = textsAt(made.json, "keys")[0] ?? "";
    await send("PUT", "sys/unseal", { key: share });
  }, TIMEOUT_MS);
  afterAll(async () => void await vault.stop("SIGKILL"));

  const begin = async (key: string) =>
    await send("PUT", "sys/rekey/init", {
      secret_shares: 1,
      secret_threshold: 1,
      pgp_keys: [key],
    });

  it.each(Object.keys(TAKEN))(
    `npm run ${script} encrypts a share to a gpg key of type %s`,
    async (name) => {
      const started = await begin(base64(keys.get(name) ?? new Uint8Array()));
      expect(started.status, JSON.stringify(started.json)).toBe(200);
      const nonce = textAt(started.json, "nonce");
      const done = await send("PUT", "sys/rekey/update", { key: share, nonce });
      expect(done.status, JSON.stringify(done.json)).toBe(200);
      const [message = ""] = textsAt(done.json, "keys_base64");
      share = home.decrypt(decodeBase64(message) ?? new Uint8Array());
      expect(share).toMatch(/^[0-9a-f]{64}$/);
      expect(textsAt(done.json, "keys")).toEqual([
        encodeHex(decodeBase64(message) ?? new Uint8Array()),
      ]);
    },
    TIMEOUT_MS,
  );

  it(`npm run ${script} accepts a public key in every form`, async () => {
    for (const name of ["Curve25519", "Brainpool P-256", "RSA 2048"]) {
      for (const [form, text] of Object.entries(formsOf(name))) {
        const started = await begin(text);
        expect(started.status, `${name} as ${form}: ${JSON.stringify(started.json)}`).toBe(200);
        await send("DELETE", "sys/rekey/init");
      }
    }
  }, TIMEOUT_MS);

  it.each(Object.keys(REFUSED))(
    `npm run ${script} refuses a key that it cannot encrypt to at the start: %s`,
    async (name) => {
      const started = await begin(base64(keys.get(name) ?? new Uint8Array()));
      expect(started.status).toBe(400);
      expect(textsAt(started.json, "errors")[0]).toMatch(/^pgp_keys\[0\]: /);
      const status = await send("GET", "sys/rekey/init");
      expect(status.json).toMatchObject({ started: false });
    },
  );
});
