import { describe, expect, it } from "vitest";
import {
  dataKey,
  recoveryKey,
  rootKey,
  share,
  unsealKey,
  wrappingKeyBytes,
} from "../../src/crypto/keys.ts";
import type { RootKey, UnsealKey } from "../../src/crypto/keys.ts";

const constructors = { dataKey, recoveryKey, rootKey, unsealKey, wrappingKeyBytes };

describe.each(Object.entries(constructors))("%s()", (name, construct) => {
  it(`${name}() takes 32 bytes and returns the same buffer`, () => {
    const bytes = new Uint8Array(32);
    expect(construct(bytes)).toBe(bytes);
  });

  it(`${name}() refuses any other length, naming the role and no byte`, () => {
    for (const length of [0, 16, 31, 33, 64]) {
      const bytes = new Uint8Array(length).fill(7);
      expect(() => construct(bytes)).toThrow(
        new RegExp(`^(data|recovery|root|unseal|wrapping) key must be 32 bytes: got ${length}$`),
      );
    }
  });

  it(`${name}() refuses shared memory and anything but a Uint8Array`, () => {
    expect(() => construct("0".repeat(32) as never)).toThrow(TypeError);
    expect(() => construct(new Uint8Array(new SharedArrayBuffer(32)))).toThrow(TypeError);
  });
});

describe("share()", () => {
  it("share() takes 16 to 33 bytes and nothing else", () => {
    for (let length = 0; length < 40; length++) {
      const construct = () => share(new Uint8Array(length));
      if (length >= 16 && length <= 33) expect(construct()).toHaveLength(length);
      else expect(construct).toThrow(`share must be 16 to 33 bytes: got ${length}`);
    }
  });
});

describe("brands", () => {
  it("branded keys of one length have different types", () => {
    const takesRoot = (key: RootKey) => key.length;
    const takesUnseal = (key: UnsealKey) => key.length;
    // @ts-expect-error: an unseal key is not a root key
    expect(takesRoot(unsealKey(new Uint8Array(32)))).toBe(32);
    // @ts-expect-error: plain bytes are not a key
    expect(takesUnseal(new Uint8Array(32))).toBe(32);
    expect(takesRoot(rootKey(new Uint8Array(32)))).toBe(32);
  });
});
