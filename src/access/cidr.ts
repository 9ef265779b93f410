/**
 * Blocks of addresses that logins and tokens are bound to: `10.0.0.0/8`, `2001:db8::/32`, or a
 * single address. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is that IPv4 address. The
 * reference also accepts UNIX socket names, and so any text with a slash. No client connects
 * through one here, so they are refused like typos. Pure.
 */

import { invalidRequest } from "../errors.ts";

interface Block {
  readonly bits: 32 | 128;
  readonly address: bigint;
  /** Number of leading bits that all its addresses share. */
  readonly prefix: number;
}

const BYTES = /^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/;
/** What a URL may have between brackets, which excludes zones. */
const GROUPS = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/;
const PREFIX = /^[0-9]{1,4}$/;
const MAPPED_BITS = 96;

/**
 * Addresses and blocks in the form they are stored and shown in. Throws `invalid_request` for
 * anything else; the message starts with `before`.
 */
export function parseAddresses(texts: readonly string[], before = ""): readonly string[] {
  return texts.map((sent) => {
    const text = sent.trim();
    const block = parseBlock(text);
    if (block !== null) return formatBlock(block);
    const quoted = JSON.stringify(text);
    throw invalidRequest(
      `${before}error parsing address ${quoted}: Unable to convert ${quoted} to an IPv4 or IPv6 address, ` +
        "or a UNIX Socket",
    );
  });
}

/** Trimmed blocks. Throws `invalid_request`, also for single addresses; `what` names the list. */
export function checkCidrs(texts: readonly string[], what: string): readonly string[] {
  return texts.map((sent) => {
    const text = sent.trim();
    if (text.includes("/") && parseBlock(text) !== null) return text;
    throw invalidRequest(`failed to validate ${what}: invalid CIDR address: ${text}`);
  });
}

/** Whether an address is in one of the blocks. False for an unknown address. */
export function isWithin(address: string | null, blocks: readonly string[]): boolean {
  return blockMatcher(blocks)(address);
}

/** Like `isWithin`, but parses the blocks only once. */
export function blockMatcher(blocks: readonly string[]): (address: string | null) => boolean {
  const parsed = blocks.map(parseBlock).filter((block) => block !== null);
  return (address) => {
    const host = address === null ? null : parseBlock(address);
    return host !== null && parsed.some((block) => contains(block, host));
  };
}

/** An address in its shortest form. Null if the text is not an address, also for a block. */
export function canonicalAddress(text: string): string | null {
  const block = text.includes("/") ? null : parseBlock(text);
  return block === null ? null : formatBlock(block);
}

/** Like `isWithin`, but without bounds any address is allowed, even an unknown one. */
export function mayComeFrom(address: string | null, bounds: readonly string[]): boolean {
  return bounds.length === 0 || isWithin(address, bounds);
}

/**
 * Whether each inner block lies in an outer one. Both lists may be as long as a field allows, so
 * outer blocks are looked up, not scanned.
 */
export function areWithin(inner: readonly string[], outer: readonly string[]): boolean {
  const known = new Set(
    outer.map(parseBlock).map((block) => block === null ? "" : blockKey(block)),
  );
  return inner.every((text) => {
    const block = parseBlock(text);
    return block !== null && containingKeys(block).some((wider) => known.has(wider));
  });
}

function blockKey({ bits, address, prefix }: Block): string {
  return `${bits} ${address >> BigInt(bits - prefix)} ${prefix}`;
}

/** The keys of the block and of every block that contains it. */
function containingKeys(block: Block): readonly string[] {
  return Array.from({ length: block.prefix + 1 }, (_, prefix) => blockKey({ ...block, prefix }));
}

function contains(outer: Block, inner: Block): boolean {
  if (outer.bits !== inner.bits || outer.prefix > inner.prefix) return false;
  return (outer.address ^ inner.address) >> BigInt(outer.bits - outer.prefix) === 0n;
}

/** Null if the text is neither an address nor a block. */
function parseBlock(text: string): Block | null {
  const [written = "", length, ...more] = text.split("/");
  const isGroups = GROUPS.test(written);
  const bits = isGroups ? 128 : 32;
  const address = isGroups ? parseGroups(written) : parseBytes(written);
  if (address === null || more.length > 0) return null;
  if (length !== undefined && !PREFIX.test(length)) return null;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return null;
  const isMapped = isGroups && address >> 32n === 0xffffn;
  if (!isMapped) return { bits, address, prefix };
  // As in the reference, a prefix below 96 is taken as one of the IPv4 address.
  const mapped = prefix < MAPPED_BITS ? Math.min(prefix, 32) : prefix - MAPPED_BITS;
  return { bits: 32, address: address & 0xffffffffn, prefix: mapped };
}

function parseBytes(text: string): bigint | null {
  if (!BYTES.test(text)) return null;
  const bytes = text.split(".").map(Number);
  if (bytes.some((byte) => byte > 255)) return null;
  return bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
}

/** The platform's URL parser reads IPv6 addresses and returns their shortest form. */
function parseGroups(text: string): bigint | null {
  const shortest = shortestGroups(text);
  if (shortest === null) return null;
  const [head = "", tail = ""] = shortest.split("::");
  const before = head.split(":").filter((group) => group !== "");
  const after = tail.split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after]
    .reduce((sum, group) => sum << 16n | BigInt(`0x${group}`), 0n);
}

function shortestGroups(text: string): string | null {
  const url = `http://[${text}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : null;
}

function formatBlock({ bits, address, prefix }: Block): string {
  const host = bits === 32 ? formatBytes(address) : formatGroups(address);
  return prefix === bits ? host : `${host}/${prefix}`;
}

function formatBytes(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => address >> shift & 0xffn).join(".");
}

function formatGroups(address: bigint): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => (address >> BigInt(112 - 16 * index) & 0xffffn).toString(16),
  );
  return shortestGroups(groups.join(":")) ?? groups.join(":");
}
