/**
 * Replaces every string of a request or response by a keyed hash in Vault's form. Someone who knows
 * a value can find it in the trail; a reader of the trail learns nothing. Member names, numbers and
 * booleans stay. Pure.
 */

import { encodeHex, encodeUtf8 } from "../crypto/bytes.ts";
import { createKeyedHmac } from "../crypto/keyed_hmac.ts";
import { AUDIT_HASHED_MAX_CHARS, AUDIT_HASHES_MAX } from "../limits.ts";

/** Returns `hmac-sha256:` and 64 hex digits. */
export type TextHash = (text: string) => string;

/** The hashes of one device. */
export interface DeviceHashing {
  readonly text: TextHash;
  /** Like `text`, or the identity if the device has `hmac_accessor=false`. */
  readonly accessor: TextHash;
}

const PREFIX = "hmac-sha256:";
/** Replaces strings beyond the bound. Cannot be mistaken for a digest. */
const OMITTED = `${PREFIX}omitted`;

export function createHashing(salt: Uint8Array, hashesAccessors: boolean): DeviceHashing {
  const hmac = createKeyedHmac(salt);
  const text: TextHash = (clear) => PREFIX + encodeHex(hmac(encodeUtf8(clear)));
  return { text, accessor: hashesAccessors ? text : (accessor) => accessor };
}

/** Whether a top-level member may appear in clear, judged by its name and value. */
export type IsPublic = (name: string, value: unknown) => boolean;

const NOTHING_PUBLIC: IsPublic = () => false;

/** Names whose strings may appear in clear at any depth, also within lists. */
export type ClearNames = ReadonlySet<string>;

const NO_NAMES: ClearNames = new Set();

/** JSON of `data` with its strings hashed at any depth. */
export function hashData(
  data: Readonly<Record<string, unknown>>,
  hash: TextHash,
  isPublic: IsPublic = NOTHING_PUBLIC,
  clearNames: ClearNames = NO_NAMES,
): string {
  let hashed = 0;
  let characters = 0;
  const hide = (text: string): string => {
    hashed += 1;
    characters += text.length;
    const isTooMuch = hashed > AUDIT_HASHES_MAX || characters > AUDIT_HASHED_MAX_CHARS;
    return isTooMuch ? OMITTED : hash(text);
  };
  const replace = (_name: string, value: unknown): unknown =>
    typeof value === "string" ? hide(value) : value;
  if (clearNames.size > 0) return JSON.stringify(hideBut(data, hide, clearNames, false));
  if (isPublic === NOTHING_PUBLIC) return JSON.stringify(data, replace);
  const members = Object.entries(data).flatMap(([name, value]) => {
    const text = isPublic(name, value) ? JSON.stringify(value) : JSON.stringify(value, replace);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${members.join(",")}}`;
}

/** `isClear`: the nearest enclosing name is in `clearNames`. */
function hideBut(
  value: unknown,
  hide: TextHash,
  clearNames: ClearNames,
  isClear: boolean,
): unknown {
  if (typeof value === "string") return isClear ? value : hide(value);
  if (Array.isArray(value)) return value.map((item) => hideBut(item, hide, clearNames, isClear));
  if (typeof value !== "object" || value === null || isNumberText(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) =>
      [name, hideBut(member, hide, clearNames, clearNames.has(name))] as const
    ),
  );
}

/** A number kept in its original spelling by `JSON.rawJSON`, which JavaScript sees as an object. */
function isNumberText(value: object): boolean {
  return (JSON as { isRawJSON?: (value: unknown) => boolean }).isRawJSON?.(value) === true;
}

const CEREMONIES =
  /^sys\/(rekey|rekey-recovery-key|rotate\/(root|recovery)|generate-root(-token)?)\//;
/** Attempt ids are random UUIDs. Anything else in their place may be a misplaced secret. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FINGERPRINT = /^[0-9a-f]{40}$/;
const IDS: ReadonlySet<string> = new Set(["nonce", "verification_nonce"]);
const FINGERPRINTS: ReadonlySet<string> = new Set(["pgp_fingerprint", "pgp_fingerprints"]);

/** Whether requests to a path carry shares. Then no mount setting may show a string. */
export function carriesShares(path: string): boolean {
  return CEREMONIES.test(path) || path === "sys/init" || path === "sys/unseal";
}

/** A ceremony's trail must show the attempt and the recipients' PGP keys to be useful. */
export function publicMembers(path: string): IsPublic {
  return CEREMONIES.test(path) ? isCeremonyFact : NOTHING_PUBLIC;
}

function isCeremonyFact(name: string, value: unknown): boolean {
  if (IDS.has(name)) return typeof value === "string" && UUID.test(value);
  if (!FINGERPRINTS.has(name)) return false;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.every((each) => typeof each === "string" && FINGERPRINT.test(each));
}
