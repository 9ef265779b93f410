/**
 * `random` and `hash`, which transit and `sys/tools` share. They use no key and store nothing. No
 * message contains the bytes that they draw or hash.
 */

import { encodeBase64, encodeHex } from "../../crypto/bytes.ts";
import { hashNamed } from "../../crypto/hashes.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { RANDOM_MAX_BYTES } from "../../limits.ts";
import type { EngineReply } from "../engine.ts";
import { integer, type Sent, text } from "../../wire/fields.ts";
import { quoteText } from "../../wire/go_text.ts";
import { isWord } from "../../wire/served_path.ts";
import { checkBase64 } from "./base64.ts";

const DEFAULT_RANDOM_BYTES = 32;
const SOURCES: readonly string[] = ["platform", "seal", "all"];
const NO_SEAL_ENTROPY = "no seal/entropy augmentation available, using platform entropy source";

/**
 * The paths of `random` below their root, in the order in which they are matched, with the parts that
 * `drawRandom` takes. Each captures all of `RANDOM_CAPTURES`.
 */
export const RANDOM_PATHS: readonly (readonly [template: string, parts: readonly string[]])[] = [
  ["random", []],
  ["random/{source}", ["source"]],
  ["random/{source}/{urlbytes+}", ["source", "urlbytes"]],
  ["random/{urlbytes+}", ["urlbytes"]],
];
export const RANDOM_CAPTURES: readonly string[] = ["source", "urlbytes"];
export const HASH_PATHS: readonly string[] = ["hash", "hash/{urlalgorithm+}"];
export const HASH_CAPTURES: readonly string[] = ["urlalgorithm"];

const FORMAT = "encoding of the answer: hex or base64";
export const RANDOM_FIELDS = {
  bytes: integer("number of bytes, unless the path says it; 32 if left out"),
  format: text(FORMAT),
};
export const HASH_FIELDS = {
  input: text("what to hash, in base64"),
  algorithm: text("hash function, unless the path says it; sha2-256 if left out"),
  format: text(FORMAT),
};

/** `segments`: the path after `random`: source, number of bytes, or both. */
export function drawRandom(
  segments: readonly string[],
  sent: Sent<typeof RANDOM_FIELDS>,
  random: RandomBytes,
): EngineReply {
  const { source, count } = choiceOf(segments);
  const bytes = count === null ? sent.bytes ?? DEFAULT_RANDOM_BYTES : parseCount(count);
  if (bytes < 1) throw invalidRequest("'bytes' cannot be less than 1");
  if (bytes > RANDOM_MAX_BYTES) {
    throw invalidRequest(`'bytes' should be less than ${RANDOM_MAX_BYTES}`);
  }
  const format = sent.format ?? "base64";
  const encode = encoderOf(format, quoteText(format));
  if (!SOURCES.includes(source)) {
    const choices = 'must be "platform" or "seal", or "all"';
    throw invalidRequest(`unsupported entropy source ${quoteText(source)}; ${choices}`);
  }
  const warnings = source === "seal" ? [NO_SEAL_ENTROPY] : [];
  return { kind: "data", data: { random_bytes: encode(random(bytes)) }, warnings };
}

/**
 * A single segment may be either; `count` is null if the path has none. A segment that is not a word
 * is ignored, as in the reference.
 */
function choiceOf(
  [first = "", second]: readonly string[],
): { readonly source: string; readonly count: string | null } {
  if (!isWord(first)) return { source: "platform", count: null };
  if (second !== undefined) return { source: first, count: second };
  return SOURCES.includes(first)
    ? { source: first, count: null }
    : { source: "platform", count: first };
}

/** `pathAlgorithm`: the one in the path; null if it has none. Input left out is empty. */
export async function hashInput(
  pathAlgorithm: string | null,
  sent: Sent<typeof HASH_FIELDS>,
): Promise<EngineReply> {
  const algorithm = pathAlgorithm ?? sent.algorithm ?? "sha2-256";
  const input = checkBase64(sent.input ?? "");
  if (input.kind === "refused") {
    throw invalidRequest(`unable to decode input as base64: ${input.reason}`);
  }
  const format = sent.format ?? "hex";
  const encode = encoderOf(format, format);
  const sum = await hashNamed(algorithm, input.value);
  if (sum === null) throw invalidRequest(`unsupported algorithm ${algorithm}`);
  return { kind: "data", data: { sum: encode(sum) } };
}

function parseCount(text: string): number {
  if (/^[+-]?\d{1,18}$/.test(text)) return Number(text);
  const fault = /^[+-]?\d+$/.test(text) ? "value out of range" : "invalid syntax";
  throw invalidRequest(
    `error parsing url-set byte count: strconv.Atoi: parsing ${quoteText(text)}: ${fault}`,
  );
}

/** `shown`: the format as the message quotes it. */
function encoderOf(format: string, shown: string): (bytes: Uint8Array) => string {
  if (format === "hex") return encodeHex;
  if (format === "base64") return encodeBase64;
  throw invalidRequest(`unsupported encoding format ${shown}; must be "hex" or "base64"`);
}
