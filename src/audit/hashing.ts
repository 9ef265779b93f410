/**
 * Hides every text of a request or response behind a keyed hash, in Vault's form, so that who knows
 * a value can find it in the trail and who reads the trail learns nothing. Names of members, numbers
 * and booleans stay. Pure.
 */

import { encodeHex, encodeUtf8 } from "../crypto/bytes.ts";
import { createKeyedHmac } from "../crypto/keyed_hmac.ts";
import { AUDIT_HASHED_MAX_CHARS, AUDIT_HASHES_MAX } from "../limits.ts";

/** `hmac-sha256:` and 64 hex digits. */
export type TextHash = (text: string) => string;

/** How one device writes what may not be read. */
export interface DeviceHashing {
  readonly text: TextHash;
  /** The same, or no hash at all where the device has `hmac_accessor=false`. */
  readonly accessor: TextHash;
}

const PREFIX = "hmac-sha256:";
/** Stands for the texts beyond the bound; no digest looks like it. */
const OMITTED = `${PREFIX}omitted`;

export function createHashing(salt: Uint8Array, hashesAccessors: boolean): DeviceHashing {
  const hmac = createKeyedHmac(salt);
  const text: TextHash = (clear) => PREFIX + encodeHex(hmac(encodeUtf8(clear)));
  return { text, accessor: hashesAccessors ? text : (accessor) => accessor };
}

/** Whether a member right below the top may be read: by name and by the form of its value. */
export type IsPublic = (name: string, value: unknown) => boolean;

const NOTHING_PUBLIC: IsPublic = () => false;

/** Names whose texts may be read at any depth, also within lists. */
export type ClearNames = ReadonlySet<string>;

const NO_NAMES: ClearNames = new Set();

/** JSON text of `data` with its texts hashed, at any depth. */
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

/** `isClear`: the nearest name above is one of `clearNames`. */
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

/** A number kept as the text it came in (`JSON.rawJSON`) is an object only to JavaScript. */
function isNumberText(value: object): boolean {
  return (JSON as { isRawJSON?: (value: unknown) => boolean }).isRawJSON?.(value) === true;
}

const CEREMONIES =
  /^sys\/(rekey|rekey-recovery-key|rotate\/(root|recovery)|generate-root(-token)?)\//;
/** Ids of attempts are random UUIDs; anything else under their name may be a slip of a secret. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FINGERPRINT = /^[0-9a-f]{40}$/;
const IDS: ReadonlySet<string> = new Set(["nonce", "verification_nonce"]);
const FINGERPRINTS: ReadonlySet<string> = new Set(["pgp_fingerprint", "pgp_fingerprints"]);

/** Whether requests to a path carry shares of a key: then no setting of a mount may show a text. */
export function carriesShares(path: string): boolean {
  return CEREMONIES.test(path) || path === "sys/init" || path === "sys/unseal";
}

/** What a ceremony's trail must show to be of use: which attempt it was, and for whose keys. */
export function publicMembers(path: string): IsPublic {
  return CEREMONIES.test(path) ? isCeremonyFact : NOTHING_PUBLIC;
}

function isCeremonyFact(name: string, value: unknown): boolean {
  if (IDS.has(name)) return typeof value === "string" && UUID.test(value);
  if (!FINGERPRINTS.has(name)) return false;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.every((each) => typeof each === "string" && FINGERPRINT.test(each));
}
