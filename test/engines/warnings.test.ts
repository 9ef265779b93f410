import { describe, expect, it } from "vitest";
import { createCubbyhole } from "../../src/engines/cubbyhole.ts";
import { createKv1 } from "../../src/engines/kv/kv1.ts";
import { createKv2 } from "../../src/engines/kv/kv2.ts";
import { createMemoryMountRecords } from "./memory_engine_storage.ts";
import { type Data, dataOf, send } from "./engine_requests.ts";
import { base64, openSite } from "./transit/transit_requests.ts";

const ignored = (names: string) => `Endpoint ignored these unrecognized parameters: [${names}]`;
const replaced = (names: string) =>
  "Endpoint replaced the value of these parameters with the values captured from the endpoint's " +
  `path: [${names}]`;

describe("warnings of kv2", () => {
  const open = async () => {
    const kv = createKv2(createMemoryMountRecords());
    await send(kv, "update", "data/a", { data: { x: 1 } });
    return kv;
  };

  it("kv2 warns of names that no operation of the path reads, sorted", async () => {
    const kv = await open();
    expect(await send(kv, "update", "data/a", { data: {}, zoo: 1, ape: { deep: 1 } }))
      .toMatchObject({ kind: "data", warnings: [ignored("ape zoo")] });
    expect(await send(kv, "read", "data/a", { depth: 1 }))
      .toMatchObject({ kind: "data", warnings: [ignored("depth")] });
    expect(await send(kv, "list", "metadata/", { first: 1 }))
      .toMatchObject({ data: { keys: ["a"] }, warnings: [ignored("first")] });
  });

  it("kv2 warns of names that the path itself gives", async () => {
    expect(await send(await open(), "update", "data/a", { data: {}, path: "b", more: 1 }))
      .toMatchObject({ warnings: [ignored("more"), replaced("path")] });
  });

  it("kv2 does not warn of names that another operation reads, nor of a secret's members", async () => {
    const kv = await open();
    const reply = await send(kv, "update", "data/a", { data: { zoo: 1 }, version: 3 });
    expect(reply).not.toHaveProperty("warnings");
    expect(await send(kv, "read", "metadata/a", { after: "x", max_versions: 1 }))
      .not.toHaveProperty("warnings");
  });

  it("kv2 warns only in replies with content, and for a deleted version", async () => {
    const kv = await open();
    expect(await send(kv, "update", "metadata/a", { max_versions: 3, zoo: 1 }))
      .toEqual({ kind: "done" });
    expect(await send(kv, "read", "data/none", { zoo: 1 })).toEqual({ kind: "missing" });
    await send(kv, "delete", "data/a");
    expect(await send(kv, "read", "data/a", { zoo: 1 }))
      .toMatchObject({ kind: "missing", warnings: [ignored("zoo")] });
  });

  it("kv2 adds these warnings after its own", async () => {
    const kv = await open();
    await send(kv, "update", "config", { cas_required: true });
    expect(await send(kv, "update", "metadata/a", { cas_required: false, zoo: 1 }))
      .toMatchObject({ warnings: [expect.stringContaining("mandated"), ignored("zoo")] });
  });
});

describe("warnings of transit", () => {
  it("transit warns of names it does not read and of names that the path gives", async () => {
    const { transit } = openSite();
    expect(await send(transit, "update", "keys/a", { colour: "x", name: "b" }))
      .toMatchObject({
        data: { name: "a" },
        warnings: [ignored("colour"), replaced("name")],
      });
    expect(await send(transit, "update", "keys/a", { speed: 1 }))
      .toMatchObject({ warnings: [ignored("speed")] });
    expect(await send(transit, "update", "encrypt/a", { plaintext: "", ciphertext: "x" }))
      .toMatchObject({ warnings: [ignored("ciphertext")] });
    expect(await send(transit, "update", "encrypt/a", { plaintext: "", nonce: 5, derived: true }))
      .toMatchObject({ warnings: [ignored("derived nonce")] });
    expect(await send(transit, "update", "random", { source: "nope", urlbytes: 1 }))
      .toMatchObject({ warnings: [replaced("source urlbytes")] });
  });

  it("transit warns beside the failed items of a batch", async () => {
    const { transit } = openSite();
    await send(transit, "update", "keys/a");
    const data = { batch_input: [{ plaintext: "!" }, { plaintext: base64("x") }], extra: 1 };
    expect(await send(transit, "update", "encrypt/a", data)).toMatchObject({
      failedItems: { responseCode: null },
      warnings: [ignored("extra")],
    });
  });

  const known: readonly (readonly [string, Data])[] = [
    ["keys/b", { type: "aes256-gcm96", derived: false, key_size: 0, context: "" }],
    ["keys/a/config", { exportable: true, allow_plaintext_backup: false, auto_rotate_period: 0 }],
    ["encrypt/a", { plaintext: "", context: "", key_version: 0, type: "" }],
    ["encrypt/a", { plaintext: "", associated_data: "", partial_failure_response_code: 200 }],
    ["datakey/wrapped/a", { bits: 256, context: "", key_version: 0, associated_data: "" }],
    ["random/8", { bytes: 1, source: null, format: "hex" }],
    ["hash/sha2-256", { input: "", algorithm: "sha2-512", format: "hex" }],
  ];
  it.each(known)("transit does not warn on %s of %j", async (path, data) => {
    const { transit } = openSite();
    await send(transit, "update", "keys/a");
    const reply = await send(transit, "update", path, data);
    expect(Object.keys(dataOf(reply))).not.toEqual([]);
    expect((reply as { warnings?: readonly string[] }).warnings ?? []).toEqual([]);
  });
});

describe("warnings of kv1 and cubbyhole", () => {
  it.each([["kv1", createKv1], ["cubbyhole", createCubbyhole]])(
    "%s warns of a read's unknown parameters, not of a write's members",
    async (_name, create) => {
      const engine = create(createMemoryMountRecords());
      expect(await send(engine, "update", "a", { path: "b", zoo: 1 })).toEqual({ kind: "done" });
      const reply = await send(engine, "read", "a", { path: "c", version: 2 });
      expect(reply).toMatchObject({ data: { path: "b", zoo: 1 } });
      expect(reply).toMatchObject({ warnings: [ignored("version"), replaced("path")] });
    },
  );
});
