import { describe, expect, it } from "vitest";
import { KeptRecord } from "../../src/barrier/kept_record.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { codeOf } from "./doubles.ts";
import { openBarrier } from "./open_barrier.ts";

function twoRecords() {
  const barrier = openBarrier();
  const textOf = async (path: string) => {
    const record = await barrier.get(path);
    return record === null ? null : decodeUtf8(record.value);
  };
  const open = () => new KeptRecord(barrier, "core/table");
  return { first: open(), second: open(), textOf };
}

describe("KeptRecord", () => {
  it("a kept record is written again and again by the one that loaded it", async () => {
    const { first, textOf } = twoRecords();
    expect(await first.load()).toBeNull();
    await first.write(encodeUtf8("1"));
    await first.write(encodeUtf8("2"), [{ path: "other", value: encodeUtf8("with 2") }]);
    expect(await textOf("core/table")).toBe("2");
    expect(await textOf("other")).toBe("with 2");
  });

  it("a kept record that another has created or changed is not overwritten, nor its others written", async () => {
    const { first, second, textOf } = twoRecords();
    await first.load();
    await second.load();
    await second.write(encodeUtf8("created"));
    const others = [{ path: "other", value: encodeUtf8("lost") }];
    expect(await codeOf(() => first.write(encodeUtf8("lost"), others))).toBe("store_conflict");
    await first.load();
    await second.write(encodeUtf8("changed"));
    expect(await codeOf(() => first.write(encodeUtf8("lost"), others))).toBe("store_conflict");
    expect(await codeOf(() => first.write(encodeUtf8("lost"), others))).toBe("store_conflict");
    expect(await textOf("core/table")).toBe("changed");
    expect(await textOf("other")).toBeNull();
  });

  it("a kept record that was never loaded is not written", async () => {
    const { first, textOf } = twoRecords();
    await expect(first.write(encodeUtf8("1"))).rejects.toBeInstanceOf(RangeError);
    expect(await textOf("core/table")).toBeNull();
  });
});
