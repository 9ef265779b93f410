/** Fields and answers of the legacy endpoints of a ceremony. */

import * as v from "valibot";
import { count, goBoolean, goInteger, goText, goTexts } from "../../request/raw_endpoint.ts";

export const START_FIELDS = {
  secret_shares: goInteger("shares to split the new key into"),
  secret_threshold: goInteger("new shares that are needed together"),
  pgp_keys: goTexts("a PGP public key for each new share"),
  backup: goBoolean("keep the encrypted shares in the vault"),
  require_verification: goBoolean("the new shares come into force once enough were given back"),
  verify_all: goBoolean("verification asks for every new share, not for a quorum"),
};

export const SHARE_FIELDS = {
  key: goText("a share, in hexadecimal or base64"),
  nonce: goText("id of the attempt"),
  params_digest: goText("digest of the parameters that the holder has seen"),
};

const fingerprints = v.nullable(v.array(v.string()));

export const rekeyStatus = v.object({
  nonce: v.pipe(v.string(), v.description("id of the attempt")),
  started: v.boolean(),
  t: count("new shares that will be needed"),
  n: count("new shares to be made"),
  progress: count("current shares given so far"),
  required: count("current shares that are needed"),
  pgp_fingerprints: fingerprints,
  backup: v.boolean(),
  verification_required: v.boolean(),
  verification_nonce: v.optional(v.string()),
});

export const rekeyResult = v.object({
  nonce: v.string(),
  complete: v.literal(true),
  keys: v.pipe(v.array(v.string()), v.description("the new shares in hexadecimal")),
  keys_base64: v.array(v.string()),
  pgp_fingerprints: fingerprints,
  backup: v.boolean(),
  verification_required: v.boolean(),
  verification_nonce: v.optional(v.string()),
});

export const verificationState = v.object({
  nonce: v.pipe(v.string(), v.description("id of the verification")),
  started: v.boolean(),
  t: count("new shares that are needed"),
  n: count("new shares that were made"),
  progress: count("new shares given back so far"),
});

export const verified = v.object({ nonce: v.string(), complete: v.literal(true) });
