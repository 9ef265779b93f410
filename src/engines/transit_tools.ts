/**
 * `random` and `hash`: as transit and `sys/tools` have them alike. They know no key and store
 * nothing; what they draw or hash is in no message.
 */

import { encodeBase64, encodeHex } from "../crypto/bytes.ts";
import { hashNamed } from "../crypto/hashes.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { invalidRequest } from "../errors.ts";
import type { EngineReply } from "./engine.ts";
import { integer, type Sent, text } from "./fields.ts";
import { checkBase64 } from "./transit_base64.ts";

/** Vault's `APIMaxBytes`. */
const RANDOM_MAX_BYTES = 128 * 1024;
const DEFAULT_RANDOM_BYTES = 32;
const SOURCES: readonly string[] = ["", "platform", "seal", "all"];
const NO_SEAL_ENTROPY = "no seal/entropy augmentation available, using platform entropy source";

const FORMAT = "encoding of the answer: hex or base64";
export const RANDOM_FIELDS = {
  bytes: integer("number of bytes, unless the path says it; 32 if left out"),
  format: text(FORMAT),
  source: text("source of randomness: platform, seal or all, which are the same here"),
};
export const HASH_FIELDS = {
  input: text("what to hash, in base64"),
  algorithm: text("hash function, unless the path says it; sha2-256 if left out"),
  format: text(FORMAT),
};

/** `segments`: those of the path behind `random`, at most two: source, number of bytes, or both. */
export function drawRandom(
  segments: readonly string[],
  sent: Sent<typeof RANDOM_FIELDS>,
  random: RandomBytes,
): EngineReply {
  const first = segments[0] ?? sent.source ?? "";
  const second = segments[1];
  const isSource = second !== undefined || SOURCES.includes(first);
  const source = isSource ? first : "platform";
  const sentCount = second ?? (isSource ? undefined : first);
  const bytes = sentCount === undefined
    ? sent.bytes ?? DEFAULT_RANDOM_BYTES
    : parseCount(sentCount);
  const encode = encoderOf(sent.format ?? "base64");
  if (bytes < 1) throw invalidRequest("'bytes' cannot be less than 1");
  if (bytes > RANDOM_MAX_BYTES) {
    throw invalidRequest(`'bytes' should be less than ${RANDOM_MAX_BYTES}`);
  }
  if (!SOURCES.includes(source)) {
    const choices = 'must be "platform" or "seal", or "all"';
    throw invalidRequest(`unsupported entropy source ${JSON.stringify(source)}; ${choices}`);
  }
  const warnings = source === "seal" ? [NO_SEAL_ENTROPY] : [];
  return { kind: "data", data: { random_bytes: encode(random(bytes)) }, warnings };
}

/** `pathAlgorithm`: the one named by the path, null when it names none. */
export function hashInput(
  pathAlgorithm: string | null,
  sent: Sent<typeof HASH_FIELDS>,
): EngineReply {
  if (sent.input === undefined) throw invalidRequest("input missing");
  const algorithm = pathAlgorithm ?? sent.algorithm ?? "sha2-256";
  const input = checkBase64(sent.input);
  if (input.kind === "refused") {
    throw invalidRequest(`unable to decode input as base64: ${input.reason}`);
  }
  const encode = encoderOf(sent.format ?? "hex");
  const sum = hashNamed(algorithm, input.value);
  if (sum === null) throw invalidRequest(`unsupported algorithm ${algorithm}`);
  return { kind: "data", data: { sum: encode(sum) } };
}

function parseCount(text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  const reason = `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw invalidRequest(`error parsing url-set byte count: ${reason}`);
}

function encoderOf(format: string): (bytes: Uint8Array) => string {
  if (format === "hex") return encodeHex;
  if (format === "base64") return encodeBase64;
  throw invalidRequest(
    `unsupported encoding format ${JSON.stringify(format)}; must be "hex" or "base64"`,
  );
}
