/**
 * `hmac/` of transit, and `verify/` of HMACs. Each version of a key has a separate HMAC key, which
 * encrypts nothing. `sign/` and `verify/` of signatures are refused: no type of key here signs.
 */

import { equalBytes } from "../../crypto/bytes.ts";
import { hmacNamed, isHashNamed } from "../../crypto/hashes.ts";
import { invalidRequest } from "../../errors.ts";
import type { EngineReply } from "../engine.ts";
import { anything, type Sent, text } from "../../wire/fields.ts";
import { quoteText } from "../../wire/go_text.ts";
import { malformedRecord } from "../json_record.ts";
import { checkBase64, type Checked, refused, usable } from "./base64.ts";
import { type ItemResult, replyTo, serveInTurn } from "./batch.ts";
import { keyNotFound } from "./encrypt.ts";
import {
  chosenHash,
  KEY_VERSION,
  refuseUnknownChoice,
  SIGNATURE_FIELDS,
  unknownHash,
} from "./hash_choice.ts";
import { type TextItem, textItems } from "./item_readers.ts";
import { type Batch, listOrSingle } from "./items.ts";
import type { TransitKey } from "./records.ts";
import type { TransitStore } from "./store.ts";
import { formatVersioned, parseVersioned } from "./versioned_text.ts";
import { SOFT_DELETED, usableVersions } from "./versions.ts";

const WORDS = { noPrefix: "invalid HMAC to verify: no prefix", invalid: "invalid HMAC" };

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
  const single = { input: sent.input, reference: "" };
  const batch = listOrSingle(sent.batch_input, single, textItems("batchRequestHMACItem"));
  const results = await serveInTurn(batch.items, inputSize, async (item): Promise<ItemResult> => {
    const input = inputOf(item, "missing input for HMAC");
    if (input.kind === "refused") return input;
    const sum = await hmacNamed(algorithm, hmacKeyOf(key, version), input.value);
    return usable({ hmac: formatVersioned(version, sum) });
  });
  return replyTo(batch, results);
}

export async function verify(
  store: TransitStore,
  name: string,
  pathAlgorithm: string | null,
  sent: Sent<typeof VERIFY_FIELDS>,
): Promise<EngineReply> {
  const { input = "", hmac, signature } = sent;
  const single = { input, hmac, signature, reference: "" };
  const batch = listOrSingle(sent.batch_input, single, textItems("batchRequestVerifyItem"));
  if (verifiedMember(batch) === "signature") {
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
  const results = await serveInTurn(batch.items, inputSize, async (item): Promise<ItemResult> => {
    const valid = await verifyItem(key, algorithm, item);
    if (valid.kind === "refused") return valid;
    // The reference leaves out `valid` in lists when it is false.
    return usable(batch.isList && !valid.value ? {} : { valid: valid.value });
  });
  return replyTo(batch, results);
}

/** Always throws `invalid_request`, with the reason that the reference would give first. */
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

/** All items must have the same member. In an item with both, the signature counts. */
function verifiedMember({ items, isList }: Batch<TextItem>): "signature" | "hmac" {
  const signed = items.filter(({ signature }) => signature !== undefined).length;
  const authenticated =
    items.filter(({ hmac, signature }) => signature === undefined && hmac !== undefined).length;
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

function inputSize({ input = "" }: TextItem): number {
  return input.length;
}

async function verifyItem(
  key: TransitKey,
  algorithm: string,
  item: TextItem,
): Promise<Checked<boolean>> {
  const input = inputOf(item, "missing input");
  if (input.kind === "refused") return input;
  const parsed = parseHmac(key, item.hmac ?? "");
  if (parsed.kind === "refused") return parsed;
  const { version, sum } = parsed.value;
  const expected = await hmacNamed(algorithm, hmacKeyOf(key, version), input.value);
  return usable(equalBytes(expected, sum));
}

function inputOf(item: TextItem, missing: string): Checked<Uint8Array> {
  if (item.input === undefined) return refused(missing);
  const input = checkBase64(item.input);
  if (input.kind === "usable") return input;
  return refused(`unable to decode input as base64: ${input.reason}`);
}

function parseHmac(
  key: TransitKey,
  text: string,
): Checked<{ readonly version: number; readonly sum: Uint8Array }> {
  const parsed = parseVersioned(text, WORDS);
  if (parsed.kind === "refused") return parsed;
  const { version, base64 } = parsed.value;
  const encoded = checkBase64(base64);
  if (encoded.kind === "refused") {
    return refused(`unable to decode verification HMAC as base64: ${encoded.reason}`);
  }
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
