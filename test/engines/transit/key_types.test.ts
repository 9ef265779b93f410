import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../src/crypto/bytes.ts";
import {
  type ExportKind,
  isReferenceKeyType,
  isRefusedByEncrypt,
  KEY_TYPE_NAMES,
  KEY_TYPES,
  type KeyType,
  keyTypeOfBackup,
  type KeyTypeRow,
  parseKeyType,
} from "../../../src/engines/transit/key_types.ts";
import { type Data, dataOf, refusal, send } from "../engine_requests.ts";
import {
  base64,
  bytesOf,
  decrypted,
  encrypted,
  openSite,
  textOf,
  wrapped,
} from "./transit_requests.ts";

const FOLDER = fileURLToPath(new URL("../../../src/engines/transit/", import.meta.url));

/** The numbers of OpenBao's sdk/helper/keysutil, which its backups carry. */
const BACKUP_NUMBERS: Readonly<Record<KeyType, number>> = {
  "aes256-gcm96": 0,
  "chacha20-poly1305": 5,
};

async function siteWithKey(type: KeyType) {
  const site = openSite();
  const settings = { type, exportable: true, allow_plaintext_backup: true };
  const created = dataOf(await send(site.transit, "update", "keys/a", settings));
  return { ...site, created };
}

async function exported(site: Awaited<ReturnType<typeof siteWithKey>>, kind: string) {
  return dataOf(await send(site.transit, "read", `export/${kind}/a`));
}

describe.each(KEY_TYPE_NAMES)("a transit key of type %s", (type) => {
  const row = KEY_TYPES[type];

  it(`a ${type} key is described with the abilities of its row`, async () => {
    const { created } = await siteWithKey(type);
    expect(created).toMatchObject({
      type,
      supports_encryption: row.supports.encryption,
      supports_decryption: row.supports.decryption,
      supports_derivation: row.supports.derivation,
      supports_signing: row.supports.signing,
    });
  });

  it(`a ${type} key encrypts behind a nonce as long as its row says, and decrypts in another process`, async () => {
    const { transit, rival } = await siteWithKey(type);
    const text = "the quick brown fox";
    const ciphertext = await encrypted(transit, "a", text);
    expect(bytesOf(ciphertext.slice("vault:v1:".length)))
      .toHaveLength(row.nonceBytes + text.length + 16);
    expect(await decrypted(rival, "a", ciphertext)).toBe(text);
    const short = `vault:v1:${btoa("x".repeat(row.nonceBytes - 1))}`;
    expect(await refusal(decrypted(transit, "a", short)))
      .toBe("invalid_request: invalid ciphertext length");
    const torn = `vault:v1:${btoa("x".repeat(row.nonceBytes + 16))}`;
    expect(await refusal(decrypted(transit, "a", torn))).toBe(`invalid_request: ${row.rejection}`);
  });

  it(`a ${type} key exports the kinds of its row, of their length, and refuses the others`, async () => {
    const site = await siteWithKey(type);
    const kinds = Object.keys(row.exports) as ExportKind[];
    const lengths = { bytes: row.keyBytes, hmacKey: 32 };
    for (const kind of kinds) {
      const member = row.exports[kind];
      if (member === null) {
        expect(await refusal(exported(site, kind))).toMatch(/^invalid_request: /);
        continue;
      }
      const { keys, ...more } = await exported(site, kind);
      expect(more).toEqual({ name: "a", type });
      expect(bytesOf(String((keys as Data)["1"]))).toHaveLength(lengths[member]);
    }
    const members = kinds.map((kind) => row.exports[kind]).filter((member) => member !== null);
    expect(members).not.toEqual([]);
  });

  it(`a ${type} key is backed up under OpenBao's number and restored as the same key`, async () => {
    const { transit } = await siteWithKey(type);
    const ciphertext = await encrypted(transit, "a", "text");
    const { backup } = dataOf(await send(transit, "read", "backup/a"));
    const { policy } = JSON.parse(textOf(backup)) as { policy: Data };
    expect(policy["type"]).toBe(BACKUP_NUMBERS[type]);
    const other = openSite().transit;
    await send(other, "update", "restore/b", { backup });
    expect(dataOf(await send(other, "read", "keys/b"))).toMatchObject({ type });
    expect(await decrypted(other, "b", ciphertext)).toBe("text");
  });

  it(`a ${type} key is not read or restored with a key that is one byte shorter than its row says`, async () => {
    const { storage, transit } = await siteWithKey(type);
    const { backup } = dataOf(await send(transit, "read", "backup/a"));
    const shortened = (text: string) => {
      const short = btoa("x".repeat(row.keyBytes - 1));
      const changed = text.replace(/"key":"[^"]+"/g, `"key":"${short}"`);
      expect(changed).not.toBe(text);
      return changed;
    };
    const changed = base64(shortened(textOf(backup)));
    expect(await refusal(send(transit, "update", "restore/b", { backup: changed }))).toBe(
      `invalid_request: ${wrapped("cannot read the backup: a version has no key of its length")}`,
    );
    const record = decodeUtf8((await storage.get("policy/a"))!.value);
    storage.poke("policy/a", encodeUtf8(shortened(record)));
    expect(await refusal(send(transit, "read", "keys/a"))).toMatch(/^record_malformed: /);
  });
});

describe("the table of key types", () => {
  it("the table of key types does not compile without a row for each type, or with a row that is not whole", () => {
    const whole = KEY_TYPES["aes256-gcm96"];
    const { rejection, ...torn } = whole;
    // @ts-expect-error A row has to say how its cipher rejects.
    const row: KeyTypeRow = torn;
    // @ts-expect-error Each type has to have a row.
    const table: Readonly<Record<KeyType, KeyTypeRow>> = { "aes256-gcm96": whole };
    // @ts-expect-error No code here signs.
    const signing: KeyTypeRow["supports"] = { ...whole.supports, signing: true };
    expect([rejection, row, table, signing]).not.toContain(undefined);
  });

  it("the table of key types gives no two types the same number in a backup", () => {
    const numbers = KEY_TYPE_NAMES.map((type) => KEY_TYPES[type].backupNumber);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.map(keyTypeOfBackup)).toEqual(KEY_TYPE_NAMES);
    for (const unknown of [-1, 1, 99, 0.5, Number.NaN]) expect(keyTypeOfBackup(unknown)).toBeNull();
  });

  it("the table of key types parses the names of its rows and nothing else", () => {
    for (const type of KEY_TYPE_NAMES) {
      expect(parseKeyType(type)).toBe(type);
      expect(isReferenceKeyType(type)).toBe(true);
      expect(isRefusedByEncrypt(type)).toBe(false);
    }
    const unknown = ["", "AES256-GCM96", "__proto__", "toString", null, 0, [KEY_TYPE_NAMES[0]], {}];
    for (const value of unknown) expect(parseKeyType(value)).toBeNull();
  });

  it("the table of key types is the only file that names a type, served or not", () => {
    const name = /"(?:aes\d+|x?chacha20|ecdsa-|ed25519|rsa-|external-key)[^"]*"/;
    const named = readdirSync(FOLDER)
      .filter((file) => name.test(readFileSync(FOLDER + file, "utf8")));
    expect(named).toEqual(["key_types.ts"]);
  });
});

describe("a stored key", () => {
  it.each(['"aes128-gcm96"', '["aes256-gcm96"]', '"__proto__"', "0", "null"])(
    "whose type is %s is refused",
    async (type) => {
      const { storage, transit } = await siteWithKey("aes256-gcm96");
      const record = decodeUtf8((await storage.get("policy/a"))!.value);
      const changed = record.replace('"type":"aes256-gcm96"', `"type":${type}`);
      expect(changed).not.toBe(record);
      storage.poke("policy/a", encodeUtf8(changed));
      expect(await refusal(send(transit, "read", "keys/a")))
        .toMatch(/^record_malformed: .*unknown type of key/);
    },
  );
});
