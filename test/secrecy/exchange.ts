/**
 * Decides what is secret in a request and its answer, and which of their texts may be in a log or an
 * audit line. Pure, and without a platform, so that the tests of every runtime can use it.
 *
 * Every text of a body counts as secret unless it is below a name that the audit trail shows on
 * purpose, so a new endpoint is covered from the start.
 */

export interface Exchange {
  readonly method: string;
  /** As sent, from `/v1/` on, with its query. */
  readonly target: string;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  /** The bodies; "" for none. */
  readonly sent: string;
  readonly received: string;
}

export interface Secret {
  readonly value: string;
  /** The header or member it was found in. */
  readonly name: string;
  /** Gives access by itself: it may be nowhere, not even where the same text is public. */
  readonly isCredential: boolean;
  /** For readers of the report: `key in PUT /v1/sys/unseal`. */
  readonly origin: string;
}

export interface Witnessed {
  readonly secrets: readonly Secret[];
  /** Texts that lines may have, because the trail shows paths, policy names and ids of attempts. */
  readonly published: readonly string[];
}

/**
 * Shorter texts are not real secrets, and are found everywhere: "abc", "kv", "default". The shortest
 * real ones, root tokens and OTPs, have 26 characters; passwords of tests have ten or more.
 */
export const SECRET_MIN_CHARS = 10;
/** "0000000000" may be anything. A long text needs less variety: a static key of `ab`s counts. */
const DISTINCT_MIN = 5;
const LONG_CHARS = 32;
const LONG_DISTINCT_MIN = 2;
/** Of a longer secret only this beginning is searched for. A multiple of three cuts base64 cleanly. */
export const SECRET_MAX_CHARS = 240;
/** A longer body, which no honest client sends, is read up to here as if it were malformed. */
const BODY_MAX_CHARS = 256 * 1024;

/** Names that `audit/entry.ts`, `audit/hashing.ts` or the log show: not secret by Vault's rules. */
const PUBLIC_NAMES: ReadonlySet<string> = new Set([
  ...["request_id", "nonce", "verification_nonce", "pgp_fingerprint", "pgp_fingerprints"],
  ...["pgp_subkey_fingerprint", "pgp_subkey_fingerprints", "root_token_pgp_subkey_fingerprint"],
  ...["warnings"],
  ...["accessor", "wrapped_accessor", "mount_accessor", "secret_id_accessor", "uuid"],
  ...["policies", "token_policies", "identity_policies", "allowed_policies", "display_name"],
  ...["meta", "metadata", "path", "paths", "creation_path", "type", "token_type", "mount_type"],
  ...["errors", "file_path", "uri", "version", "build_date", "cluster_id", "cluster_name"],
  ...["audit_non_hmac_request_keys", "audit_non_hmac_response_keys"],
]);
/** Answers with only ids of seal keys, reasons and classes of errors, which the log has too. */
const PUBLIC_ANSWERS = /^\/v1\/sys\/sealwrap\/rewrap$/;
/** Answers about the product alone: names of fields, counts, times. */
const ABOUT_THE_PRODUCT = /^\/v1\/sys\/(?:metrics|internal\/specs\/openapi)$/;
/** Metrics may be wrapped, so an unwrap may answer them. */
const METRICS_BEGIN = "# HELP ";
/** The envelope of an engine's answer, whose own members may have any name. */
const ENVELOPE: ReadonlySet<string> = new Set(["request_id", "errors", "mount_type", "lease_id"]);
const CREDENTIAL_NAMES: ReadonlySet<string> = new Set([
  ...["root_token", "client_token", "token", "secret_id", "password", "otp"],
  ...["encoded_token", "encoded_root_token"],
]);
const TOKEN_FORM = /^(?:hv)?[sbr]\.[0-9A-Za-z_-]{20,}$/;
/** Hexadecimal or base64 of 32 bytes or more: a share, a key, an encoded root token. */
const KEY_FORM = /^(?:(?:[0-9a-f]{2}){32,}|[0-9A-Za-z+/_-]{43,}={0,2})$/;
const TIME = /^\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)$/;
/** A count, or seconds since 1970, in a body that is not JSON. Numbers in JSON do not count either. */
const NUMBER = /^\d{1,16}(?:\.\d+)?$/;
/** The trail's own hashes, as `sys/audit-hash` gives them. */
const AUDIT_HASH = /^hmac-sha256:[0-9a-f]{64}$/;
const PUBLIC_HEADERS: ReadonlySet<string> = new Set([
  ...["user-agent", "correlation-id", "x-correlation-id"],
]);

/** Whether a text is long and varied enough to be searched for. */
export function isSecretEnough(value: string): boolean {
  if (value.length < SECRET_MIN_CHARS) return false;
  if ([TIME, NUMBER, AUDIT_HASH].some((form) => form.test(value))) return false;
  return new Set(value.slice(0, SECRET_MAX_CHARS)).size >=
    (value.length < LONG_CHARS ? DISTINCT_MIN : LONG_DISTINCT_MIN);
}

export function witness(exchange: Exchange): Witnessed {
  const { method, target, headers, sent, received } = exchange;
  const where = `${method} ${target}`;
  const secrets: Secret[] = [];
  const published = publishedBy(target);
  const found = (name: string, value: string, isCredential: boolean, part: string): void => {
    if (!isSecretEnough(value)) return;
    const head = value.slice(0, SECRET_MAX_CHARS);
    secrets.push({ value: head, name, isCredential, origin: `${name} ${part} ${where}` });
  };

  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (name === "x-vault-token") found(name, value, true, "in");
    if (name === "authorization") found(name, value.replace(/^\w+ /, ""), true, "in");
    if (PUBLIC_HEADERS.has(name)) published.push(value);
  }
  const [path = "", query = ""] = target.split("?");
  const isListing = method === "LIST" || /(?:^|&)list=(?:true|1)/.test(query);
  const isEngine = !/^\/v1\/(?:sys|auth|identity|cubbyhole\/response)\//.test(path);
  const isAboutProduct = ABOUT_THE_PRODUCT.test(path) || /(?:^|&)help=/.test(query) ||
    received.startsWith(METRICS_BEGIN);
  const answer = isAboutProduct ? "" : received;
  for (const [body, part] of [[sent, "in"], [answer, "answered to"]] as const) {
    const isPublic = (name: string, depth: number): boolean =>
      (part !== "in" && PUBLIC_ANSWERS.test(path)) ||
      (isListing && part !== "in" && /^keys?(?:_info)?$/.test(name)) ||
      (isEngine ? part !== "in" && depth === 0 && ENVELOPE.has(name) : PUBLIC_NAMES.has(name));
    for (const text of textsOf(body, isPublic)) {
      published.push(text.name);
      if (text.isPublic) published.push(text.value);
      else {
        const { name, value } = text;
        const isCredential = TOKEN_FORM.test(value) || KEY_FORM.test(value) ||
          (!isEngine && CREDENTIAL_NAMES.has(name));
        found(name, value, isCredential, part);
      }
    }
  }
  return { secrets, published };
}

/** The trail shows paths in full, as Vault's does. */
function publishedBy(target: string): string[] {
  const path = (target.split("?")[0] ?? "").replace(/^\/v1\//, "");
  return [path, decoded(path)];
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

interface Text {
  readonly name: string;
  readonly value: string;
  readonly isPublic: boolean;
}

/** All texts of a body, each with the name it is below. */
function* textsOf(
  body: string,
  isPublicName: (name: string, depth: number) => boolean,
): Generator<Text> {
  if (body === "") return;
  const parsed = body.length > BODY_MAX_CHARS ? undefined : parseJson(body);
  if (parsed === undefined) {
    for (const value of textsOfMalformed(body.slice(0, BODY_MAX_CHARS))) {
      yield { name: "malformed body", value, isPublic: false };
    }
    return;
  }
  // Not recursive: tests send JSON that is nested deeper than any stack.
  const waiting = [{ name: "body", value: parsed, isPublic: false, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { name, value, isPublic, depth } = next;
    if (typeof value === "string") yield { name, value, isPublic };
    if (typeof value !== "object" || value === null) continue;
    for (const [member, inner] of Object.entries(value)) {
      const known = isPublic || (!Array.isArray(value) && isPublicName(member, depth));
      const innerName = Array.isArray(value) ? name : member;
      waiting.push({ name: innerName, value: inner, isPublic: known, depth: depth + 1 });
    }
  }
}

/** Quoted texts that are not names, and words outside of quotes. */
function textsOfMalformed(body: string): readonly string[] {
  const withoutNames = body.replace(/"[^"]*"\s*:/g, " ");
  const quoted = [...withoutNames.matchAll(/"([^"]*)(?:"|$)/g)].map(([, text = ""]) => text);
  const bare = withoutNames.replace(/"[^"]*"?/g, " ").split(/[^0-9A-Za-z._+/-]+/);
  return [...quoted, ...bare];
}

/** Undefined if the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
