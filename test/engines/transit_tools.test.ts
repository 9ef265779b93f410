import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Data, dataOf, refusal, send } from "./requests.ts";
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
    ["random", { source: "platform", bytes: 5 }, 5],
  ])("%s with %j gives bytes in base64", async (path, data, length) => {
    expect(bytesOf(await draw(path, data)).length).toBe(length);
  });

  it("gives hex where asked, and other bytes each time", async () => {
    const drawn = await Promise.all([1, 2, 3].map(() => draw("random/16", { format: "hex" })));
    for (const text of drawn) expect(text).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(drawn).size).toBe(3);
  });

  it("says that the seal gives no randomness", async () => {
    expect(await send(transit, "update", "random/seal")).toMatchObject({
      warnings: ["no seal/entropy augmentation available, using platform entropy source"],
    });
  });

  it.each([
    ["random/0", {}, "'bytes' cannot be less than 1"],
    ["random/-1", {}, "'bytes' cannot be less than 1"],
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

describe("transit/hash", () => {
  const { transit } = openSite();
  const input = base64("the quick brown fox");
  const sum = async (path: string, data: Data) =>
    dataOf(await send(transit, "update", path, { input, ...data }))["sum"];

  it.each(["224", "256", "384", "512"])("knows SHA-2 and SHA-3 of %s bits", async (bits) => {
    for (
      const [name, other] of [[`sha2-${bits}`, `sha${bits}`], [`sha3-${bits}`, `sha3-${bits}`]]
    ) {
      const hash = createHash(other!).update("the quick brown fox");
      const hex = hash.copy().digest("hex");
      expect(await sum(`hash/${name}`, { algorithm: "ignored" })).toBe(hex);
      expect(await sum("hash", { algorithm: name })).toBe(hex);
      expect(await sum("hash", { algorithm: name, format: "base64" })).toBe(hash.digest("base64"));
    }
  });

  it("takes sha2-256 when none is named", async () => {
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
    ["hash", { format: "raw" }, 'unsupported encoding format "raw"; must be "hex" or "base64"'],
  ])("%s with %j is refused", async (path, data, message) => {
    expect(await refusal(sum(path, data))).toBe(`invalid_request: ${message}`);
  });
});
