/** PGP keys that are made to be expensive, and keys that are refused for their algorithm or form. */

import { readFileSync } from "node:fs";
import * as openpgp from "openpgp";
import { describe, expect, it, vi } from "vitest";
import { concatBytes, encodeBase64, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { parsePgpKey } from "../../src/crypto/pgp.ts";
import {
  PGP_KEY_MAX_BYTES,
  PGP_KEY_PACKET_MAX_BYTES,
  PGP_KEY_TEXT_MAX_CHARS,
  PGP_PACKETS_MAX,
  PGP_REQUEST_SIGNATURES_MAX,
  PGP_RSA_EXPONENT_MAX_BYTES,
  PGP_SIGNATURES_MAX,
} from "../../src/limits.ts";
import { prepare } from "../http/stages.ts";
import { expectLinear } from "./cost.ts";

function vector(file: string): string {
  return readFileSync(new URL(`../vectors/pgp/${file}`, import.meta.url), "utf8");
}

async function generate(v6Keys = false) {
  const { publicKey } = await openpgp.generateKey({
    userIDs: [{ name: "throw-away test key" }],
    type: v6Keys ? "curve448" : "curve25519",
    format: "object",
    config: { v6Keys },
  });
  return publicKey;
}

/** A self-signature of the key that no longer verifies, another one for each salt. */
function brokenCopy(signature: openpgp.SignaturePacket, salt: number): openpgp.SignaturePacket {
  const bytes = signature.write() as Uint8Array;
  bytes[bytes.length - 5]! ^= 1 + (salt & 63);
  bytes[bytes.length - 6]! ^= (salt >> 6) & 255;
  const copy = new openpgp.SignaturePacket();
  copy.read(bytes);
  return copy;
}

/** The packets of a key, with `more` after the one at `place`. */
function withPackets(
  key: openpgp.PublicKey,
  place: number,
  more: readonly openpgp.BasePacket[],
): Uint8Array {
  const list = new openpgp.PacketList();
  for (const [index, packet] of key.toPacketList().entries()) {
    list.push(packet as never);
    if (index === place) { for (const each of more) list.push(each as never); }
  }
  return list.write() as Uint8Array;
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

async function refusalOf(bytes: Uint8Array): Promise<string> {
  const parse = await parsePgpKey(encodeBase64(bytes));
  if (parse.kind === "ok") throw new Error("the key was accepted");
  return `${parse.kind}: ${parse.reason}`;
}

/** A packet with a new-format header. */
function packet(tag: number, body: Uint8Array): Uint8Array {
  const length = [24, 16, 8, 0].map((shift) => (body.length >>> shift) & 255);
  return concatBytes(Uint8Array.of(0xc0 | tag, 255, ...length), body);
}

/** A version 4 key packet of an algorithm, made on 2020-01-01. */
function keyPacket(tag: number, algorithm: number, material: Uint8Array): Uint8Array {
  return packet(tag, concatBytes(Uint8Array.of(4, 0x5e, 0x0b, 0xe1, 0, algorithm), material));
}

function mpi(bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits / 8)).fill(0xff);
  if (bits % 8 !== 0) bytes[0] = (1 << (bits % 8)) - 1;
  return concatBytes(Uint8Array.of(bits >> 8, bits & 255), bytes);
}

describe("oversized keys", () => {
  it("a PGP key with too many self-signatures is refused, also of version 6", async () => {
    for (const v6 of [false, true]) {
      const key = await generate(v6);
      const [signature] = v6
        ? (key as unknown as { directSignatures: openpgp.SignaturePacket[] }).directSignatures
        : key.users[0]!.selfCertifications;
      const place = v6 ? 1 : 2;
      const few = withPackets(key, place, times(40, (salt) => brokenCopy(signature!, salt)));
      expect((await parsePgpKey(encodeBase64(few))).kind).toBe("ok");
      const many = times(PGP_SIGNATURES_MAX + 1, (salt) => brokenCopy(signature!, salt));
      expect(await refusalOf(withPackets(key, place, many)))
        .toBe("unusable: key carries too many signatures of its own");
    }
  });

  it("a PGP key may have many signatures by other keys", async () => {
    const key = await generate();
    const other = (await generate()).users[0]!.selfCertifications[0]!;
    const signed = withPackets(key, 2, times(200, () => other));
    expect((await parsePgpKey(encodeBase64(signed))).kind).toBe("ok");
  });

  it("a PGP key with too many packets, bytes or characters is refused", async () => {
    const key = await generate();
    const name = (index: number) => openpgp.UserIDPacket.fromObject({ name: `n${index}` });
    expect(await refusalOf(withPackets(key, 2, times(PGP_PACKETS_MAX, name))))
      .toBe(`unusable: key has more than ${PGP_PACKETS_MAX} packets`);
    const padded = concatBytes(key.write(), packet(21, new Uint8Array(PGP_KEY_MAX_BYTES)));
    expect(await refusalOf(padded)).toMatch(/^unusable: key is larger than 65536 bytes: export/);
    const text = "A".repeat(PGP_KEY_TEXT_MAX_CHARS + 4);
    expect(await parsePgpKey(text)).toMatchObject({ kind: "unparsable" });
  });

  it("a PGP key with numbers larger than any real key's is refused", async () => {
    const rsa = await openpgp.readKey({ armoredKey: vector("rsa2048.pub.asc") });
    const parameters = rsa.keyPacket.publicParams as { e: Uint8Array };
    parameters.e = new Uint8Array(PGP_RSA_EXPONENT_MAX_BYTES + 1).fill(255);
    expect(await refusalOf(rsa.write())).toBe("unusable: key numbers are larger than supported");
    for (const tag of [6, 14]) {
      const huge = keyPacket(tag, 1, mpi(8 * PGP_KEY_PACKET_MAX_BYTES));
      const bytes = tag === 6 ? huge : concatBytes((await generate()).write(), huge);
      expect(await refusalOf(bytes)).toBe("unusable: key numbers are larger than supported");
    }
  });

  it("PGP keys with too many signatures together in one request are refused", async () => {
    const { api, token } = await prepare("unsealed");
    const key = await generate();
    const [signature] = key.users[0]!.selfCertifications;
    const filled = withPackets(key, 2, times(PGP_SIGNATURES_MAX - 3, () => signature!));
    const count = Math.ceil(PGP_REQUEST_SIGNATURES_MAX / (PGP_SIGNATURES_MAX - 3)) + 1;
    const pgpKeys = times(count, () => encodeBase64(filled));
    const body = { secret_shares: count, secret_threshold: 2, pgp_keys: pgpKeys };
    const { status, json } = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
    expect([status, json]).toEqual([400, {
      errors: [
        expect.stringMatching(/^pgp_keys\[\d+\]: the keys up to this one carry more than 1024 /),
      ],
    }]);
  });
});

it("other tasks run between any two checks of a PGP key's signatures", async () => {
  const key = await generate();
  const [signature] = key.users[0]!.selfCertifications;
  const broken = times(40, (salt) => brokenCopy(signature!, salt));
  const text = encodeBase64(withPackets(key, 2, broken));
  let turns = 0;
  let goesOn = true;
  const count = (): void => {
    turns += 1;
    if (goesOn) setImmediate(count);
  };
  setImmediate(count);
  const verify = vi.spyOn(openpgp.SignaturePacket.prototype, "verify");
  const seen: number[] = [];
  verify.mockImplementation(function fail() {
    seen.push(turns);
    return Promise.reject(new Error("Signature verification failed"));
  });
  try {
    expect((await parsePgpKey(text)).kind).toBe("unusable");
  } finally {
    verify.mockRestore();
    goesOn = false;
  }
  expect(seen.length).toBeGreaterThanOrEqual(broken.length);
  expect(seen).toEqual([...new Set(seen)]);
});

it("a PGP key with more signatures than its request has left is not checked", async () => {
  const key = await generate();
  const verify = vi.spyOn(openpgp.SignaturePacket.prototype, "verify");
  const text = encodeBase64(key.write());
  expect((await parsePgpKey(text, null, 1)).kind).toBe("excessive");
  expect(verify).not.toHaveBeenCalled();
  expect((await parsePgpKey(text, null, 2)).kind).toBe("ok");
  expect(verify).toHaveBeenCalled();
  verify.mockRestore();
});

describe("cost of PGP keys", () => {
  type Make = (key: openpgp.PublicKey, count: number) => Uint8Array;
  const certificationOf = (key: openpgp.PublicKey) => key.users[0]!.selfCertifications[0]!;
  const KEYS: Readonly<Record<string, Make>> = {
    "wrong self-signatures": (key, count) =>
      withPackets(key, 2, times(count / 8, (salt) => brokenCopy(certificationOf(key), salt))),
    "names without signatures": (key, count) =>
      withPackets(key, 2, times(count, (n) => openpgp.UserIDPacket.fromObject({ name: `${n}` }))),
    "subkeys without signatures": (key, count) =>
      withPackets(key, 4, times(count, () => key.subkeys[0]!.keyPacket)),
    "one long name": (key, count) =>
      withPackets(key, 2, [
        openpgp.UserIDPacket.fromObject({ name: "<@".repeat(count * 20) }),
      ]),
    "packets of an unknown kind": (key, count) =>
      concatBytes(key.write(), ...times(count, () => packet(60, new Uint8Array(40)))),
  };
  for (const [what, make] of Object.entries(KEYS)) {
    it(`parsing a PGP key with ${what} takes linear time`, async () => {
      const key = await generate();
      await expectLinear((factor) => {
        const text = encodeBase64(make(key, 100 * factor));
        return () => parsePgpKey(text);
      });
    });
  }

  it("refusing a PGP key beyond every bound takes linear time", async () => {
    const key = await generate(true);
    const [signature] = (key as unknown as { directSignatures: openpgp.SignaturePacket[] })
      .directSignatures;
    const bomb = withPackets(key, 1, times(1200, (salt) => brokenCopy(signature!, salt)));
    await expectLinear((factor) => {
      const text = encodeBase64(bomb.subarray(0, bomb.length * factor / 4));
      return () => parsePgpKey(text);
    });
  });
});

describe("unsupported PGP keys", () => {
  const P256K1 = Uint8Array.of(5, 0x2b, 0x81, 0x04, 0x00, 0x0a, ...mpi(515));
  const ROWS: readonly (readonly [string, number, Uint8Array, string])[] = [
    [
      "DSA",
      17,
      concatBytes(mpi(2048), mpi(256), mpi(2048), mpi(2048)),
      "DSA, which is not supported",
    ],
    ["ElGamal", 16, concatBytes(mpi(2048), mpi(3), mpi(2048)), "ElGamal, which is not supported"],
    ["secp256k1", 19, P256K1, "the curve secp256k1, which is not supported"],
    [
      "RSA of 1024 bits",
      1,
      concatBytes(mpi(1024), mpi(17)),
      "RSA of 1024 bits, which is too weak: give 2048 or more",
    ],
  ];
  for (const [name, algorithm, material, words] of ROWS) {
    it(`${name} is refused by name as a primary key and as the only subkey`, async () => {
      const name = packet(13, encodeUtf8("throw-away"));
      const primary = concatBytes(keyPacket(6, algorithm, material), name);
      expect(await refusalOf(primary)).toBe(`unusable: primary key uses ${words}`);
      const signOnly = Buffer.from(vector("signonly.pub.b64"), "base64");
      const subkey = keyPacket(14, algorithm, material);
      expect(await refusalOf(concatBytes(signOnly, subkey)))
        .toBe(`unusable: key has no valid encryption key: its subkey uses ${words}`);
    });
  }

  it("a PGP key with an unsupported algorithm is refused with its place in the request", async () => {
    const { api, token } = await prepare("unsealed");
    const dsa = encodeBase64(keyPacket(6, 17, mpi(2048)));
    const body = { secret_shares: 1, secret_threshold: 1, pgp_keys: [dsa] };
    const { status, json } = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
    expect([status, json]).toEqual([400, {
      errors: ["pgp_keys[0]: primary key uses DSA, which is not supported"],
    }]);
  });

  it("a PGP key with one supported subkey is accepted", async () => {
    const bytes = Buffer.from(vector("ed25519.pub.b64"), "base64");
    const mixed = concatBytes(bytes, keyPacket(14, 16, concatBytes(mpi(2048), mpi(3), mpi(2048))));
    expect((await parsePgpKey(encodeBase64(mixed))).kind).toBe("ok");
  });
});

describe("armored blocks", () => {
  const one = vector("ed25519.pub.asc");
  const two = vector("rsa2048.pub.asc");
  const secret = vector("ed25519.sec.asc");
  const message = "-----BEGIN PGP SIGNATURE-----\n\nyw==\n-----END PGP SIGNATURE-----\n";
  it.each([
    ["two keys", one + two, "2 keys: give exactly one"],
    ["the same key twice", one + one, "2 keys: give exactly one"],
    ["three keys with text between", `${one}then\n${two}\n\n${one}`, "3 keys: give exactly one"],
    ["a public and a private key", one + secret, "a private key: give the public key"],
    ["a private and a public key", secret + one, "a private key: give the public key"],
    ["a key and a signature", one + message, "2 armored blocks: give exactly one"],
  ])("armored text with %s is refused, as is and in base64", async (_what, text, reason) => {
    for (const form of [text, encodeBase64(encodeUtf8(text))]) {
      expect(await parsePgpKey(form)).toEqual({ kind: "unparsable", reason });
    }
  });

  it("one armored block may have headers, no checksum, and text after it", async () => {
    const headed = one.replace(/^(-----BEGIN .*)\n/, "$1\nComment: a key\nVersion: 1\n")
      .replace(/^=.{4}\n/m, "");
    expect((await parsePgpKey(headed)).kind).toBe("ok");
    expect((await parsePgpKey(`${one}\n-- \nfrom a mail`)).kind).toBe("ok");
    for (const broken of [one.replace(/-----END[^]*/, ""), one.replace("\n\n", "\n")]) {
      expect((await parsePgpKey(broken)).kind).toBe("unparsable");
    }
  });
});
