import { describe, expect, it } from "vitest";
import { decryptEnvelope, encryptEnvelope } from "../../src/barrier/envelope.ts";
import {
  activeTerm,
  addTerm,
  createKeyring,
  decryptKeyring,
  encryptKeyring,
} from "../../src/barrier/keyring.ts";
import { AeadKey } from "../../src/crypto/aead.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { rootKey } from "../../src/crypto/keys.ts";
import { TERM_OPERATIONS_MAX } from "../../src/limits.ts";
import { KEYRING_PATH } from "../../src/storage/record_paths.ts";
import { codeOf, flipBit, seededRandom } from "./doubles.ts";

const random = seededRandom("keyring");
const root = rootKey(random(32));

async function encryptText(text: string, term = 0, path = KEYRING_PATH): Promise<Uint8Array> {
  return await encryptEnvelope(await AeadKey.import(root), term, path, encodeUtf8(text), random);
}

describe("keyring", () => {
  it("a new keyring has one term and rotates before its key is overused", () => {
    const keyring = createKeyring(random, 5);
    expect(keyring.terms).toMatchObject([{ term: 1, installTimeMs: 5 }]);
    expect(keyring.rotation)
      .toEqual({ enabled: true, maxOperations: TERM_OPERATIONS_MAX, intervalSeconds: 0 });
    expect(createKeyring(random, 5).terms[0]?.key).not.toEqual(keyring.terms[0]?.key);
    expect(createKeyring(random, 5).macKey).not.toEqual(keyring.macKey);
  });

  it("addTerm() adds a term, makes it active and keeps the others", () => {
    const one = createKeyring(random, 5);
    const two = addTerm(one, random, 9);
    expect(two.terms.slice(0, 1)).toEqual(one.terms);
    expect(activeTerm(two)).toMatchObject({ term: 2, installTimeMs: 9 });
    expect(activeTerm(two).key).not.toEqual(activeTerm(one).key);
    expect(two.macKey).toEqual(one.macKey);
    expect(one.terms).toHaveLength(1);
  });

  it("activeTerm() refuses a keyring without terms", async () => {
    const none = { ...createKeyring(random, 5), terms: [] };
    expect(await codeOf(() => activeTerm(none))).toBe("record_malformed");
  });

  it("a keyring reads back from its stored form", async () => {
    const settings = { enabled: false, maxOperations: 1_000_000, intervalSeconds: 86_400 };
    const keyring = {
      ...addTerm(addTerm(createKeyring(random, 5), random, 6), random, 7),
      rotation: settings,
    };
    expect(await decryptKeyring(await encryptKeyring(keyring, root, random), root))
      .toEqual(keyring);
  });

  it("a keyring does not open with another root key or with a bit flipped", async () => {
    const bytes = await encryptKeyring(createKeyring(random, 5), root, random);
    const other = rootKey(random(32));
    expect(await codeOf(() => decryptKeyring(bytes, other))).toBe("ciphertext_rejected");
    for (let index = 0; index < bytes.length; index++) {
      const code = await codeOf(() => decryptKeyring(flipBit(bytes, index, index % 8), root));
      expect(code).toBe(index < 5 ? "record_malformed" : "ciphertext_rejected");
    }
  });

  it("a record that is not a keyring is refused", async () => {
    const refused = async (bytes: Uint8Array) => await codeOf(() => decryptKeyring(bytes, root));
    expect(await refused(new Uint8Array(0))).toBe("record_malformed");
    expect(await refused(await encryptText("{}", 1))).toBe("record_malformed");
    expect(await refused(await encryptText("{}", 0, "core/other"))).toBe("ciphertext_rejected");
    const json = { version: 2, terms: [{ term: 1, key: "no base64", install_time_ms: 1 }] };
    expect(await refused(await encryptText(JSON.stringify(json)))).toBe("record_malformed");
  });

  it("a keyring of an older or newer version is refused", async () => {
    const bytes = await encryptKeyring(createKeyring(random, 5), root, random);
    const plaintext = await decryptEnvelope(await AeadKey.import(root), KEYRING_PATH, bytes);
    const json = JSON.parse(decodeUtf8(plaintext));
    for (const version of [1, 2, 3, undefined]) {
      const written = await encryptText(JSON.stringify({ ...json, version }));
      expect(await codeOf(() => decryptKeyring(written, root)))
        .toBe(version === 2 ? "no error" : "record_malformed");
    }
  });
});
