/** `auth/<mount>/role/<name>/secret-id…` of approle: issues, shows and destroys secret ids. */

import { checkCidrs } from "../../access/cidr.ts";
import { type AppRole, refuseWider, type Role } from "./roles.ts";
import type { SecretId } from "./secret_ids.ts";
import { leaseLimits } from "../../access/tokens/lease_limits.ts";
import { parseMetadata } from "./secret_id_metadata.ts";
import { duration, integer, type Sent, text, textList } from "../../wire/fields.ts";
import { LIST_FIELDS } from "../../wire/paging.ts";
import { operation } from "../../wire/served_path.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { listedMistake, listingMistakes } from "../../wire/multi_error.ts";
import type { AppRoleCall, AppRoleParts } from "./role_fields.ts";
import { DONE, listNames, type MethodPath, methodPath, type MethodReply } from "../method.ts";
import type { JsonObject } from "../../wire/json_value.ts";

/** How Go prints an unset time. */
const NEVER = "0001-01-01T00:00:00Z";

const ISSUE_FIELDS = {
  metadata: text("what its tokens say about themselves: an object as JSON text, or name=value"),
  cidr_list: textList("blocks of addresses that may log in with it, among those of the role"),
  token_bound_cidrs: textList("blocks of addresses that may use its tokens, among the role's"),
  num_uses: integer("logins that it is good for, no more than the role says"),
  ttl: duration("how long it lives, no longer than the role says"),
};

const CUSTOM_FIELDS = { ...ISSUE_FIELDS, secret_id: text("the secret id, of the caller's choice") };
const NAMED_FIELDS = { secret_id: text("the secret id") };
const ACCESSOR_FIELDS = { secret_id_accessor: text("the public name of the secret id") };

const DESTROY = operation(
  { summary: "Destroy a secret id", fields: NAMED_FIELDS },
  async (call: AppRoleCall, sent) => {
    const { role, found } = await findNamed(call, sent.secret_id);
    if (found !== null) await call.roles.secretIds.destroy(role.key, found);
    return DONE;
  },
);

const DESTROY_BY_ACCESSOR = operation(
  { summary: "Destroy a secret id by its accessor", fields: ACCESSOR_FIELDS },
  async (call: AppRoleCall, sent) => {
    const { secret_id_accessor: accessor = "" } = sent;
    const { role, found } = await findByAccessor(call, accessor);
    if (found === null) throw listedMistake(noSuchAccessor(accessor));
    if (found === "elsewhere") throw new VaultError("denied", "invalid secret id accessor");
    await call.roles.secretIds.destroy(role.key, found);
    return DONE;
  },
);

export const SECRET_ID_PATHS: readonly MethodPath<AppRoleParts>[] = [
  methodPath("role/{role_name}/secret-id", {
    update: operation(
      { summary: "Issue a secret id", fields: ISSUE_FIELDS, answers: ["data"] },
      (call: AppRoleCall, sent) => issue(call, null, sent),
    ),
    list: operation(
      { summary: "List the accessors of a role's secret ids", fields: LIST_FIELDS },
      listAccessors,
    ),
  }),
  methodPath("role/{role_name}/custom-secret-id", {
    update: operation(
      {
        summary: "Issue a secret id of the caller's choice",
        fields: CUSTOM_FIELDS,
        answers: ["data"],
      },
      async (call: AppRoleCall, sent) => {
        const { secret_id: secretId = "" } = sent;
        if (secretId === "") throw invalidRequest("missing secret_id");
        return await issue(call, secretId, sent);
      },
    ),
  }),
  methodPath("role/{role_name}/secret-id/lookup/", {
    update: operation(
      { summary: "Show a secret id", fields: NAMED_FIELDS, answers: ["data", "nothing"] },
      async (call: AppRoleCall, sent) => {
        const { found } = await findNamed(call, sent.secret_id);
        // The reference answers 204, which its clients read as "no such secret id".
        return found === null ? DONE : { kind: "data", data: describeSecretId(found.value) };
      },
    ),
  }),
  methodPath("role/{role_name}/secret-id/destroy/", { update: DESTROY, delete: DESTROY }),
  methodPath("role/{role_name}/secret-id-accessor/lookup/", {
    update: operation(
      { summary: "Show a secret id by its accessor", fields: ACCESSOR_FIELDS, answers: ["data"] },
      async (call: AppRoleCall, sent) => {
        const { secret_id_accessor: accessor = "" } = sent;
        const { found } = await findByAccessor(call, accessor);
        if (found === "elsewhere") return DONE;
        // The reference answers with an error inside the envelope here, and nowhere else.
        if (found === null) {
          return { kind: "missing", data: { error: noSuchAccessor(accessor) } };
        }
        return { kind: "data", data: describeSecretId(found.value) };
      },
    ),
  }),
  methodPath("role/{role_name}/secret-id-accessor/destroy/", {
    update: DESTROY_BY_ACCESSOR,
    delete: DESTROY_BY_ACCESSOR,
  }),
];

async function issue(
  { mount, roles, parameter }: AppRoleCall,
  secretId: string | null,
  sent: Sent<typeof ISSUE_FIELDS>,
): Promise<MethodReply> {
  const name = parameter("role_name");
  const role = await roles.read(name);
  if (role === null) throw new VaultError("not_found", noSuchRole(name));
  if (!role.bindSecretId) throw invalidRequest("bind_secret_id is not set on the role");
  const bounds = listingMistakes(() => boundsOf(sent, role));
  const uses = checkUses(sent.num_uses, role);
  const ttlSeconds = Math.min(checkTtl(sent.ttl, role), leaseLimits(mount).maxSeconds);
  const meta = parseMetadata(sent.metadata ?? "");
  const request = { secretId, uses, ttlSeconds, meta, ...bounds };
  const issued = await roles.secretIds.issue(role.key, request);
  return {
    kind: "data",
    data: {
      secret_id: issued.secretId,
      secret_id_accessor: issued.stored.accessor,
      secret_id_num_uses: uses,
      secret_id_ttl: ttlSeconds,
    },
  };
}

function boundsOf(
  { cidr_list: list = [], token_bound_cidrs: tokenList = [] }: Sent<typeof ISSUE_FIELDS>,
  role: Role,
): Pick<SecretId, "cidrs" | "tokenBoundCidrs"> {
  const cidrs = checkCidrs(list, "CIDR blocks");
  refuseWider(cidrs, role.secretIdBoundCidrs ?? []);
  const tokenBoundCidrs = checkCidrs(tokenList, "token CIDR blocks");
  refuseWider(tokenBoundCidrs, role.rules.boundCidrs);
  return { cidrs, tokenBoundCidrs };
}

/** A secret id may have fewer uses than its role allows, never more. */
function checkUses(uses: number | undefined, role: Role): number {
  if (uses === undefined) return role.secretIdUses;
  if (uses < 0) throw invalidRequest("num_uses cannot be negative");
  if (role.secretIdUses > 0 && (uses === 0 || uses > role.secretIdUses)) {
    throw invalidRequest("num_uses cannot be higher than the role's secret_id_num_uses");
  }
  return uses;
}

function checkTtl(ttl: number | undefined, role: Role): number {
  if (ttl === undefined) return role.secretIdTtlSeconds;
  if (role.secretIdTtlSeconds > 0 && (ttl === 0 || ttl > role.secretIdTtlSeconds)) {
    throw invalidRequest("ttl cannot be longer than the role's secret_id_ttl");
  }
  return ttl;
}

/** Sorted, so that a page can start after any accessor. */
async function listAccessors(
  { roles, parameter }: AppRoleCall,
  sent: Sent<typeof LIST_FIELDS>,
): Promise<MethodReply> {
  const name = parameter("role_name");
  const role = await roles.read(name);
  if (role === null) throw invalidRequest(noSuchRole(name));
  const keys = await roles.secretIds.accessors(role.key);
  return listNames(keys.toSorted(), sent);
}

async function requireRole(roles: AppRole, name: string): Promise<Role> {
  const role = await roles.read(name);
  if (role === null) throw listedMistake(noSuchRole(name));
  return role;
}

function noSuchRole(name: string): string {
  return `role ${JSON.stringify(name)} does not exist`;
}

/** The secret id in the body. Null if it has ended or never existed. */
async function findNamed({ roles, parameter }: AppRoleCall, sent = "") {
  if (sent === "") throw invalidRequest("missing secret_id");
  const role = await requireRole(roles, parameter("role_name"));
  return { role, found: await roles.secretIds.find(role.key, sent) };
}

async function findByAccessor({ roles, parameter }: AppRoleCall, sent: string) {
  if (sent === "") throw invalidRequest("missing secret_id_accessor");
  const role = await requireRole(roles, parameter("role_name"));
  return { role, found: await roles.secretIds.findByAccessor(role.key, sent) };
}

function noSuchAccessor(accessor: string): string {
  return `failed to find accessor entry for secret_id_accessor: ${JSON.stringify(accessor)}`;
}

function describeSecretId(stored: SecretId): JsonObject {
  const { expiresAtMs } = stored;
  return {
    cidr_list: stored.cidrs,
    creation_time: new Date(stored.createdAtMs).toISOString(),
    expiration_time: expiresAtMs === null ? NEVER : new Date(expiresAtMs).toISOString(),
    last_updated_time: new Date(stored.updatedAtMs).toISOString(),
    metadata: stored.meta,
    secret_id_accessor: stored.accessor,
    secret_id_num_uses: stored.uses,
    secret_id_ttl: stored.ttlSeconds,
    token_bound_cidrs: stored.tokenBoundCidrs,
  };
}
