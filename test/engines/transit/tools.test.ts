import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hashInput } from "../../../src/engines/transit/tools.ts";
import { type Data, dataOf, refusal, send } from "../engine_requests.ts";
import { base64, bytesOf, openSite } from "./transit_requests.ts";

describe("transit/random", () => {
  const { transit } = openSite();
  const draw = async (path: string, data: Data = {}) =>
    String(dataOf(await send(transit, "update", path, data))["random_bytes"]);

  it.each([
    ["random", {}, 32],
    ["random", { bytes: 7 }, 7],
    ["random/16", { bytes: 7 }, 16],
    ["random/platform", { bytes: "9" }, 9],
    ["random/all/131072", {}, 131_072],
    ["random", { source: "moon", bytes: 5 }, 5],
    ["random/-1", { bytes: 6 }, 6],
    ["random/-x/5", { bytes: 6 }, 6],
    ["random/.5", {}, 32],
    ["random/08", {}, 8],
  ])("%s with %j returns base64 of %i random bytes", async (path, data, length) => {
    expect(bytesOf(await draw(path, data)).length).toBe(length);
  });

  it("random returns hex if asked, and other bytes each time", async () => {
    const drawn = await Promise.all([1, 2, 3].map(() => draw("random/16", { format: "hex" })));
    for (const text of drawn) expect(text).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(drawn).size).toBe(3);
  });

  it("random/seal warns that the seal gives no randomness", async () => {
    expect(await send(transit, "update", "random/seal")).toMatchObject({
      warnings: ["no seal/entropy augmentation available, using platform entropy source"],
    });
  });

  it.each([
    ["random/0", {}, "'bytes' cannot be less than 1"],
    ["random/platform/-1", {}, "'bytes' cannot be less than 1"],
    ["random/0", { format: "raw" }, "'bytes' cannot be less than 1"],
    [
      "random/1/2/3",
      {},
      'error parsing url-set byte count: strconv.Atoi: parsing "2/3": invalid syntax',
    ],
    [
      "random/99999999999999999999",
      {},
      'error parsing url-set byte count: strconv.Atoi: parsing "99999999999999999999": ' +
      "value out of range",
    ],
    ["random/131073", {}, "'bytes' should be less than 131072"],
    [
      "random/x",
      {},
      'error parsing url-set byte count: strconv.Atoi: parsing "x": invalid syntax',
    ],
    ["random", { format: "raw" }, 'unsupported encoding format "raw"; must be "hex" or "base64"'],
    [
      "random/moon/8",
      {},
      'unsupported entropy source "moon"; must be "platform" or "seal", or "all"',
    ],
  ])("%s with %j is refused", async (path, data, message) => {
    expect(await refusal(send(transit, "update", path, data))).toBe(`invalid_request: ${message}`);
  });
});

describe("paths of random and hash", () => {
  it.each(
    [
      ["read", "random/8/", "unsupported_operation"],
      ["list", "random/platform/8/", "unsupported_operation"],
      ["list", "hash/x/", "unsupported_operation"],
      ["read", "random/", "unsupported_path"],
      ["list", "hash/", "unsupported_path"],
    ] as const,
  )("%s %s is %s", async (operation, path, code) => {
    expect(await refusal(send(openSite().transit, operation, path))).toMatch(`${code}: `);
  });

  it("hashInput() of null hashes the empty text", async () => {
    expect(await hashInput(null, {})).toMatchObject({
      data: { sum: createHash("sha256").update("").digest("hex") },
    });
  });
});

describe("transit/hash", () => {
  const { transit } = openSite();
  const input = base64("the quick brown fox");
  const sum = async (path: string, data: Data) =>
    dataOf(await send(transit, "update", path, { input, ...data }))["sum"];

  it.each(["224", "256", "384", "512"])(
    "hash supports SHA-2 and SHA-3 with %s bits",
    async (bits) => {
      for (
        const [name, other] of [[`sha2-${bits}`, `sha${bits}`], [`sha3-${bits}`, `sha3-${bits}`]]
      ) {
        const hash = createHash(other!).update("the quick brown fox");
        const hex = hash.copy().digest("hex");
        expect(await sum(`hash/${name}`, { algorithm: "ignored" })).toBe(hex);
        expect(await sum("hash", { algorithm: name })).toBe(hex);
        expect(await sum("hash", { algorithm: name, format: "base64" })).toBe(
          hash.digest("base64"),
        );
      }
    },
  );

  it("hash uses sha2-256 by default", async () => {
    expect(await sum("hash", {})).toBe(await sum("hash/sha2-256", {}));
  });

  it.each([
    ["hash", { input: undefined }, "input missing"],
    [
      "hash",
      { input: "!" },
      "unable to decode input as base64: illegal base64 data at input byte 0",
    ],
    ["hash/md5", {}, "unsupported algorithm md5"],
    ["hash/__proto__", {}, "unsupported algorithm __proto__"],
    ["hash/sha2-256/x", {}, "unsupported algorithm sha2-256/x"],
    ["hash", { format: "raw" }, 'unsupported encoding format raw; must be "hex" or "base64"'],
  ])("%s with %j is refused", async (path, data, message) => {
    expect(await refusal(sum(path, data))).toBe(`invalid_request: ${message}`);
  });
});
