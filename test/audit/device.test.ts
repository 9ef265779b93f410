import { describe, expect, it } from "vitest";
import { decodeDevices, encodeDevices, type KeptDevice } from "../../src/audit/device.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/crypto/bytes.ts";

const KEPT: KeptDevice = {
  device: {
    path: "a/",
    type: "file",
    description: "",
    options: { file_path: "/data/audit/a.log" },
    local: false,
  },
  settled: { file_path: "a.log" },
  salt: Uint8Array.from({ length: 32 }, (_, index) => index),
};

function changed(change: (record: Record<string, unknown>) => object): Uint8Array {
  const record = JSON.parse(decodeUtf8(encodeDevices([KEPT]))) as Record<string, unknown>;
  return encodeUtf8(JSON.stringify(change(record)));
}

describe("record of audit devices", () => {
  it("the record of audit devices keeps what is shown and what is opened", () => {
    expect(decodeDevices(encodeDevices([KEPT]))).toEqual([KEPT]);
    expect(decodeDevices(encodeDevices([]))).toEqual([]);
  });

  it.each([1, 3])("a device record of version %i is refused with a clear error", (version) => {
    const bytes = changed((record) => ({ ...record, version }));
    expect(() => decodeDevices(bytes)).toThrow(`their record has version ${version}`);
  });

  it("a device record with a short salt is refused", () => {
    const devices = [{ ...KEPT.device, settled: KEPT.settled, salt: "AAAA" }];
    expect(() => decodeDevices(changed((record) => ({ ...record, devices })))).toThrow("a salt");
  });
});
