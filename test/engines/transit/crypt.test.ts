import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engines/engine.ts";
import { KEY_TYPE_NAMES, type KeyType } from "../../../src/engines/transit/key_types.ts";
import { type Data, dataOf, refusal, send } from "../engine_requests.ts";
import {
  base64,
  batch,
  bytesOf,
  decrypted,
  encrypted,
  FOREIGN_CIPHERS,
  foreignCiphertext,
  openSite,
  textOf,
  wrapped,
} from "./transit_requests.ts";

const REJECTED: Readonly<Record<KeyType, string>> = {
  "aes256-gcm96": "cipher: message authentication failed",
  "chacha20-poly1305": "chacha20poly1305: message authentication failed",
};

async function engineWithKey(data: Data = {}): Promise<Engine> {
  const { transit } = openSite();
  await send(transit, "update", "keys/a", data);
  return transit;
}

async function exportedKey(transit: Engine, version: number): Promise<Uint8Array> {
  await send(transit, "update", "keys/a/config", { exportable: true });
  const reply = await send(transit, "read", `export/encryption-key/a/${version}`);
  return bytesOf((dataOf(reply)["keys"] as Record<string, string>)[String(version)]!);
}

/** The same ciphertext with one bit of its body flipped. */
function damage(ciphertext: string, index: number): string {
  const [prefix, version, body] = ciphertext.split(":");
  const bytes = bytesOf(body!);
  bytes[index < 0 ? bytes.length + index : index]! ^= 1;
  return `${prefix}:${version}:${btoa(String.fromCharCode(...bytes))}`;
}

describe.each(KEY_TYPE_NAMES)("keys of type %s", (type) => {
  it("decrypt what was built elsewhere in Vault's form", async () => {
    const transit = await engineWithKey({ type });
    const key = await exportedKey(transit, 1);
    expect(await decrypted(transit, "a", foreignCiphertext(type, key, 1, "hello"))).toBe("hello");
    expect(await decrypted(transit, "a", foreignCiphertext(type, key, 0, "zero"))).toBe("zero");
    const bound = foreignCiphertext(type, key, 1, "hello", "context");
    expect(await decrypted(transit, "a", bound, { associated_data: base64("context") }))
      .toBe("hello");
  });

  it(`a ${type} key encrypts in Vault's form with a fresh nonce`, async () => {
    const transit = await engineWithKey({ type });
    const key = await exportedKey(transit, 1);
    const nonces = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const ciphertext = await encrypted(transit, "a", "hello");
      expect(ciphertext).toMatch(/^vault:v1:[A-Za-z0-9+/]+=*$/);
      const bytes = bytesOf(ciphertext.slice("vault:v1:".length));
      expect(bytes.length).toBe(12 + 5 + 16);
      nonces.add(bytes.subarray(0, 12).toString());
      const decipher = FOREIGN_CIPHERS[type].decrypt(key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(-16));
      const text = decipher.update(bytes.subarray(12, -16), undefined, "utf8") + decipher.final();
      expect(text).toBe("hello");
    }
    expect(nonces.size).toBe(20);
  });

  it(`a ${type} key round trips any text bound to any associated data`, async () => {
    const transit = await engineWithKey({ type });
    const text = fc.string({ unit: "binary", maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(text, text, async (plaintext, aad) => {
        const more = { associated_data: base64(aad) };
        const ciphertext = await encrypted(transit, "a", plaintext, more);
        expect(await decrypted(transit, "a", ciphertext, more)).toBe(plaintext);
      }),
      { numRuns: 50 },
    );
  });

  it(`a ${type} key rejects damage, truncation, another key and other data alike`, async () => {
    const transit = await engineWithKey({ type });
    await send(transit, "update", "keys/b", { type });
    const ciphertext = await encrypted(transit, "a", "text", { associated_data: base64("x") });
    const open = (name: string, changed: string, aad: string) =>
      refusal(decrypted(transit, name, changed, { associated_data: base64(aad) }));
    const truncated = `vault:v1:${btoa("x".repeat(12 + 15))}`;
    const outcomes = await Promise.all([
      open("a", damage(ciphertext, 0), "x"),
      open("a", damage(ciphertext, 12), "x"),
      open("a", damage(ciphertext, -1), "x"),
      open("a", truncated, "x"),
      open("b", ciphertext, "x"),
      open("a", ciphertext, "y"),
      open("a", ciphertext, ""),
    ]);
    expect(new Set(outcomes)).toEqual(new Set([`invalid_request: ${REJECTED[type]}`]));
    expect(await open("a", ciphertext, "x")).toBe("accepted");
  });

  it(`a ${type} key decrypts with the version that encrypted, after many rotations`, async () => {
    const transit = await engineWithKey({ type });
    const ciphertexts: string[] = [];
    for (let version = 1; version <= 5; version++) {
      ciphertexts.push(await encrypted(transit, "a", `text ${version}`));
      await send(transit, "update", "keys/a/rotate");
    }
    for (const [index, ciphertext] of ciphertexts.entries()) {
      expect(ciphertext.startsWith(`vault:v${index + 1}:`)).toBe(true);
      expect(await decrypted(transit, "a", ciphertext)).toBe(`text ${index + 1}`);
      const moved = ciphertext.replace(`:v${index + 1}:`, ":v6:");
      expect(await refusal(decrypted(transit, "a", moved)))
        .toBe(`invalid_request: ${REJECTED[type]}`);
    }
  });

  it(`a ${type} key rewraps to the latest or named version and keeps associated data`, async () => {
    const transit = await engineWithKey({ type });
    const aad = { associated_data: base64("x") };
    const plain = await encrypted(transit, "a", "plain");
    const bound = await encrypted(transit, "a", "bound", aad);
    for (let i = 0; i < 2; i++) await send(transit, "update", "keys/a/rotate");
    const rewrap = async (data: Data) => dataOf(await send(transit, "update", "rewrap/a", data));
    const latest = await rewrap({ ciphertext: plain });
    expect(latest["key_version"]).toBe(3);
    expect(latest["ciphertext"]).toMatch(/^vault:v3:/);
    expect(await decrypted(transit, "a", String(latest["ciphertext"]))).toBe("plain");
    expect((await rewrap({ ciphertext: plain, key_version: 2 }))["ciphertext"])
      .toMatch(/^vault:v2:/);
    const rebound = String((await rewrap({ ciphertext: bound, ...aad }))["ciphertext"]);
    expect(await decrypted(transit, "a", rebound, aad)).toBe("bound");
    for (const data of [{ ciphertext: bound }, { ciphertext: plain, ...aad }]) {
      expect(await refusal(rewrap(data))).toBe(`invalid_request: ${REJECTED[type]}`);
    }
  });

  it.each([[128, 16], [256, 32], [512, 64], [undefined, 32]])(
    `a ${type} key wraps a data key of %s bits`,
    async (bits, length) => {
      const transit = await engineWithKey({ type });
      const data = bits === undefined ? {} : { bits };
      const both = dataOf(await send(transit, "update", "datakey/plaintext/a", data));
      expect(bytesOf(String(both["plaintext"])).length).toBe(length);
      expect(both["key_version"]).toBe(1);
      const opened = await send(transit, "update", "decrypt/a", {
        ciphertext: both["ciphertext"],
      });
      expect(dataOf(opened)["plaintext"]).toBe(both["plaintext"]);
      const wrapped = dataOf(await send(transit, "update", "datakey/wrapped/a", data));
      expect(Object.keys(wrapped).sort()).toEqual(["ciphertext", "key_version"]);
      expect(bytesOf(String(both["plaintext"])).some((byte) => byte !== 0)).toBe(true);
    },
  );
});

describe("encrypt", () => {
  it("encrypt creates a missing key only if the caller may create it", async () => {
    const { storage, transit } = openSite();
    const data = { plaintext: base64("x") };
    expect(await refusal(send(transit, "update", "encrypt/a", data)))
      .toBe("invalid_request: encryption key not found");
    expect(storage.paths()).toEqual([]);
    const made = await send(transit, "create", "encrypt/a", { ...data, type: "chacha20-poly1305" });
    expect(made).toMatchObject({ data: { key_version: 1 }, warnings: [] });
    expect(await decrypted(transit, "a", String(dataOf(made)["ciphertext"]))).toBe("x");
    expect(dataOf(await send(transit, "read", "keys/a"))).toMatchObject({
      type: "chacha20-poly1305",
      exportable: false,
    });
    expect(await send(transit, "create", "encrypt/a", data)).toMatchObject({
      warnings: [expect.stringContaining("it was created beforehand")],
    });
  });

  it.each([
    [{}, "missing plaintext to encrypt"],
    [{ plaintext: "!" }, "illegal base64 data at input byte 0"],
    [{ plaintext: "QUJD=" }, "illegal base64 data at input byte 4"],
    [{ plaintext: "QUI" }, "illegal base64 data at input byte 0"],
    [{ plaintext: "QUI=QUJD" }, "illegal base64 data at input byte 4"],
    [{ plaintext: "QQ=a" }, "illegal base64 data at input byte 2"],
    [{ plaintext: "", type: "ecdsa-p256" }, "key type ecdsa-p256 not supported for this operation"],
    [{ plaintext: "", type: "ecdsa-p999" }, "unknown key type ecdsa-p999"],
    [{ plaintext: "", type: "ed25519" }, "unknown key type ed25519"],
    [
      { plaintext: "", context: "eA==" },
      "cannot create a derived key: key derivation is not supported",
    ],
    [
      { plaintext: "", convergent_encryption: true },
      "convergent encryption requires derivation to be enabled, so context is required",
    ],
    [
      { plaintext: "", associated_data: "=" },
      wrapped(
        "unable to get associated_data/additional_data from factory[0]: illegal base64 data at input byte 0",
      ),
    ],
    [
      { plaintext: "", key_version: 2 },
      "requested version for encryption is higher than the latest key version",
    ],
    [{ plaintext: "", key_version: -1 }, "requested version for encryption is negative"],
    [
      { plaintext: [] },
      'error converting input for field "plaintext": expected text, got list',
    ],
    [{ batch_input: [] }, "missing batch input to process"],
    [
      { batch_input: "x" },
      wrapped("failed to parse batch input: source data must be an array or slice, got string"),
    ],
    [
      { batch_input: {} },
      wrapped(
        "failed to parse batch input: source data must be an array or slice, got " +
          "map[string]interface {}",
      ),
    ],
    [
      { batch_input: [1] },
      wrapped("failed to parse batch input: [0] expected a map, got 'json.Number'"),
    ],
    [
      { batch_input: [null] },
      wrapped("failed to parse batch input: [0] expected a map, got '<nil>'"),
    ],
    [
      { batch_input: [{ plaintext: "", key_version: 1.5 }] },
      wrapped(
        "failed to parse batch input: error decoding json.Number into [0].key_version: " +
          'strconv.ParseInt: parsing "1.5": invalid syntax',
      ),
    ],
    [
      { batch_input: [{}, { plaintext: 5, key_version: "1", context: [] }] },
      wrapped(
        "failed to parse batch input: '[0].plaintext' missing plaintext to encrypt\n" +
          "'[1].context' expected type 'string', got unconvertible type '[]interface {}'\n" +
          "'[1].plaintext' expected type 'string', got unconvertible type 'json.Number'\n" +
          "'[1].key_version' expected type 'int', got unconvertible type 'string'",
      ),
    ],
    [
      { batch_input: [{ plaintext: null }] },
      wrapped(
        "failed to parse batch input: '[0].plaintext' expected type 'string', got " +
          "unconvertible type '<nil>'",
      ),
    ],
    [
      { batch_input: [{ plaintext: "", context: "eA==" }, { plaintext: "" }] },
      "context should be set either in all the request blocks or in none",
    ],
  ])("encrypt refuses %j and creates no key", async (data, message) => {
    const { storage, transit } = openSite();
    expect(await refusal(send(transit, "create", "encrypt/a", data)))
      .toBe(`invalid_request: ${message}`);
    expect(storage.paths()).toEqual([]);
  });

  it("encrypt creates no key if the mount forbids it, and ignores a nonce", async () => {
    const { storage, transit } = openSite();
    await send(transit, "update", "config/keys", { disable_upsert: true });
    expect(await refusal(send(transit, "create", "encrypt/a", { plaintext: "" })))
      .toBe("invalid_request: encryption key not found");
    expect(await refusal(send(transit, "create", "encrypt/a", { plaintext: "", type: "x" })))
      .toBe("invalid_request: unknown key type x");
    expect(storage.paths()).toEqual(["config/keys"]);
    await send(transit, "update", "keys/a");
    const nonce = base64("n".repeat(12));
    const made = [1, 2].map(() => encrypted(transit, "a", "x", { nonce }));
    expect(new Set(await Promise.all(made)).size).toBe(2);
  });

  it("encrypt and decrypt check associated data last", async () => {
    const transit = await engineWithKey();
    const data = { plaintext: "", associated_data: "!", key_version: 9 };
    expect(await refusal(send(transit, "update", "encrypt/a", data))).toMatch(/higher than/);
    const opened = { ciphertext: "x", associated_data: "!" };
    expect(await refusal(send(transit, "update", "decrypt/a", opened))).toMatch(/no prefix/);
    const { results } = await batch(transit, "encrypt/a", [{
      plaintext: "",
      associated_data: "!",
    }]);
    expect(results[0]).toEqual({
      error: "unable to get associated_data/additional_data from factory[0]: illegal base64 data " +
        "at input byte 0",
      reference: "",
    });
  });

  it("encrypt accepts empty plaintext, and any context on an underived key", async () => {
    const transit = await engineWithKey();
    const ciphertext = await encrypted(transit, "a", "", { context: base64("anything") });
    expect(await decrypted(transit, "a", ciphertext)).toBe("");
  });

  it("encrypt uses the version asked for, within the key's bounds", async () => {
    const transit = await engineWithKey();
    for (let i = 0; i < 3; i++) await send(transit, "update", "keys/a/rotate");
    const attempt = (version: number) =>
      refusal(encrypted(transit, "a", "x", { key_version: version }));
    await send(transit, "update", "keys/a/config", { min_decryption_version: 2 });
    expect(await attempt(1)).toBe("invalid_request: no such key version");
    expect(await encrypted(transit, "a", "x", { key_version: 2 })).toMatch(/^vault:v2:/);
    await send(transit, "update", "keys/a/config", { min_encryption_version: 3 });
    expect(await attempt(2)).toBe(
      "invalid_request: requested version for encryption is less than the minimum encryption " +
        "key version",
    );
    expect(await encrypted(transit, "a", "x", { key_version: 3 })).toMatch(/^vault:v3:/);
    expect(await encrypted(transit, "a", "x")).toMatch(/^vault:v4:/);
  });
});

describe("decrypt", () => {
  it.each([
    ["", "missing ciphertext to decrypt"],
    ["x", "invalid ciphertext: no prefix"],
    ["vault:1:AAAA", "invalid ciphertext: no prefix"],
    ["vault:v1", "invalid ciphertext: wrong number of fields"],
    ["vault:vx:AAAA", "invalid ciphertext: version number could not be decoded"],
    ["vault:v1.0:AAAA", "invalid ciphertext: version number could not be decoded"],
    ["vault:v99999999999999999999:AAAA", "invalid ciphertext: version number could not be decoded"],
    ["vault:v4:AAAA", "invalid ciphertext: version is too new"],
    ["vault:v1:AAAA", "ciphertext or signature version is disallowed by policy (too old)"],
    ["vault:v-3:AAAA", "ciphertext or signature version is disallowed by policy (too old)"],
    ["vault:v3:A", "invalid ciphertext: could not decode base64"],
    ["vault:v3:AA:AA", "invalid ciphertext: could not decode base64"],
    ["vault:v3:AAAA", "invalid ciphertext length"],
    ["vault:v3:AAAAAAAAAAAAAAAA", "cipher: message authentication failed"],
  ])("decrypt and rewrap refuse %j", async (ciphertext, message) => {
    const transit = await engineWithKey();
    for (let i = 0; i < 2; i++) await send(transit, "update", "keys/a/rotate");
    await send(transit, "update", "keys/a/config", { min_decryption_version: 2 });
    for (const path of ["decrypt/a", "rewrap/a"]) {
      expect(await refusal(send(transit, "update", path, { ciphertext })))
        .toBe(`invalid_request: ${message}`);
    }
  });

  it("decrypt, rewrap and datakey need an existing key", async () => {
    const { transit } = openSite();
    for (const path of ["decrypt/a", "rewrap/a", "datakey/plaintext/a"]) {
      expect(await refusal(send(transit, "update", path, { ciphertext: "vault:v1:AAAA" })))
        .toBe("invalid_request: encryption key not found");
    }
  });

  it("min_decryption_version disables and enables decryption with old versions", async () => {
    const transit = await engineWithKey();
    const ciphertext = await encrypted(transit, "a", "x");
    await send(transit, "update", "keys/a/rotate");
    await send(transit, "update", "keys/a/config", { min_decryption_version: 2 });
    expect(await refusal(decrypted(transit, "a", ciphertext))).toMatch(/too old/);
    await send(transit, "update", "keys/a/config", { min_decryption_version: 1 });
    expect(await decrypted(transit, "a", ciphertext)).toBe("x");
  });
});

describe("datakey", () => {
  it.each([
    ["datakey/other/a", {}, "Invalid path, must be 'plaintext' or 'wrapped'"],
    ["datakey/plaintext/a", { bits: 192 }, "invalid bit length"],
    ["datakey/wrapped/a", { context: "!" }, "failed to base64-decode context"],
    [
      "datakey/wrapped/a",
      { key_version: 9 },
      "requested version for encryption is higher than the latest key version",
    ],
  ])("%s refuses %j", async (path, data, message) => {
    const transit = await engineWithKey();
    expect(await refusal(send(transit, "update", path, data))).toBe(`invalid_request: ${message}`);
  });
});

describe("batches", () => {
  it("a batch answers good and bad items in order, each with its reference", async () => {
    const transit = await engineWithKey();
    const { results, failedItems } = await batch(transit, "encrypt/a", [
      { plaintext: base64("one"), reference: "first" },
      { plaintext: "!" },
      { plaintext: base64("three"), key_version: 7, reference: "third" },
      { plaintext: base64("four"), associated_data: base64("x"), key_version: null },
    ]);
    expect(results).toEqual([
      {
        ciphertext: expect.stringMatching(/^vault:v1:/),
        key_version: 1,
        reference: "first",
      },
      { error: "illegal base64 data at input byte 0", reference: "" },
      {
        error: "requested version for encryption is higher than the latest key version",
        reference: "third",
      },
      { ciphertext: expect.stringMatching(/^vault:v1:/), key_version: 1, reference: "" },
    ]);
    expect(failedItems).toEqual({ responseCode: null });
    const opened = await batch(transit, "decrypt/a", [
      { ciphertext: results[0]!["ciphertext"], reference: "first" },
      { ciphertext: "" },
      { ciphertext: results[3]!["ciphertext"] },
      { ciphertext: results[3]!["ciphertext"], associated_data: base64("x") },
    ]);
    expect(opened).toEqual({
      results: [
        { plaintext: base64("one"), reference: "first" },
        { plaintext: "", error: "missing ciphertext to decrypt", reference: "" },
        { plaintext: "", error: "cipher: message authentication failed", reference: "" },
        { plaintext: base64("four"), reference: "" },
      ],
      failedItems: { responseCode: null },
      warnings: undefined,
    });
  });

  it("a rewrap batch rewraps the good items and reports errors in the others", async () => {
    const transit = await engineWithKey();
    const ciphertext = await encrypted(transit, "a", "x");
    await send(transit, "update", "keys/a/rotate");
    const { results, failedItems } = await batch(transit, "rewrap/a", [
      { ciphertext, reference: "kept" },
      {},
      { ciphertext: damage(ciphertext, 20) },
    ]);
    expect(results).toEqual([
      { ciphertext: expect.stringMatching(/^vault:v2:/), key_version: 2, reference: "kept" },
      { error: "missing ciphertext to decrypt", reference: "" },
      { error: "cipher: message authentication failed", reference: "" },
    ]);
    expect(failedItems).toBeUndefined();
  });

  it("a rewrap batch is parsed leniently, as in OpenBao", async () => {
    const transit = await engineWithKey();
    const { results } = await batch(transit, "rewrap/a", [null, { ciphertext: 5, reference: 7 }]);
    expect(results).toEqual([
      { error: "missing ciphertext to decrypt", reference: "" },
      { error: "invalid ciphertext: no prefix", reference: "7" },
    ]);
    const why = (list: unknown) =>
      refusal(send(transit, "update", "rewrap/a", { batch_input: list }));
    const faults = "decoding failed due to the following error(s):\n\n";
    for (
      const [list, message] of [
        [{}, "'' source data must be an array or slice, got map"],
        [5, "'' source data must be an array or slice, got string"],
        [
          [1, []],
          `${faults}'[0]' expected a map or struct, got "string"\n` +
          `'[1]' expected a map or struct, got "slice"`,
        ],
        [
          [{ ciphertext: true }],
          `${faults}'[0].ciphertext' expected type 'string', got ` +
          "unconvertible type 'bool'",
        ],
        [
          [{ key_version: 1.5 }],
          `${faults}'[0].key_version' cannot parse value as 'int': ` +
          'strconv.ParseInt: parsing "1.5": invalid syntax',
        ],
      ]
    ) {
      expect(await why(list))
        .toBe(`invalid_request: ${wrapped(`failed to parse batch input: ${message}`)}`);
    }
  });

  it("a batch uses the caller's response code only if it is valid and some items succeeded", async () => {
    const transit = await engineWithKey();
    const good = { plaintext: base64("x") };
    const bad = { plaintext: "!" };
    const failure = async (items: readonly unknown[], code: unknown) => {
      const { failedItems, warnings } = await batch(transit, "encrypt/a", items, {
        partial_failure_response_code: code,
      });
      return [failedItems, (warnings as readonly string[]).length];
    };
    expect(await failure([good, bad], 202)).toEqual([{ responseCode: 202 }, 0]);
    expect(await failure([good, bad], "207")).toEqual([{ responseCode: 207 }, 0]);
    expect(await failure([bad, bad], 202)).toEqual([{ responseCode: null }, 0]);
    expect(await failure([good, good], 202)).toEqual([undefined, 0]);
    for (const code of [0, 101, 199, 204, 205, 304, 600, -1]) {
      expect(await failure([good, bad], code)).toEqual([{ responseCode: null }, 1]);
    }
  });

  it("a batch creates a key only if some item succeeds", async () => {
    const { storage, transit } = openSite();
    const bad = { plaintext: "!" };
    const create = (items: readonly unknown[]) =>
      send(transit, "create", "encrypt/a", { batch_input: items });
    expect(await create([bad, bad])).toMatchObject({
      data: { batch_results: [{ error: expect.any(String) }, { error: expect.any(String) }] },
      failedItems: { responseCode: null },
    });
    expect(storage.paths()).toEqual([]);
    await create([bad, { plaintext: "" }]);
    expect(storage.paths()).toEqual(["policy/a"]);
  });

  it("a batch keeps its order with more items than run at once", async () => {
    const transit = await engineWithKey();
    const texts = Array.from({ length: 300 }, (_, index) => `text ${index}`);
    const sealed = await batch(transit, "encrypt/a", texts.map((t) => ({ plaintext: base64(t) })));
    const opened = await batch(
      transit,
      "decrypt/a",
      sealed.results.map(({ ciphertext }) => ({ ciphertext })),
    );
    expect(opened.results.map(({ plaintext }) => textOf(plaintext))).toEqual(texts);
  });

  it("a batch of too many items is refused before any work", async () => {
    const transit = await engineWithKey();
    const items = new Array(16_385).fill({ plaintext: "" });
    expect(await refusal(batch(transit, "encrypt/a", items))).toBe(
      "invalid_request: failed to parse batch input: at most 16384 items are taken, got 16385",
    );
  });

  it("a batch item cannot reach the prototype", async () => {
    const transit = await engineWithKey();
    const text = '{"batch_input":[{"__proto__":{"plaintext":"QQ=="}}]}';
    expect(await refusal(send(transit, "update", "encrypt/a", text)))
      .toMatch(/missing plaintext to encrypt/);
    const { results } = await batch(transit, "encrypt/a", [
      { plaintext: base64("x"), reference: "__proto__" },
    ]);
    expect(results[0]!["reference"]).toBe("__proto__");
  });
});
