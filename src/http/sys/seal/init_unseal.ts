/** `sys/init`, `sys/unseal`, `sys/seal`, `sys/seal-status` and `sys/leader`. */

import * as v from "valibot";
import { checkPgpKey, checkRecipients, sameHolderWarnings } from "../../../ceremony/recipients.ts";
import type { PgpRecipient } from "../../../ceremony/state.ts";
import { encodeBase64, encodeHex } from "../../../crypto/bytes.ts";
import type { PgpKey } from "../../../crypto/pgp_key.ts";
import type { Sent } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { recoveryCountsProblem, shareCountsProblem } from "../../../seal/seal_config.ts";
import { authoriseByPolicy } from "../../request/caller.ts";
import type { AppContext, Call } from "../../request/call.ts";
import {
  count,
  goBoolean,
  goInteger,
  goText,
  goTexts,
  type RawEndpoint,
  rawOperation,
} from "../../request/raw_endpoint.ts";
import { judgePatch, PATCH_REFUSED } from "../../request/patch.ts";
import { recipientDetail } from "./rekey_request.ts";
import { emptyReply, jsonReply } from "../../request/replies.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { clusterFields, RELEASE_DATE } from "../server_facts.ts";
import { decodeShare } from "./share_text.ts";
import { refuseWrappedShares } from "../../request/wrapping.ts";
import { SEAL_KINDS } from "../../../seal/kinds.ts";

const INIT_FIELDS = {
  secret_shares: goInteger("shares to split the unseal key into"),
  secret_threshold: goInteger("shares that unseal the vault"),
  pgp_keys: goTexts("a PGP public key for each share"),
  recovery_shares: goInteger("shares to split the recovery key into, with an auto-unseal"),
  recovery_threshold: goInteger("recovery shares that authorise"),
  recovery_pgp_keys: goTexts("a PGP public key for each recovery share"),
  root_token_pgp_key: goText("PGP public key that the root token is encrypted with"),
};

type InitBody = Sent<typeof INIT_FIELDS>;

/** Fields that do not apply to the other kind of seal. */
const SHAMIR_FIELDS = ["secret_shares", "secret_threshold", "pgp_keys"] as const;
const RECOVERY_FIELDS = ["recovery_shares", "recovery_threshold", "recovery_pgp_keys"] as const;

const UNSEAL_FIELDS = {
  key: goText("a share, in hexadecimal or base64"),
  reset: goBoolean("forget the shares given so far"),
  migrate: goBoolean("the share is for a migration to another seal"),
};

const sealStatus = v.object({
  type: v.pipe(v.string(), v.description("shamir, or the kind of the auto-unseal")),
  initialized: v.boolean(),
  sealed: v.boolean(),
  t: count("shares that are needed"),
  n: count("shares that exist"),
  progress: count("shares given so far"),
  nonce: v.pipe(v.string(), v.description("id of the attempt to unseal")),
  version: v.string(),
  commit_date: v.string(),
  migration: v.boolean(),
  recovery_seal: v.boolean(),
  recovery_seal_type: v.optional(v.string()),
  storage_type: v.string(),
  cluster_name: v.optional(v.string()),
  cluster_id: v.optional(v.string()),
});

const texts = v.array(v.string());

export const SEAL_ENDPOINTS: readonly RawEndpoint[] = [
  {
    path: "sys/init",
    whileSealed: true,
    audit: "opening",
    methods: {
      GET: rawOperation(
        {
          summary: "Tell whether the vault is initialised",
          answer: v.object({ initialized: v.boolean() }),
        },
        async ({ vault }) => jsonReply(200, { initialized: vault.status().initialized }),
      ),
      PUT: rawOperation(
        {
          summary: "Initialise the vault, once",
          fields: INIT_FIELDS,
          answer: v.object({
            keys: v.pipe(texts, v.description("unseal shares in hexadecimal")),
            keys_base64: texts,
            recovery_keys: v.optional(texts),
            recovery_keys_base64: v.optional(texts),
            root_token: v.string(),
          }),
        },
        initialise,
      ),
    },
  },
  {
    path: "sys/seal-status",
    whileSealed: true,
    methods: {
      GET: rawOperation(
        { summary: "Show the state of the seal", answer: sealStatus },
        async ({ context }) => sealStatusReply(context),
      ),
    },
  },
  {
    path: "sys/unseal",
    whileSealed: true,
    audit: "opening",
    methods: {
      PUT: rawOperation(
        {
          summary: "Give a share towards unsealing, or reset the attempt",
          fields: UNSEAL_FIELDS,
          answer: sealStatus,
        },
        unseal,
      ),
    },
  },
  {
    path: "sys/seal",
    whileSealed: true,
    // After sealing, no device is open to hash the answer.
    audit: "request",
    authorise: async (call) => {
      await judgePatch(call);
      // The body is not used, but a malformed one means that the caller wanted something else.
      await call.body();
      if (!call.vault.status().sealed) await authoriseByPolicy(call, "sys/seal", "update", true);
    },
    methods: {
      PUT: rawOperation({ summary: "Seal the vault", answer: null }, seal),
      PATCH: PATCH_REFUSED,
    },
  },
  {
    path: "sys/leader",
    whileSealed: true,
    methods: {
      GET: rawOperation(
        { summary: "Name the active server", answer: v.object({ ha_enabled: v.boolean() }) },
        async () => jsonReply(200, { ha_enabled: false }),
      ),
    },
  },
];

function sealStatusReply(context: AppContext): Response {
  const status = context.vault.status();
  const hasRecovery = SEAL_KINDS[status.type].authorisedBy === "recovery";
  return jsonReply(200, {
    type: status.type,
    initialized: status.initialized,
    sealed: status.sealed,
    t: status.threshold,
    n: status.shares,
    progress: status.progress,
    nonce: status.attemptId,
    version: context.options.version,
    commit_date: RELEASE_DATE,
    migration: false,
    recovery_seal: hasRecovery,
    ...(hasRecovery ? { recovery_seal_type: "shamir" } : {}),
    storage_type: status.storageType,
    ...clusterFields(context),
  });
}

async function initialise(call: Call, read: () => Promise<InitBody>): Promise<Response> {
  const body = await read();
  const { type } = call.vault.status();
  const splitsUnsealKey = SEAL_KINDS[type].authorisedBy === "unseal";
  refuseInapplicable(body, splitsUnsealKey ? RECOVERY_FIELDS : SHAMIR_FIELDS, type);
  const counts = splitsUnsealKey
    ? { shares: body.secret_shares, threshold: body.secret_threshold }
    : { shares: body.recovery_shares, threshold: body.recovery_threshold };
  const texts = nonEmpty(splitsUnsealKey ? body.pgp_keys : body.recovery_pgp_keys);
  const prefix = `invalid ${splitsUnsealKey ? "seal" : "recovery"} configuration: `;
  const problemOf = splitsUnsealKey ? shareCountsProblem : recoveryCountsProblem;
  const problem = problemOf(counts, texts?.length ?? null);
  if (problem !== null) throw invalidRequest(prefix + problem);
  if (call.vault.status().initialized) throw invalidRequest("Vault is already initialized");
  refuseWrappedShares(call, texts === null && counts.shares > 0);
  const recipients = await checkRecipients(texts, prefix);
  const field = "root_token_pgp_key";
  const rootTokenRecipient = body.root_token_pgp_key === ""
    ? null
    : await checkPgpKey(body.root_token_pgp_key, `${field}: `, field);
  const made = await call.vault.initialize({ counts, recipients, rootTokenRecipient });
  const keys = made.shares.map(encodeHex);
  const keysBase64 = made.shares.map(encodeBase64);
  return jsonReply(200, {
    keys: splitsUnsealKey ? keys : [],
    keys_base64: splitsUnsealKey ? keysBase64 : [],
    ...(splitsUnsealKey || keys.length === 0
      ? {}
      : { recovery_keys: keys, recovery_keys_base64: keysBase64 }),
    root_token: made.rootToken,
    ...(call.wantsDetail ? holdersDetail(recipients, rootTokenRecipient) : {}),
  });
}

/** No other answer shows which subkeys the first shares were encrypted to. */
function holdersDetail(
  recipients: readonly PgpRecipient[] | null,
  rootToken: PgpKey | null,
): JsonObject {
  return {
    pgp_fingerprints: recipients?.map(({ fingerprint }) => fingerprint) ?? null,
    ...recipientDetail(recipients),
    root_token_pgp_subkey_fingerprint: rootToken?.encryptionKeyFingerprint ?? null,
    warnings: sameHolderWarnings(recipients),
  };
}

function nonEmpty<T>(items: readonly T[] | null): readonly T[] | null {
  return items === null || items.length === 0 ? null : items;
}

function refuseInapplicable(
  body: InitBody,
  fields: readonly (keyof InitBody)[],
  sealType: string,
): void {
  const given = fields.filter((field) => {
    const value = body[field];
    return Array.isArray(value) ? value.length > 0 : value !== null && value !== 0;
  });
  if (given.length === 0) return;
  throw invalidRequest(`parameters ${given.join(",")} not applicable to seal type ${sealType}`);
}

async function unseal(
  call: Call,
  read: () => Promise<Sent<typeof UNSEAL_FIELDS>>,
): Promise<Response> {
  const body = await read();
  if (body.reset) {
    await call.vault.resetUnseal();
  } else {
    if (body.key === "") {
      throw invalidRequest(
        "'key' must be specified in request body as JSON, or 'reset' set to true",
      );
    }
    const share = decodeShare(body.key);
    // Checked before the vault can say anything about the share or about itself.
    if (body.migrate) {
      throw invalidRequest("can't perform a seal migration, no migration seal found");
    }
    await call.vault.submitUnsealShare(share);
  }
  return sealStatusReply(call.context);
}

async function seal(call: Call): Promise<Response> {
  if (!call.vault.status().sealed) await call.vault.seal();
  return emptyReply(204);
}
