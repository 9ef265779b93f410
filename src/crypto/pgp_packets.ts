/**
 * Scans the packets of a PGP key before the library does: their number, sizes and algorithms
 * (RFC 9580 sections 4.2, 5.5 and 9.1). Pure, linear in the bytes, and without arithmetic on key
 * numbers, so that refusing a key made to be slow costs nothing.
 */

import {
  PGP_KEY_MAX_BYTES,
  PGP_KEY_PACKET_MAX_BYTES,
  PGP_PACKETS_MAX,
  PGP_RSA_BITS_MIN,
} from "../limits.ts";

/** `1.3.132.0.10` */
const SECP256K1 = [0x2b, 0x81, 0x04, 0x00, 0x0a];

const TAGS = { secretKey: 5, publicKey: 6, secretSubkey: 7, publicSubkey: 14 } as const;
const KEY_TAGS: ReadonlySet<number> = new Set(Object.values(TAGS));

export type PacketScan =
  | {
    readonly kind: "within";
    /** Why some subkeys of this certificate are not accepted, one clause per reason. */
    readonly refusedSubkeys: readonly string[];
  }
  /** Not a sequence of whole packets. */
  | { readonly kind: "malformed" }
  /** `reason` names the exceeded bound, or why the primary key is not accepted. */
  | { readonly kind: "refused"; readonly reason: string };

interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
}

export function scanPackets(bytes: Uint8Array): PacketScan {
  if (bytes.length > PGP_KEY_MAX_BYTES) {
    return refused(
      `key is larger than ${PGP_KEY_MAX_BYTES} bytes: export it without what others signed`,
    );
  }
  const keys: Packet[] = [];
  let count = 0;
  for (let at = 0; at < bytes.length;) {
    const packet = packetAt(bytes, at);
    if (packet === null) return { kind: "malformed" };
    at = packet.end;
    count += 1;
    if (count > PGP_PACKETS_MAX) return refused(`key has more than ${PGP_PACKETS_MAX} packets`);
    if (!KEY_TAGS.has(packet.tag)) continue;
    if (packet.body.length > PGP_KEY_PACKET_MAX_BYTES) {
      return refused("key numbers are larger than supported");
    }
    keys.push(packet);
  }
  const reasons = keys.filter(({ tag }) => tag === TAGS.publicSubkey).map(describeRefused);
  const primaries = keys.filter(({ tag }) => tag === TAGS.publicKey);
  const [primary] = primaries;
  const weak = primaries.length === 1 && primary !== undefined ? describeRefused(primary) : null;
  if (weak !== null) return refused(`primary key uses ${weak}`);
  const refusedSubkeys = reasons.filter((reason) => reason !== null);
  return { kind: "within", refusedSubkeys: [...new Set(refusedSubkeys)] };
}

function refused(reason: string): PacketScan {
  return { kind: "refused", reason };
}

/** The packet at an index, and where the next one begins. Null if its body is indefinite or cut. */
function packetAt(bytes: Uint8Array, at: number): Packet & { readonly end: number } | null {
  const first = bytes[at] ?? 0;
  if ((first & 0x80) === 0) return null;
  const isNew = (first & 0x40) !== 0;
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
  const header = isNew ? newLength(bytes, at + 1) : oldLength(bytes, at + 1, first & 3);
  if (header === null) return null;
  const end = header.start + header.length;
  return end > bytes.length ? null : { tag, body: bytes.subarray(header.start, end), end };
}

interface Header {
  readonly start: number;
  readonly length: number;
}

/** Null for a partial body length, which no key has. */
function newLength(bytes: Uint8Array, at: number): Header | null {
  const first = bytes[at];
  if (first === undefined) return null;
  if (first < 192) return { start: at + 1, length: first };
  if (first < 224) {
    return { start: at + 2, length: ((first - 192) << 8) + (bytes[at + 1] ?? 0) + 192 };
  }
  return first === 255 ? { start: at + 5, length: numberAt(bytes, at + 1, 4) } : null;
}

function oldLength(bytes: Uint8Array, at: number, kind: number): Header | null {
  const lengthBytes = [1, 2, 4][kind];
  if (lengthBytes === undefined) return null;
  return { start: at + lengthBytes, length: numberAt(bytes, at, lengthBytes) };
}

function numberAt(bytes: Uint8Array, at: number, length: number): number {
  let number = 0;
  for (let index = at; index < at + length; index++) number = number * 256 + (bytes[index] ?? 0);
  return number;
}

/** Null if the algorithm is accepted, or unknown here and left to the library to judge. */
function describeRefused({ body }: Packet): string | null {
  const [version = 0] = body;
  const algorithmAt = version <= 3 ? 7 : 5;
  const material = body.subarray(algorithmAt + (version >= 5 ? 5 : 1));
  switch (body[algorithmAt]) {
    case 1:
    case 2:
    case 3: {
      const bits = numberAt(material, 0, 2);
      return bits < PGP_RSA_BITS_MIN
        ? `RSA of ${bits} bits, which is too weak: give 2048 or more`
        : null;
    }
    case 16:
    case 20:
      return "ElGamal, which is not supported";
    case 17:
      return "DSA, which is not supported";
    case 18:
    case 19:
    case 22: {
      const isSecp256k1 = material[0] === SECP256K1.length &&
        SECP256K1.every((byte, index) => material[index + 1] === byte);
      return isSecp256k1 ? "the curve secp256k1, which is not supported" : null;
    }
    default:
      return null;
  }
}
