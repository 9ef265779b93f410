/**
 * Checks the operator's seal settings: lengths and encodings of static keys, and that current and
 * previous key do not contradict each other. Pure: reads no environment and no file. No message
 * contains a key. Messages and encodings are those of OpenBao's static seal.
 */

import { decodeBase64, decodeHex, encodeUtf8, equalBytes } from "../crypto/bytes.ts";
import { KEY_BYTES, SEAL_KEY_ID_MAX_BYTES } from "../limits.ts";

export interface StaticSealKey {
  /** The operator's permanent name for this key, written into every value it wraps. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface StaticSealSettings {
  readonly type: "static";
  readonly current: StaticSealKey;
  /** Only unwraps. Null if not set. */
  readonly previous: StaticSealKey | null;
}

/** Bytes are a file's content, a string is a literal, and undefined means not set. */
export interface StaticSealInput {
  readonly currentKey: string | Uint8Array | undefined;
  readonly currentKeyId: string | Uint8Array | undefined;
  readonly previousKey: string | Uint8Array | undefined;
  readonly previousKeyId: string | Uint8Array | undefined;
}

export interface StaticSealError {
  /** The value to correct. */
  readonly field: keyof StaticSealInput;
  readonly message: string;
}

export type StaticSealOutcome =
  | { readonly ok: true; readonly settings: StaticSealSettings }
  | { readonly ok: false; readonly errors: readonly StaticSealError[] };

const HEX_CHARS = 2 * KEY_BYTES;
const BASE64_CHARS = 44;

export function parseStaticSealSettings(input: StaticSealInput): StaticSealOutcome {
  const errors: StaticSealError[] = [];
  const current = parsePair(input.currentKey, input.currentKeyId, "current", errors);
  const previousGiven = !isEmpty(input.previousKey) || !isEmpty(input.previousKeyId);
  const previous = previousGiven
    ? parsePair(input.previousKey, input.previousKeyId, "previous", errors)
    : null;
  if (current !== null && previous !== null) {
    const sameKey = equalBytes(current.key, previous.key);
    if (sameKey && current.id !== previous.id) {
      errors.push({
        field: "previousKeyId",
        message: "current and previous key material match with different key identifiers",
      });
    }
    if (!sameKey && current.id === previous.id) {
      errors.push({
        field: "previousKey",
        message: "current and previous key material differs with same key identifiers",
      });
    }
  }
  if (errors.length > 0 || current === null) return { ok: false, errors };
  const isRepeated = previous !== null && previous.id === current.id;
  const settings = { type: "static", current, previous: isRepeated ? null : previous } as const;
  return { ok: true, settings };
}

function parsePair(
  key: string | Uint8Array | undefined,
  id: string | Uint8Array | undefined,
  which: "current" | "previous",
  errors: StaticSealError[],
): StaticSealKey | null {
  const fieldOfKey = `${which}Key` as const;
  const fieldOfId = `${which}KeyId` as const;
  const idText = typeof id === "string" ? id : new TextDecoder().decode(id).trim();
  if (idText === "") {
    const message = `got empty ${which}_key_id; please specify a permanent identifier for this key`;
    errors.push({ field: fieldOfId, message });
  } else if (encodeUtf8(idText).length > SEAL_KEY_ID_MAX_BYTES) {
    const message = `${which}_key_id is too long: at most ${SEAL_KEY_ID_MAX_BYTES} bytes`;
    errors.push({ field: fieldOfId, message });
  }
  if (isEmpty(key)) {
    errors.push({ field: fieldOfKey, message: `missing required ${which} key` });
    return null;
  }
  const bytes = decodeStaticKey(key);
  if (bytes === null) {
    const message =
      "unknown encoding for AES-256 key: must be either a raw, hex, or base64-encoded";
    errors.push({ field: fieldOfKey, message });
    return null;
  }
  return idText === "" ? null : { id: idText, key: bytes };
}

function isEmpty(value: string | Uint8Array | undefined): value is undefined {
  return value === undefined || value.length === 0;
}

/**
 * The 32 bytes of a key, or null. The length alone decides the encoding: 32 raw bytes, 43
 * characters of unpadded URL-safe base64, 44 of padded base64, 64 of hex. Input of another length
 * may end in one line break.
 */
function decodeStaticKey(key: string | Uint8Array): Uint8Array | null {
  const given = typeof key === "string" ? encodeUtf8(key) : key;
  if (given.length === KEY_BYTES) return given.slice();
  const text = new TextDecoder().decode(given).replace(/\r?\n$/, "");
  switch (text.length) {
    case HEX_CHARS:
      return decodeHex(text);
    case BASE64_CHARS:
      return text.endsWith("=") ? ofKeyLength(decodeBase64(text)) : null;
    case BASE64_CHARS - 1:
      return /[+/=\r\n]/.test(text) ? null : ofKeyLength(
        decodeBase64(`${text.replaceAll("-", "+").replaceAll("_", "/")}=`),
      );
    default:
      return ofKeyLength(encodeUtf8(text));
  }
}

function ofKeyLength(bytes: Uint8Array | null): Uint8Array | null {
  return bytes?.length === KEY_BYTES ? bytes : null;
}
