/**
 * `hmac/` of transit, and `verify/` of what it gave. Each version of a key has an HMAC key of its own,
 * which encrypts nothing. `sign/` and `verify/` of signatures are refused: no type of key here signs.
 */

import { encodeBase64, equalBytes } from "../../crypto/bytes.ts";
import { hmacNamed, isHashNamed } from "../../crypto/hashes.ts";
import { pause } from "../../crypto/pause.ts";
import { invalidRequest } from "../../errors.ts";
import { HASH_SLICE_BYTES } from "../../limits.ts";
import type { EngineReply } from "../engine.ts";
import { anything, type Sent, text } from "../../wire/fields.ts";
import { quoteText } from "../../wire/go_text.ts";
import { malformedRecord } from "../json_record.ts";
import { checkBase64, type Checked, refused, usable } from "./base64.ts";
import { batchReply, type ItemResult, singleReply } from "./batch.ts";
import { keyNotFound } from "./encrypt.ts";
import {
  chosenHash,
  KEY_VERSION,
  refuseUnknownChoice,
  SIGNATURE_FIELDS,
  type TextItem,
  textItems,
  unknownHash,
} from "./hash_choice.ts";
import type { TransitKey } from "./records.ts";
import type { TransitStore } from "./store.ts";
import { SOFT_DELETED, usableVersions } from "./versions.ts";

const PREFIX = "vault:v";

const BATCH_INPUT = anything("list of objects with the fields of one item", "objects");
export const HMAC_FIELDS = {
  input: text("what to authenticate, in base64"),
  algorithm: text("hash function, unless the path says it; sha2-256 if left out"),
  key_version: KEY_VERSION,
  batch_input: BATCH_INPUT,
};
export const SIGN_FIELDS = {
  ...SIGNATURE_FIELDS,
  input: text("what to sign, in base64"),
  key_version: KEY_VERSION,
  batch_input: BATCH_INPUT,
};
export const VERIFY_FIELDS = {
  ...SIGNATURE_FIELDS,
  input: text("what was authenticated, in base64"),
  hmac: text("its HMAC, as it was answered"),
  signature: text("its signature"),
  batch_input: BATCH_INPUT,
};

export async function authenticate(
  store: TransitStore,
  name: string,
  pathAlgorithm: string | null,
  sent: Sent<typeof HMAC_FIELDS>,
  nowMs: number,
): Promise<EngineReply> {
  const algorithm = pathAlgorithm ?? sent.algorithm ?? "sha2-256";
  const found = await store.loadRotated(name, nowMs);
  if (found === null) throw keyNotFound();
  const version = hmacVersion(found.key, sent.key_version ?? 0);
  const { key } = await store.completeHmacKeys(name, found);
  if (!isHashNamed(algorithm)) {
    throw invalidRequest(`unsupported algorithm ${quoteText(algorithm)}`);
  }
  const list = sent.batch_input ?? null;
  if (list === null && sent.input === undefined) throw invalidRequest("missing input for HMAC");
  const items = list === null
    ? [textMembers({ input: sent.input })]
    : textItems(list, "batchRequestHMACItem");
  const results = await inTurn(items, async (item): Promise<ItemResult> => {
    const input = inputOf(item, "missing input for HMAC");
    if (input.kind === "refused") return input;
    const sum = await hmacNamed(algorithm, hmacKeyOf(key, version), input.value);
    return usable({ hmac: `${PREFIX}${version}:${encodeBase64(sum)}` });
  });
  return reply(list, items, results);
}

export async function verify(
  store: TransitStore,
  name: string,
  pathAlgorithm: string | null,
  sent: Sent<typeof VERIFY_FIELDS>,
): Promise<EngineReply> {
  const list = sent.batch_input ?? null;
  const items = list === null
    ? [textMembers({ input: sent.input ?? "", hmac: sent.hmac, signature: sent.signature })]
    : textItems(list, "batchRequestVerifyItem");
  if (verifiedMember(items, list !== null) === "signature") {
    refuseUnknownChoice(pathAlgorithm, sent);
    const loaded = await store.load(name);
    if (loaded === null) throw invalidRequest("signature verification key not found");
    throw invalidRequest(`key type ${loaded.key.type} does not support verification`);
  }
  const found = await store.load(name);
  if (found === null) throw keyNotFound();
  const { key } = await store.completeHmacKeys(name, found);
  const algorithm = chosenHash(pathAlgorithm, sent);
  if (!isHashNamed(algorithm)) throw unknownHash(algorithm);
  const results = await inTurn(items, async (item): Promise<ItemResult> => {
    const valid = await verifyItem(key, algorithm, item);
    if (valid.kind === "refused") return valid;
    // In a list the reference leaves out what is false.
    return usable(list !== null && !valid.value ? {} : { valid: valid.value });
  });
  return reply(list, items, results);
}

/** Throws `invalid_request` always, for the first of the reasons that the reference would name. */
export async function refuseSign(
  store: TransitStore,
  name: string,
  pathAlgorithm: string | null,
  sent: Sent<typeof SIGN_FIELDS>,
): Promise<EngineReply> {
  refuseUnknownChoice(pathAlgorithm, sent);
  const loaded = await store.load(name);
  if (loaded === null) throw invalidRequest("signing key not found");
  throw invalidRequest(`key type ${loaded.key.type} does not support signing`);
}

function textMembers(members: Readonly<Record<string, string | undefined>>): TextItem {
  return new Map(
    Object.entries(members).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]),
  );
}

function reply(
  list: unknown,
  items: readonly TextItem[],
  results: readonly ItemResult[],
): EngineReply {
  if (list === null) return singleReply(results);
  const referenced = items.map((item) => ({ reference: item.get("reference") ?? "" }));
  return batchReply({ items: referenced }, results, {});
}

/** All items must be of one kind. Of a single one with both, the signature counts. */
function verifiedMember(items: readonly TextItem[], isList: boolean): "signature" | "hmac" {
  const signed = items.filter((item) => item.has("signature")).length;
  const authenticated = items.filter((item) => !item.has("signature") && item.has("hmac")).length;
  const isMissing = signed + authenticated < items.length;
  if (!isList && isMissing) {
    throw invalidRequest("neither a 'signature' nor an 'hmac' were given to verify");
  }
  if (signed > 0 && authenticated > 0) {
    throw invalidRequest(
      "elements of batch_input must all provide 'signature' or all provide 'hmac'",
    );
  }
  const member = signed > 0 ? "signature" : "hmac";
  if (!isMissing) return member;
  throw invalidRequest(
    signed + authenticated === 0
      ? "no batch_input elements have 'signature' or 'hmac'"
      : `some elements of batch_input are missing '${member}'`,
  );
}

/** One item after another, with a pause for others after each slice of what they hold together. */
async function inTurn(
  items: readonly TextItem[],
  serve: (item: TextItem) => Promise<ItemResult>,
): Promise<readonly ItemResult[]> {
  const results: ItemResult[] = [];
  let characters = 0;
  for (const item of items) {
    characters += item.get("input")?.length ?? 0;
    if (characters > HASH_SLICE_BYTES) {
      await pause();
      characters = 0;
    }
    results.push(await serve(item));
  }
  return results;
}

async function verifyItem(
  key: TransitKey,
  algorithm: string,
  item: TextItem,
): Promise<Checked<boolean>> {
  const input = inputOf(item, "missing input");
  if (input.kind === "refused") return input;
  const parsed = parseHmac(key, item.get("hmac") ?? "");
  if (parsed.kind === "refused") return parsed;
  const { version, sum } = parsed.value;
  const expected = await hmacNamed(algorithm, hmacKeyOf(key, version), input.value);
  return usable(equalBytes(expected, sum));
}

function inputOf(item: TextItem, missing: string): Checked<Uint8Array> {
  const text = item.get("input");
  if (text === undefined) return refused(missing);
  const input = checkBase64(text);
  if (input.kind === "usable") return input;
  return refused(`unable to decode input as base64: ${input.reason}`);
}

function parseHmac(
  key: TransitKey,
  text: string,
): Checked<{ readonly version: number; readonly sum: Uint8Array }> {
  if (!text.startsWith(PREFIX)) return refused("invalid HMAC to verify: no prefix");
  const colon = text.indexOf(":", PREFIX.length);
  if (colon === -1) return refused("invalid HMAC: wrong number of fields");
  const digits = text.slice(PREFIX.length, colon);
  if (!/^[+-]?\d{1,18}$/.test(digits)) {
    return refused("invalid HMAC: version number could not be decoded");
  }
  const encoded = checkBase64(text.slice(colon + 1));
  if (encoded.kind === "refused") {
    return refused(`unable to decode verification HMAC as base64: ${encoded.reason}`);
  }
  const version = Number(digits);
  if (version > key.latestVersion) return refused("invalid HMAC: version is too new");
  if (version < key.minDecryptionVersion) {
    return refused("cannot verify HMAC: version is too old (disallowed by policy)");
  }
  if (key.softDeleted) return refused(SOFT_DELETED);
  return usable({ version, sum: encoded.value });
}

/** The version to authenticate with; `asked` 0 means the latest. */
function hmacVersion(key: TransitKey, asked: number): number {
  const { latestVersion, minEncryptionVersion } = key;
  const version = asked === 0 ? latestVersion : asked;
  const isBounded = minEncryptionVersion > 0 && version !== latestVersion;
  if (isBounded && version < minEncryptionVersion) {
    throw invalidRequest("cannot generate HMAC: version is too old (disallowed by policy)");
  }
  if (key.softDeleted) throw invalidRequest(SOFT_DELETED);
  if (version < 0) throw invalidRequest("key version does not exist (cannot be negative)");
  if (version > latestVersion) {
    throw invalidRequest(`key version does not exist; latest key version is ${latestVersion}`);
  }
  if (!usableVersions(key).includes(version)) throw invalidRequest("no such key version");
  return version;
}

function hmacKeyOf(key: TransitKey, version: number): Uint8Array {
  const hmacKey = key.versions.get(version)?.hmacKey ?? null;
  if (hmacKey === null) throw malformedRecord("a usable version has no HMAC key");
  return hmacKey;
}
