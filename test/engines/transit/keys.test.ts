import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../src/crypto/bytes.ts";
import type { Operation } from "../../../src/wire/operation.ts";
import { type Data, dataOf, NOW_MS, refusal, send } from "../engine_requests.ts";
import { decrypted, encrypted, openSite, type Site, wrapped } from "./transit_requests.ts";

const NOW_SECONDS = Math.floor(NOW_MS / 1000);

async function siteWithKey(versions = 1): Promise<Site> {
  const site = openSite();
  await send(site.transit, "update", "keys/a");
  for (let made = 1; made < versions; made++) await send(site.transit, "update", "keys/a/rotate");
  return site;
}

async function configure({ transit }: Site, data: Data): Promise<string> {
  return await refusal(send(transit, "update", "keys/a/config", data));
}

describe("transit keys", () => {
  it("a transit key is described with everything that Vault's clients read", async () => {
    const { transit } = openSite();
    const described = {
      allow_plaintext_backup: false,
      auto_rotate_period: 0,
      deletion_allowed: false,
      derived: false,
      exportable: false,
      imported_key: false,
      keys: { "1": NOW_SECONDS },
      latest_version: 1,
      min_available_version: 0,
      min_decryption_version: 1,
      min_encryption_version: 0,
      name: "a",
      soft_deleted: false,
      supports_decryption: true,
      supports_derivation: true,
      supports_encryption: true,
      supports_signing: false,
      type: "aes256-gcm96",
    };
    expect(dataOf(await send(transit, "update", "keys/a"))).toEqual(described);
    expect(dataOf(await send(transit, "read", "keys/a"))).toEqual(described);
    const settings = {
      type: "chacha20-poly1305",
      exportable: "true",
      allow_plaintext_backup: true,
      auto_rotate_period: "24h",
    };
    expect(dataOf(await send(transit, "update", "keys/b", settings))).toMatchObject({
      type: "chacha20-poly1305",
      exportable: true,
      allow_plaintext_backup: true,
      auto_rotate_period: 86_400,
    });
  });

  it("creating an existing transit key leaves it unchanged", async () => {
    const { transit } = await siteWithKey();
    const ciphertext = await encrypted(transit, "a", "text");
    for (const more of [{ type: "chacha20-poly1305" }, { type: "rsa-4096" }, { derived: true }]) {
      const again = await send(transit, "update", "keys/a", more);
      expect(again).toMatchObject({ data: { type: "aes256-gcm96", latest_version: 1 } });
      expect(again).not.toHaveProperty("warnings");
    }
    expect(await refusal(send(transit, "update", "keys/a", { type: "nope" })))
      .toBe("invalid_request: unknown key type nope");
    expect(await decrypted(transit, "a", ciphertext)).toBe("text");
  });

  it("transit keys are listed in order and in pages", async () => {
    const { transit } = openSite();
    expect(await send(transit, "list", "keys/")).toEqual({ kind: "missing" });
    for (const name of ["b", "a.1", "c-d"]) await send(transit, "update", `keys/${name}`);
    expect(dataOf(await send(transit, "list", "keys/"))).toEqual({ keys: ["a.1", "b", "c-d"] });
    expect(dataOf(await send(transit, "list", "keys/", { after: "a.1", limit: 1 })))
      .toEqual({ keys: ["b"] });
  });

  it.each([
    [{ type: "rsa-4096" }, "unknown key type rsa-4096"],
    [{ type: "__proto__" }, "unknown key type __proto__"],
    [{ derived: true }, "cannot create a derived key: key derivation is not supported"],
    [
      { derived: true, convergent_encryption: true },
      "cannot create a derived key: key derivation is not supported",
    ],
    [
      { convergent_encryption: true },
      "convergent encryption requires derivation to be enabled",
    ],
    [
      { external_key_ref: "x" },
      "must provide type=external-key to use external_key_ref",
    ],
    [{ key_size: 16 }, "key_size is not valid for algorithm aes256-gcm96"],
    [
      { auto_rotate_period: "59m" },
      "auto rotate period must be 0 to disable or at least an hour",
    ],
  ])("a transit key with %j is refused and not stored", async (data, message) => {
    const { storage, transit } = openSite();
    expect(await refusal(send(transit, "update", "keys/a", data)))
      .toBe(`invalid_request: ${message}`);
    expect(storage.paths()).toEqual([]);
  });

  it("a transit key is deleted only if its settings allow it, with all its versions", async () => {
    const site = await siteWithKey(2);
    const { storage, transit } = site;
    expect(await refusal(send(transit, "delete", "keys/a"))).toBe(
      "invalid_request: error deleting policy a: deletion is not allowed for this key",
    );
    const ciphertext = await encrypted(transit, "a", "text");
    await configure(site, { deletion_allowed: true });
    expect(await send(transit, "delete", "keys/a")).toEqual({ kind: "done" });
    expect(storage.paths()).toEqual([]);
    expect(await send(transit, "read", "keys/a")).toEqual({ kind: "missing" });
    expect(await refusal(decrypted(transit, "a", ciphertext)))
      .toBe("invalid_request: encryption key not found");
    expect(await refusal(send(transit, "delete", "keys/a"))).toBe(
      "invalid_request: error deleting policy a: could not delete key; not found",
    );
  });

  it("a transit key recreated under an old name does not decrypt old ciphertext", async () => {
    const site = await siteWithKey();
    const ciphertext = await encrypted(site.transit, "a", "text");
    await configure(site, { deletion_allowed: true });
    await send(site.transit, "delete", "keys/a");
    await send(site.transit, "update", "keys/a");
    expect(await refusal(decrypted(site.transit, "a", ciphertext)))
      .toBe("invalid_request: cipher: message authentication failed");
  });

  it("transit key names have word characters, dots and dashes, even prototype names", async () => {
    const { transit } = openSite();
    for (const name of ["__proto__", "constructor", "toString", "a.b-c", "0"]) {
      expect(await send(transit, "read", `keys/${name}`)).toEqual({ kind: "missing" });
      expect(await transit.exists(`encrypt/${name}`, "scope")).toBe(false);
      await send(transit, "update", `keys/${name}`);
      expect(await decrypted(transit, name, await encrypted(transit, name, name))).toBe(name);
    }
    for (const name of [".a", "a.", "-a", "a b", "é", "..", "a%2fb"]) {
      expect(await refusal(send(transit, "update", `keys/${name}`)))
        .toBe("unsupported_path: unsupported path");
    }
  });

  it("transit seal-wraps key records and nothing else", () => {
    const { transit } = openSite();
    expect(["policy/a", "archive/a", "config", "policy"].map((path) => transit.wrapsPath(path)))
      .toEqual([true, true, false, false]);
  });

  it("a damaged transit key record is not used", async () => {
    const { storage, transit } = await siteWithKey(2);
    const record = decodeUtf8((await storage.get("policy/a"))!.value);
    for (
      const damaged of [
        record.replace('"format":1', '"format":9'),
        record.replace('"latestVersion":2', '"latestVersion":3'),
        record.replace('"minDecryptionVersion":1', '"minDecryptionVersion":0'),
        record.replace('"version":1', '"version":7'),
        record.replace(/"key":"..../, '"key":"'),
        record.replace("aes256-gcm96", "aes257"),
        "[]",
      ]
    ) {
      expect(damaged).not.toBe(record);
      storage.poke("policy/a", encodeUtf8(damaged));
      expect(await refusal(encrypted(transit, "a", "text"))).toMatch(/^record_malformed: /);
    }
  });
});

describe("keys/<name>/config", () => {
  it.each([
    [{ min_decryption_version: -1 }, "min decryption version cannot be negative"],
    [{ min_encryption_version: -1 }, "min encryption version cannot be negative"],
    [
      { min_decryption_version: 4 },
      "cannot set min decryption version of 4, latest key version is 3",
    ],
    [
      { min_encryption_version: 4 },
      "cannot set min encryption version of 4, latest key version is 3",
    ],
    [
      { min_encryption_version: 1, min_decryption_version: 2 },
      "cannot set min encryption/decryption values; min encryption version of 1 must be greater " +
      "than or equal to min decryption version of 2",
    ],
    [
      { auto_rotate_period: 60 },
      "auto rotate period must be 0 to disable or at least an hour",
    ],
  ])("keys/<name>/config refuses %j and changes nothing", async (data, message) => {
    const site = await siteWithKey(3);
    const before = await send(site.transit, "read", "keys/a");
    expect(await configure(site, { deletion_allowed: true, ...data }))
      .toBe(`invalid_request: ${message}`);
    expect(await send(site.transit, "read", "keys/a")).toEqual(before);
  });

  it("config, rotate and trim refuse a name without a key", async () => {
    const { transit } = openSite();
    expect(await refusal(send(transit, "update", "keys/b/config", {})))
      .toBe("invalid_request: no existing key named b could be found");
    expect(await refusal(send(transit, "update", "keys/b/rotate")))
      .toBe("invalid_request: key not found");
    expect(await refusal(send(transit, "update", "keys/b/trim", { min_available_version: 1 })))
      .toBe("invalid_request: invalid key name");
  });

  it("keys/<name>/config never revokes exportable or allow_plaintext_backup", async () => {
    const site = await siteWithKey();
    await configure(site, { exportable: true, allow_plaintext_backup: true });
    await configure(site, { exportable: false, allow_plaintext_backup: false });
    expect(dataOf(await send(site.transit, "read", "keys/a")))
      .toMatchObject({ exportable: true, allow_plaintext_backup: true });
  });

  it("keys/<name>/config raises version 0 to 1 with a warning, and writes only changes", async () => {
    const { storage, transit } = await siteWithKey();
    const writes = storage.commits;
    const reply = await send(transit, "update", "keys/a/config", { min_decryption_version: 0 });
    expect(reply).toMatchObject({
      data: { min_decryption_version: 1 },
      warnings: [expect.stringContaining("forcing minimum to 1")],
    });
    expect(storage.commits).toBe(writes);
  });

  it("a transit key hides versions below min_decryption_version", async () => {
    const site = await siteWithKey(3);
    const keys = async () =>
      Object.keys(dataOf(await send(site.transit, "read", "keys/a"))["keys"] as Data);
    await configure(site, { min_decryption_version: 3 });
    expect(await keys()).toEqual(["3"]);
    await configure(site, { min_decryption_version: 2 });
    expect(await keys()).toEqual(["2", "3"]);
  });
});

describe("keys/<name>/trim", () => {
  it("keys/<name>/trim erases old versions for good", async () => {
    const site = await siteWithKey(3);
    const { storage, transit } = site;
    const record = async () => decodeUtf8((await storage.get("policy/a"))!.value);
    const first = /"version":1,"createdMs":\d+,"key":"([^"]+)"/.exec(await record())![1]!;
    await configure(site, { min_decryption_version: 2, min_encryption_version: 2 });
    expect(await record()).toContain(first);
    const reply = await send(transit, "update", "keys/a/trim", { min_available_version: 2 });
    expect(dataOf(reply)).toMatchObject({
      min_available_version: 2,
      latest_version: 3,
      keys: { "2": NOW_SECONDS, "3": NOW_SECONDS },
    });
    expect(await record()).not.toContain(first);
    expect(await configure(site, { min_decryption_version: 1 })).toBe(
      "invalid_request: min decryption version should not be less then min available version",
    );
    expect(await configure(site, { min_encryption_version: 0 })).toBe(
      "invalid_request: min encryption version should not be less than min available version",
    );
    const ciphertext = await encrypted(transit, "a", "text", { key_version: 2 });
    expect(await decrypted(transit, "a", ciphertext)).toBe("text");
    await send(transit, "update", "keys/a/rotate");
    expect(dataOf(await send(transit, "read", "keys/a"))["latest_version"]).toBe(4);
  });

  it.each([
    [{}, {}, "missing min_available_version"],
    [
      {},
      { min_available_version: 1 },
      "minimum available version cannot be set when minimum encryption version is not set",
    ],
    [
      { min_encryption_version: 2 },
      { min_available_version: 3 },
      "minimum available version cannot be greater than minmum encryption version",
    ],
    [
      { min_encryption_version: 3, min_decryption_version: 2 },
      { min_available_version: 3 },
      "minimum available version cannot be greater than minimum decryption version",
    ],
    [
      { min_encryption_version: 3 },
      { min_available_version: 0 },
      "minimum available version should be positive",
    ],
    [
      { min_encryption_version: 3 },
      { min_available_version: -1 },
      "minimum available version cannot be decremented",
    ],
  ])("keys/<name>/trim refuses, after config %j, %j", async (config, data, message) => {
    const site = await siteWithKey(3);
    expect(await configure(site, config)).toBe("accepted");
    expect(await refusal(send(site.transit, "update", "keys/a/trim", data)))
      .toBe(`invalid_request: ${message}`);
  });
});

describe("export", () => {
  it("export returns decrypting versions of exportable keys only", async () => {
    const site = await siteWithKey(3);
    const { transit } = site;
    const path = "export/encryption-key/a";
    expect(await refusal(send(transit, "read", path)))
      .toBe("invalid_request: private key material is not exportable");
    await configure(site, { exportable: true, min_decryption_version: 2 });
    const all = dataOf(await send(transit, "read", path));
    const keys = all["keys"] as Readonly<Record<string, string>>;
    expect(all).toMatchObject({ name: "a", type: "aes256-gcm96" });
    expect(Object.keys(keys)).toEqual(["2", "3"]);
    expect(Object.values(keys).map((key) => atob(key).length)).toEqual([32, 32]);
    for (const version of ["latest", "3", "v3"]) {
      expect(dataOf(await send(transit, "read", `${path}/${version}`))["keys"])
        .toEqual({ "3": keys["3"] });
    }
    const messages = {
      1: "version for export is below minimum decryption version",
      4: "version does not exist or cannot be found",
      x: "invalid key version",
    };
    for (const [version, message] of Object.entries(messages)) {
      expect(await refusal(send(transit, "read", `${path}/${version}`)))
        .toBe(`invalid_request: ${message}`);
    }
  });

  it.each([
    ["signing-key", {}, "signing not supported for the key"],
    ["public-key", {}, wrapped("unknown key type aes256-gcm96 for export type public-key")],
    ["nothing", {}, "invalid export type: nothing"],
    ["encryption-key", { format: "jwk" }, "invalid format: jwk"],
    [
      "encryption-key",
      { format: "pem" },
      wrapped("unknown format for HMAC key; supported values are `` or `raw`"),
    ],
  ])("export refuses %s with %j", async (type, data, message) => {
    const site = await siteWithKey();
    await configure(site, { exportable: true });
    expect(await refusal(send(site.transit, "read", `export/${type}/a`, data)))
      .toBe(`invalid_request: ${message}`);
  });

  it("export reports a missing key as missing", async () => {
    expect(await send(openSite().transit, "read", "export/encryption-key/a"))
      .toEqual({ kind: "missing" });
  });
});

describe("transit paths", () => {
  const unsupported: readonly (readonly [Operation, string, string])[] = [
    ["read", "", "unsupported_path"],
    ["read", "nothing", "unsupported_path"],
    ["update", "keys/a/backup", "unsupported_path"],
    ["update", "keys/a/rotate/b", "unsupported_path"],
    ["list", "keys/a/", "unsupported_path"],
    ["update", "encrypt/a/b", "unsupported_path"],
    ["update", "encrypt", "unsupported_path"],
    ["update", "datakey/plaintext", "unsupported_path"],
    ["update", "cmac/a", "unsupported_path"],
    ["update", "config", "unsupported_path"],
    ["list", "keys/a/", "unsupported_path"],
    ["scan", "keys/", "unsupported_operation"],
    ["read", "sign/a", "unsupported_operation"],
    ["read", "hmac/a/sha2-256", "unsupported_operation"],
    ["read", "restore/x/y", "unsupported_operation"],
    ["update", "backup/a", "unsupported_operation"],
    ["update", "keys/a/soft-delete", "unsupported_operation"],
    ["read", "keys", "unsupported_operation"],
    ["patch", "keys/a", "unsupported_operation"],
    ["read", "keys/a/rotate", "unsupported_operation"],
    ["read", "encrypt/a", "unsupported_operation"],
    ["delete", "decrypt/a", "unsupported_operation"],
    ["read", "datakey/plaintext/a", "unsupported_operation"],
    ["update", "export/encryption-key/a", "unsupported_operation"],
    ["read", "random", "unsupported_operation"],
    ["read", "hash", "unsupported_operation"],
    ["update", "encrypt/", "unsupported_path"],
  ];
  it.each(unsupported)("transit answers %s %s with %s", async (operation, path, code) => {
    const { transit } = await siteWithKey();
    expect(await refusal(send(transit, operation, path))).toMatch(new RegExp(`^${code}: `));
  });

  it("transit asks for create only to encrypt with a missing key", async () => {
    const { transit } = await siteWithKey();
    const exists = (path: string) => transit.exists(path, "scope");
    expect(await exists("encrypt/a")).toBe(true);
    expect(await exists("encrypt/b")).toBe(false);
    for (const path of ["keys/b", "decrypt/b", "rewrap/b", "datakey/plaintext/b", "random", ""]) {
      expect(await exists(path)).toBe(true);
    }
  });
});
