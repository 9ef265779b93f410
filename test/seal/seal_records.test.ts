import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/crypto/bytes.ts";
import { unsealKey, wrappingKeyBytes } from "../../src/crypto/keys.ts";
import { previousKeysRecord, readPreviousKeys, wrapRecord } from "../../src/seal/previous_keys.ts";
import {
  decodeSealConfig,
  encodeSealConfig,
  type SealConfig,
  shareCountsProblem,
} from "../../src/seal/seal_config.ts";
import { createShamirSeal } from "../../src/seal/shamir_seal.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { PREVIOUS_SEAL_KEYS_PATH } from "../../src/storage/record_paths.ts";
import { codeOf, seededRandom } from "../barrier/doubles.ts";

const random = seededRandom("seal records");
const keys = ["k1", "k2"].map((id) => ({ id, bytes: wrappingKeyBytes(random(32)) }));

describe("record of previous seal keys", () => {
  const unseal = unsealKey(random(32));
  const seal = createShamirSeal(unseal, keys, random);

  it("the record of previous seal keys gives them back in order to the same seal", async () => {
    const store = createMemoryStore();
    const write = await previousKeysRecord(seal);
    expect(write).toMatchObject({ path: PREVIOUS_SEAL_KEYS_PATH, sealKeyId: seal.keyId });
    await store.commit({ writes: [write] });
    expect(await readPreviousKeys(store, createShamirSeal(unseal, [], random))).toEqual(keys);
  });

  it("the record of previous seal keys is removed when there are none", async () => {
    const store = createMemoryStore();
    await store.commit({ writes: [await previousKeysRecord(seal)] });
    await store.commit({ writes: [await previousKeysRecord(seal.withPrevious([]))] });
    expect(await store.list("", "", 10)).toEqual([]);
    expect(await readPreviousKeys(store, seal)).toEqual([]);
  });

  it("the record of previous seal keys does not open for another seal", async () => {
    const store = createMemoryStore();
    await store.commit({ writes: [await previousKeysRecord(seal)] });
    const other = createShamirSeal(unsealKey(random(32)), [], random);
    expect(await codeOf(() => readPreviousKeys(store, other))).toBe("unknown_key");
  });

  it("a record of previous seal keys with a malformed key is refused", async () => {
    const store = createMemoryStore();
    const text = JSON.stringify([{ id: "k1", key: "no base64!" }]);
    await store.commit({
      writes: [await wrapRecord(seal, PREVIOUS_SEAL_KEYS_PATH, encodeUtf8(text))],
    });
    expect(await codeOf(() => readPreviousKeys(store, seal))).toBe("record_malformed");
  });
});

describe("seal configuration", () => {
  const shamir: SealConfig = {
    type: "shamir",
    sealKeyId: "shamir-1",
    counts: { shares: 5, threshold: 3 },
  };
  const automatic: SealConfig = {
    type: "static",
    sealKeyId: "k1",
    counts: { shares: 0, threshold: 0 },
  };

  it("the seal configuration reads back from its plain stored form", () => {
    for (const config of [shamir, automatic]) {
      expect(decodeSealConfig(encodeSealConfig(config))).toEqual(config);
    }
    expect(JSON.parse(new TextDecoder().decode(encodeSealConfig(shamir)))).toEqual({
      version: 1,
      type: "shamir",
      seal_key_id: "shamir-1",
      secret_shares: 5,
      secret_threshold: 3,
    });
  });

  const STORED = {
    version: 1,
    type: "shamir",
    seal_key_id: "shamir-1",
    secret_shares: 5,
    secret_threshold: 3,
  };

  it.each([
    ["of another version", { ...STORED, version: 2 }],
    ["of an unknown kind of seal", { ...STORED, type: "awskms" }],
    ["of a kind that every object has", { ...STORED, type: "constructor" }],
    ["without a kind", { ...STORED, type: undefined }],
    ["without a seal key id", { ...STORED, seal_key_id: "" }],
    ["with a count that is a text", { ...STORED, secret_shares: "5" }],
    ["with a negative count", { ...STORED, secret_threshold: -1 }],
    ["with more shares than there can be", { ...STORED, secret_shares: 256 }],
    ["with a member of its own", { ...STORED, stored_shares: 1 }],
    ["that is empty", {}],
    ["that is null", null],
    ["that is a list", [STORED]],
  ])(
    "a seal configuration %s is malformed, and the error names its path",
    async (_name, stored) => {
      const bytes = encodeUtf8(JSON.stringify(stored));
      expect(await codeOf(() => decodeSealConfig(bytes))).toBe("record_malformed");
      expect(() => decodeSealConfig(bytes)).toThrow("core/seal-config");
    },
  );

  it("a seal configuration that is not JSON is malformed, and no message quotes it", async () => {
    const bytes = encodeUtf8('{"secret');
    expect(await codeOf(() => decodeSealConfig(bytes))).toBe("record_malformed");
    expect(() => decodeSealConfig(bytes)).not.toThrow("secret");
  });
});

describe("share counts", () => {
  it.each([
    [1, 1, null],
    [2, 2, null],
    [5, 3, null],
    [255, 255, null],
    [0, 0, "shares must be at least one"],
    [-1, 3, "shares must be at least one"],
    [1, 0, "threshold must be at least one"],
    [5, -2, "threshold must be at least one"],
    [2, 1, "threshold must be greater than one for multiple shares"],
    [256, 1, "threshold must be greater than one for multiple shares"],
    [256, 3, "shares must be less than 256"],
    [256, 256, "shares must be less than 256"],
    [255, 256, "threshold must be less than 256"],
    [3, 4, "threshold cannot be larger than shares"],
    [1, 2, "threshold cannot be larger than shares"],
  ])(
    "a split into %d shares with threshold %d has the problem: %s",
    (shares, threshold, problem) => {
      expect(shareCountsProblem({ shares, threshold }, null)).toBe(problem);
    },
  );

  it("the number of shares must equal the number of recipients", () => {
    const mismatch = "count mismatch between number of provided PGP keys and number of shares";
    const counts = { shares: 3, threshold: 2 };
    expect(shareCountsProblem(counts, 3)).toBeNull();
    for (const recipients of [0, 2, 4]) {
      expect(shareCountsProblem(counts, recipients)).toBe(mismatch);
    }
    expect(shareCountsProblem({ shares: 3, threshold: 4 }, 2))
      .toBe("threshold cannot be larger than shares");
  });
});
