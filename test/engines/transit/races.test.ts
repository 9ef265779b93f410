import { describe, expect, it } from "vitest";
import { encodeKey } from "../../../src/engines/transit/records.ts";
import { newTransitKey } from "../../../src/engines/transit/versions.ts";
import { COMMIT_TRIES_MAX, KEY_VERSIONS_MAX } from "../../../src/limits.ts";
import { RECORD_MAX_BYTES } from "../../../src/limits.ts";
import { dataOf, NOW_MS, refusal, send } from "../engine_requests.ts";
import { base64, decrypted, encrypted, HOUR_MS, openSite } from "./transit_requests.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("transit with concurrent writers", () => {
  it("concurrent implicit creations make one transit key, and all ciphertexts decrypt", async () => {
    const { storage, transit, rival } = openSite();
    const replies = await Promise.all(
      numbers(12).map((index) =>
        send(index % 2 === 0 ? transit : rival, "create", "encrypt/a", {
          plaintext: base64(`text ${index}`),
        })
      ),
    );
    expect(storage.paths()).toEqual(["policy/a"]);
    for (const [index, reply] of replies.entries()) {
      const ciphertext = String(dataOf(reply)["ciphertext"]);
      expect(ciphertext).toMatch(/^vault:v1:/);
      expect(await decrypted(transit, "a", ciphertext)).toBe(`text ${index}`);
    }
    const unwarned = replies.filter((reply) =>
      reply.kind === "data" && reply.warnings?.length === 0
    );
    expect(unwarned).toHaveLength(1);
  });

  it("creating a transit key does not replace one that another writer has just made", async () => {
    const { storage, transit, rival } = openSite();
    let ciphertext = "";
    storage.hook = async () => {
      storage.hook = null;
      await send(rival, "update", "keys/a", { type: "chacha20-poly1305" });
      ciphertext = await encrypted(rival, "a", "text");
    };
    expect(await send(transit, "update", "keys/a")).toMatchObject({
      data: { type: "chacha20-poly1305" },
    });
    expect(await decrypted(transit, "a", ciphertext)).toBe("text");
  });

  it("concurrent rotations and encryptions of transit lose nothing", async () => {
    const { transit, rival } = openSite();
    await send(transit, "update", "keys/a");
    const ciphertexts: string[] = [];
    await Promise.all(
      numbers(10).flatMap((index) => [
        send(index % 2 === 0 ? transit : rival, "update", "keys/a/rotate"),
        ...[transit, rival].map(async (engine) => {
          ciphertexts.push(await encrypted(engine, "a", `text ${index}`));
        }),
      ]),
    );
    expect(dataOf(await send(transit, "read", "keys/a"))["latest_version"]).toBe(11);
    expect(ciphertexts).toHaveLength(20);
    for (const ciphertext of ciphertexts) {
      for (const engine of [transit, rival]) {
        expect(await decrypted(engine, "a", ciphertext)).toMatch(/^text \d$/);
      }
    }
  });

  it("transit never uses a cached key after another process changed it", async () => {
    const { transit, rival } = openSite();
    await send(transit, "update", "keys/a");
    const old = await encrypted(transit, "a", "text");
    await send(rival, "update", "keys/a/rotate");
    expect(await encrypted(transit, "a", "text")).toMatch(/^vault:v2:/);
    await send(rival, "update", "keys/a/config", {
      min_decryption_version: 2,
      deletion_allowed: true,
    });
    expect(await refusal(decrypted(transit, "a", old))).toMatch(/too old/);
    const fresh = await encrypted(transit, "a", "text");
    await send(rival, "delete", "keys/a");
    expect(await refusal(decrypted(transit, "a", fresh)))
      .toBe("invalid_request: encryption key not found");
    await send(rival, "update", "keys/a");
    await send(rival, "update", "keys/a/rotate");
    expect(await refusal(decrypted(transit, "a", fresh)))
      .toBe("invalid_request: cipher: message authentication failed");
  });

  it("transit checks permissions on what was stored last, not on what it read first", async () => {
    const { storage, transit, rival } = openSite();
    await send(transit, "update", "keys/a");
    await send(transit, "update", "keys/a/config", { deletion_allowed: true });
    storage.hook = async () => {
      storage.hook = null;
      await send(rival, "update", "keys/a/config", { deletion_allowed: false });
    };
    expect(await refusal(send(transit, "delete", "keys/a"))).toMatch(/deletion is not allowed/);
    expect(storage.paths()).toEqual(["policy/a"]);
  });

  it("transit gives up after a bounded number of lost commits and changes nothing", async () => {
    const { storage, transit } = openSite();
    await send(transit, "update", "keys/a");
    const before = await send(transit, "read", "keys/a");
    storage.hook = () => "conflict";
    const steps = [
      ["update", "keys/a/rotate", {}],
      ["update", "keys/a/config", { deletion_allowed: true }],
      ["update", "keys/b", {}],
      ["create", "encrypt/b", { plaintext: "" }],
    ] as const;
    for (const [operation, path, data] of steps) {
      storage.commits = 0;
      expect(await refusal(send(transit, operation, path, data))).toMatch(/^store_conflict: /);
      expect(storage.commits).toBe(COMMIT_TRIES_MAX);
    }
    expect(await send(transit, "read", "keys/a")).toEqual(before);
    expect(storage.paths()).toEqual(["policy/a"]);
  });

  it("transit answers with a key only once it is stored", async () => {
    const { storage, transit } = openSite();
    storage.hook = () => "fail";
    expect(await refusal(send(transit, "create", "encrypt/a", { plaintext: "" })))
      .toBe("store_failed: the disk is full");
    storage.hook = null;
    await send(transit, "update", "keys/a");
    storage.hook = () => "fail";
    expect(await refusal(send(transit, "update", "keys/a/rotate")))
      .toBe("store_failed: the disk is full");
    storage.hook = null;
    expect(await encrypted(transit, "a", "x")).toMatch(/^vault:v1:/);
  });
});

describe("auto_rotate_period", () => {
  it("auto_rotate_period rotates a key once, at the first use after it has passed", async () => {
    const { transit, rival } = openSite();
    await send(transit, "update", "keys/a", { auto_rotate_period: "2h" });
    const use = async (path: string, data: object, afterMs: number, engine = transit) => {
      const more = { nowMs: NOW_MS + afterMs };
      return dataOf(await send(engine, "update", path, { ...data }, more))["key_version"];
    };
    const text = { plaintext: "" };
    expect(await use("encrypt/a", text, 2 * HOUR_MS)).toBe(1);
    const late = 2 * HOUR_MS + 1;
    const both = await Promise.all([
      use("encrypt/a", text, late),
      use("encrypt/a", text, late, rival),
    ]);
    expect(both).toEqual([2, 2]);
    const ciphertext = await encrypted(transit, "a", "x", { key_version: 1 });
    expect(await use("datakey/wrapped/a", {}, late + 2 * HOUR_MS)).toBe(2);
    expect(await use("datakey/wrapped/a", {}, late + 2 * HOUR_MS + 1)).toBe(3);
    expect(await use("rewrap/a", { ciphertext }, late + 5 * HOUR_MS)).toBe(4);
    expect(await decrypted(transit, "a", ciphertext)).toBe("x");
    await send(transit, "update", "keys/a/config", { auto_rotate_period: 0 });
    expect(await use("encrypt/a", text, 1000 * HOUR_MS)).toBe(4);
  });
});

describe("transit keys with very many versions", () => {
  const key = newTransitKey(
    {
      type: "aes256-gcm96",
      exportable: false,
      allowPlaintextBackup: false,
      autoRotateSeconds: 3600,
    },
    (length) => new Uint8Array(length),
    NOW_MS,
  );
  const first = key.versions.get(1)!;
  const full = {
    ...key,
    latestVersion: KEY_VERSIONS_MAX,
    minEncryptionVersion: KEY_VERSIONS_MAX,
    minDecryptionVersion: KEY_VERSIONS_MAX,
    versions: new Map(numbers(KEY_VERSIONS_MAX).map((index) => [index + 1, first])),
  };

  it("a key with the most versions fits a record, cannot rotate and still encrypts", async () => {
    const { storage, transit } = openSite();
    const record = encodeKey(full);
    expect(record.length).toBeLessThan(RECORD_MAX_BYTES);
    storage.poke("policy/a", record);
    expect(await refusal(send(transit, "update", "keys/a/rotate"))).toBe(
      "invalid_request: cannot rotate the key: it has 10000 versions, trim it first",
    );
    const late = { nowMs: NOW_MS + 100 * HOUR_MS };
    const reply = await send(transit, "update", "encrypt/a", { plaintext: "" }, late);
    expect(dataOf(reply)["key_version"]).toBe(KEY_VERSIONS_MAX);
    await send(transit, "update", "keys/a/trim", { min_available_version: KEY_VERSIONS_MAX });
    await send(transit, "update", "keys/a/rotate");
    expect(dataOf(await send(transit, "read", "keys/a"))["latest_version"])
      .toBe(KEY_VERSIONS_MAX + 1);
  });
});
