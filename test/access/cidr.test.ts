import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  areWithin,
  checkCidrs,
  isWithin,
  mayComeFrom,
  parseAddresses,
} from "../../src/access/cidr.ts";
import { refusalOf } from "./refusal.ts";

const one = (text: string): string | undefined => parseAddresses([text])[0];

describe("parseAddresses()", () => {
  // What an OpenBao 2 server returns for each of these as `token_bound_cidrs`.
  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["10.0.0.5/8", "10.0.0.5/8"],
    ["10.0.0.5/32", "10.0.0.5"],
    ["10.0.0.0/08", "10.0.0.0/8"],
    [" 10.0.0.1 ", "10.0.0.1"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::1", "::1"],
    ["::/0", "::/0"],
    ["2001:DB8::5/32", "2001:db8::5/32"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["::1.2.3.4", "::102:304"],
    ["64:ff9b::1.2.3.4/96", "64:ff9b::102:304/96"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::ffff:a00:1", "10.0.0.1"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
    ["::ffff:10.0.0.0/24", "10.0.0.0/24"],
    ["::ffff:1.2.3.4/90", "1.2.3.4"],
    ["::ffff:0:0/96", "0.0.0.0/0"],
  ])("parseAddresses() turns %j into %j", (sent, shown) => {
    expect(one(sent)).toBe(shown);
  });

  it.each([
    ...["nope", "", "1.2.3", "256.0.0.1", "010.0.0.1", "1.2.3.4.5", "0x7f.0.0.1", "1.2.3.4e0"],
    ...["10.0.0.0/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/8/8", "10.0.0.0/100", "1.2.3.4/8.0"],
    ...["1::/129", "::ffff:1.2.3.4/129", "1:2:3:4:5:6:7:8:9", "1::2::3", "fe80::1%eth0", "12345::"],
    ...[
      "::1.2.3",
      "::1]",
      "::1/",
      "/foo",
      "foo/bar",
      "10.0.0.1:80",
      "[::1]",
      "::1#",
      "::1?",
      "a@::1",
    ],
  ])("parseAddresses() refuses %j in OpenBao's words", (sent) => {
    const quoted = JSON.stringify(sent);
    expect(refusalOf(() => parseAddresses(["10.0.0.1", sent]))).toBe(
      `error parsing address ${quoted}: Unable to convert ${quoted} to an IPv4 or IPv6 address, ` +
        "or a UNIX Socket",
    );
  });

  it("parseAddresses() leaves its own output unchanged", () => {
    const prefixed = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
      fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
    );
    fc.assert(fc.property(prefixed, ([address, prefix]) => {
      const made = parseAddresses([`${address}/${prefix}`]);
      expect(parseAddresses(made)).toEqual(made);
    }));
  });
});

describe("checkCidrs()", () => {
  it("checkCidrs() trims blocks but keeps their spelling", () => {
    const sent = ["10.0.0.5/32", "2001:DB8::5/32", "::ffff:10.0.0.0/104", "10.0.0.0/08"];
    expect(checkCidrs([...sent, " 10.0.0.1/8 "], "CIDR blocks")).toEqual([...sent, "10.0.0.1/8"]);
  });

  it.each(["10.0.0.1", "nope", "", "10.0.0.0/33", "010.0.0.0/8", "foo/bar", "::1/", "1.2.3.4/a"])(
    "checkCidrs() refuses %j in OpenBao's words",
    (sent) => {
      expect(refusalOf(() => checkCidrs([sent], "CIDR blocks")))
        .toBe(`failed to validate CIDR blocks: invalid CIDR address: ${sent}`);
    },
  );
});

const byte = fc.integer({ min: 0, max: 255 });
const host = fc.tuple(byte, byte, byte, byte);
const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .filter((parts) => parts.slice(0, 5).some((part) => part !== 0));

/** Numbers of equal width as a string of bits: a model that shares no code with the source. */
function bitsOf(parts: readonly number[], width: number): string {
  return parts.map((part) => part.toString(2).padStart(width, "0")).join("");
}

const bytesText = (parts: readonly number[]): string => parts.join(".");
const groupsText = (parts: readonly number[]): string =>
  parts.map((part) => part.toString(16)).join(":");

/** An address with the first `shared` bits of `parts`, so that many samples are in the block. */
function near(other: readonly number[], parts: readonly number[], shared: number, width: number) {
  const bits = bitsOf(parts, width).slice(0, shared) + bitsOf(other, width).slice(shared);
  return parts.map((_, index) => parseInt(bits.slice(index * width, (index + 1) * width), 2));
}

describe("isWithin()", () => {
  it("an IPv4 address is in a block when the leading bits agree", () => {
    const prefix = fc.integer({ min: 0, max: 32 });
    fc.assert(fc.property(host, host, prefix, prefix, (block, other, length, shared) => {
      const address = near(other, block, shared, 8);
      const isInside = bitsOf(block, 8).slice(0, length) === bitsOf(address, 8).slice(0, length);
      const blocks = [`${bytesText(block)}/${length}`];
      expect(isWithin(bytesText(address), blocks)).toBe(isInside);
      expect(isWithin(`::ffff:${bytesText(address)}`, blocks)).toBe(isInside);
    }));
  });

  it("an IPv6 address is in a block when the leading bits agree", () => {
    const prefix = fc.integer({ min: 0, max: 128 });
    fc.assert(fc.property(groups, groups, prefix, prefix, (block, other, length, shared) => {
      const address = near(other, block, shared, 16);
      fc.pre(address.slice(0, 5).some((part) => part !== 0));
      const isInside = bitsOf(block, 16).slice(0, length) === bitsOf(address, 16).slice(0, length);
      expect(isWithin(groupsText(address), [`${groupsText(block)}/${length}`])).toBe(isInside);
    }));
  });

  it("an address is never in a block of the other IP family", () => {
    expect(isWithin("10.0.0.1", ["::/0"])).toBe(false);
    expect(isWithin("::1", ["0.0.0.0/0"])).toBe(false);
    expect(isWithin("10.0.0.1", ["::/0", "10.0.0.0/8"])).toBe(true);
  });

  it.each([null, "", "nowhere", "10.0.0.1:80", "fe80::1%eth0"])(
    "an unknown or unreadable address (%j) is in no block",
    (address) => {
      expect(isWithin(address, ["0.0.0.0/0", "::/0"])).toBe(false);
      expect(mayComeFrom(address, ["0.0.0.0/0", "::/0"])).toBe(false);
      expect(mayComeFrom(address, [])).toBe(true);
    },
  );

  it("an address is never in a block that cannot be parsed", () => {
    expect(isWithin("10.0.0.1", ["10.0.0.0/99", "foo/bar"])).toBe(false);
  });
});

describe("areWithin()", () => {
  it("areWithin() requires each block to lie inside one of the others", () => {
    const roles = ["10.0.0.0/8", "2001:db8::/32"];
    expect(areWithin(["10.1.0.0/16", "2001:db8:1::/48"], roles)).toBe(true);
    expect(areWithin(["10.0.0.0/8"], roles)).toBe(true);
    expect(areWithin([], roles)).toBe(true);
    expect(areWithin(["10.1.0.0/16", "11.0.0.0/16"], roles)).toBe(false);
    expect(areWithin(["10.0.0.0/7"], roles)).toBe(false);
    expect(areWithin(["10.0.0.0/8"], ["10.1.2.3"])).toBe(false);
  });

  it("areWithin() accepts a block inside the other, not the reverse", () => {
    const prefix = fc.integer({ min: 0, max: 32 });
    fc.assert(fc.property(host, prefix, prefix, (address, left, right) => {
      const block = (length: number) => [`${bytesText(address)}/${length}`];
      expect(areWithin(block(left), block(right))).toBe(left >= right);
    }));
  });
});
