/** `auth/token/create*`: fields and answer. */

import { leaseLimits } from "../../access/tokens/lease_limits.ts";
import { boolean, integer, type Sent, text } from "../../wire/fields.ts";
import { VaultError } from "../../errors.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import type { LogicalCall, LogicalReply } from "../request/logical.ts";
import { names, pairs } from "./fields.ts";
import { authFields } from "../request/auth_fields.ts";
import { type CreateKind, planToken } from "../../access/tokens/planned_token.ts";

const CUSTOM_ID_WARNING =
  "Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the more secure " +
  "SHA2-256 HMAC for token obfuscation. SHA1 hashed tokens on the wire leads to less secure " +
  "lookups.";

export const CREATE_FIELDS = {
  display_name: text("what the token is called, after `token-`"),
  entity_alias: text("whose token it is; only by a role that allows the name"),
  explicit_max_ttl: text("a duration: the age at which the token ends, whatever is said later"),
  id: text("the token itself, of the caller's choice; needs root or sudo"),
  lease: text("older name of ttl"),
  meta: pairs("what the token says about itself"),
  no_default_policy: boolean("leave the policy `default` out"),
  no_parent: boolean("create an orphan; needs root or sudo"),
  num_uses: integer("requests that the token is good for; 0 for no such limit"),
  period: text("a duration: renew for this long, as often as asked; needs root or sudo"),
  policies: names("policies of the token; left out: those of its parent or role"),
  renewable: boolean("whether the token can be renewed"),
  ttl: text("a duration: how long the token lives without a renewal"),
  type: text("service or batch"),
};

export async function createToken(
  request: LogicalCall,
  kind: CreateKind,
  sent: Sent<typeof CREATE_FIELDS>,
): Promise<LogicalReply> {
  const { call, unsealed, acl, hasSudo } = request;
  const { token: parent } = call;
  if (parent === null) throw new VaultError("unauthenticated", "permission denied");
  const { template, customId, warnings } = planToken(sent, {
    kind,
    parent,
    isSudo: acl.isRoot || hasSudo,
    limits: leaseLimits(unsealed.logins.token),
    nowMs: call.context.nowMs(),
  });
  const issued = await unsealed.tokens.create(template, customId ?? undefined);
  const auth = authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
  return {
    kind: "data",
    data: null,
    auth,
    warnings: [
      ...warnings,
      ...(customId === null ? [] : [CUSTOM_ID_WARNING]),
      ...await missingPolicies(unsealed, template.policies),
    ],
  };
}

/** Warns about names without a policy, which grant nothing until one is written. */
async function missingPolicies(
  { policies }: UnsealedVault,
  wanted: readonly string[],
): Promise<readonly string[]> {
  const warnings: string[] = [];
  for (const name of wanted) {
    if (await policies.read(name) === null) {
      warnings.push(`Policy ${JSON.stringify(name)} does not exist`);
    }
  }
  return warnings;
}
