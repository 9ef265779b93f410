/** `auth/<mount>/role/<name>/<field>` of approle: the single fields of a role, as one table. */

import { DONE, type MethodCall, type MethodPath, methodPath, MISSING } from "../method.ts";
import type { AppRole, Role, RoleSettings } from "./roles.ts";
import { checkCidrs, parseAddresses } from "../../access/cidr.ts";
import { formatGoDuration } from "../../wire/duration.ts";
import { leaseLimits } from "../../access/tokens/lease_limits.ts";
import type { AuthMount } from "../../access/auth_mount.ts";
import { unsupportedPath } from "../names.ts";
import {
  checkTokenRules,
  type LegacyName,
  type TokenRules,
} from "../../access/tokens/login_token.ts";
import { cleanPolicies } from "../../access/tokens/token_policies.ts";
import {
  boolean,
  duration,
  type FieldEntries,
  integer,
  type Sent,
  textList,
} from "../../wire/fields.ts";
import { operation } from "../../wire/served_path.ts";
import { invalidRequest } from "../../errors.ts";
import {
  describeTokenRules,
  legacyNames,
  POLICIES_FIELDS,
  TOKEN_RULE_FIELDS,
} from "../token_rule_fields.ts";
import type { JsonObject } from "../../wire/json_value.ts";

export interface AppRoleParts {
  readonly roles: AppRole;
  /** Removes a bounded number of ended secret ids. */
  readonly tidy: () => Promise<void>;
}

export type AppRoleCall = MethodCall & AppRoleParts;

/** A role's own fields. Those of its tokens are in `token_rule_fields.ts`. */
export const ROLE_FIELDS = {
  bind_secret_id: boolean("whether a login needs a secret id"),
  secret_id_bound_cidrs: textList("blocks of addresses that may log in"),
  bound_cidr_list: textList("older name of secret_id_bound_cidrs"),
  secret_id_num_uses: integer("logins that a secret id is good for; 0 for no such limit"),
  secret_id_ttl: duration("how long a secret id lives; 0 for no such limit"),
};

export const PERIOD_FIELDS = {
  token_period: TOKEN_RULE_FIELDS.token_period,
  period: duration("older name of token_period"),
};

const LEGACY_BOUNDS = 'The "bound_cidr_list" field is deprecated and will be removed. Please use ' +
  '"secret_id_bound_cidrs" instead.';

interface RoleField<Entries extends FieldEntries> {
  readonly path: string;
  /** Names the field in summaries. */
  readonly about: string;
  readonly fields: Entries;
  readonly show: (role: Role) => JsonObject;
  readonly warnings?: readonly string[];
  /** Throws `invalid_request` for a missing or impossible value. */
  readonly change: (old: RoleSettings, sent: Sent<Entries>, mount: AuthMount) => RoleSettings;
  readonly clear: (old: RoleSettings) => RoleSettings;
}

function rolePath<Entries extends FieldEntries>(
  field: RoleField<Entries>,
): MethodPath<AppRoleParts> {
  const { about, show, warnings, change, clear } = field;
  return methodPath(`role/{role_name}/${field.path}`, {
    read: operation({ summary: `Show ${about} of a role` }, async (call: AppRoleCall) => {
      const role = await call.roles.read(call.parameter("role_name"));
      return role === null ? MISSING : { kind: "data", data: show(role), warnings };
    }),
    update: operation(
      { summary: `Set ${about} of a role`, fields: field.fields },
      async (call, sent) => {
        await changeRole(call, (old) => change(old, sent, call.mount));
        return DONE;
      },
    ),
    delete: operation({ summary: `Set ${about} of a role back` }, async (call) => {
      if (await call.roles.read(call.parameter("role_name")) === null) return DONE;
      await changeRole(call, clear);
      return DONE;
    }),
  });
}

/** Changes a role. Throws `unsupported_path` if it does not exist. */
export async function changeRole(
  { roles, parameter }: AppRoleCall,
  change: (old: RoleSettings) => RoleSettings,
): Promise<void> {
  await roles.write(parameter("role_name"), (old, isNew) => {
    if (isNew) throw unsupportedPath();
    return change(old);
  });
}

export const ROLE_FIELD_PATHS: readonly MethodPath<AppRoleParts>[] = [
  rolePath({
    path: "policies",
    about: "the policies",
    fields: POLICIES_FIELDS,
    show: ({ rules }) => shown(rules, "policies"),
    change: (old, sent) =>
      withRules(old, {
        policies: cleanPolicies(needed("token_policies", sent.token_policies ?? sent.policies)),
        legacyNames: legacyNames(sent, old.rules.legacyNames),
      }),
    clear: (old) => withRules(old, { policies: [], legacyNames: without(old, "policies") }),
  }),
  rolePath({
    path: "bound-cidr-list",
    about: "the addresses that may log in",
    fields: { bound_cidr_list: ROLE_FIELDS.bound_cidr_list },
    show: (role) => ({ bound_cidr_list: role.secretIdBoundCidrs }),
    warnings: [LEGACY_BOUNDS],
    change: (old, sent) => withLoginBounds(old, sent.bound_cidr_list),
    clear: (old) => ({ ...old, secretIdBoundCidrs: null }),
  }),
  rolePath({
    path: "secret-id-bound-cidrs",
    about: "the addresses that may log in",
    fields: { secret_id_bound_cidrs: ROLE_FIELDS.secret_id_bound_cidrs },
    show: (role) => ({ secret_id_bound_cidrs: role.secretIdBoundCidrs }),
    change: (old, sent) => withLoginBounds(old, sent.secret_id_bound_cidrs),
    clear: (old) => ({ ...old, secretIdBoundCidrs: null }),
  }),
  rolePath({
    path: "token-bound-cidrs",
    about: "the addresses that may use the tokens",
    fields: { token_bound_cidrs: TOKEN_RULE_FIELDS.token_bound_cidrs },
    show: ({ rules: { boundCidrs } }) => ({
      token_bound_cidrs: boundCidrs.length === 0 ? null : boundCidrs,
    }),
    change: (old, { token_bound_cidrs: sent }) =>
      sent === undefined ? old : withRules(old, {
        boundCidrs: parseAddresses(sent, "failed to parse token_bound_cidrs: "),
      }),
    clear: (old) => withRules(old, { boundCidrs: [] }),
  }),
  rolePath({
    path: "bind-secret-id",
    about: "the need of a secret id",
    fields: { bind_secret_id: ROLE_FIELDS.bind_secret_id },
    show: (role) => ({ bind_secret_id: role.bindSecretId }),
    change: (old, sent) => ({
      ...old,
      bindSecretId: needed("bind_secret_id", sent.bind_secret_id),
    }),
    clear: (old) => ({ ...old, bindSecretId: true }),
  }),
  rolePath({
    path: "secret-id-num-uses",
    about: "the uses of secret ids",
    fields: { secret_id_num_uses: ROLE_FIELDS.secret_id_num_uses },
    show: (role) => ({ secret_id_num_uses: role.secretIdUses }),
    change: (old, sent) => ({
      ...old,
      secretIdUses: checkUses(needed("secret_id_num_uses", sent.secret_id_num_uses)),
    }),
    clear: (old) => ({ ...old, secretIdUses: 0 }),
  }),
  rolePath({
    path: "secret-id-ttl",
    about: "the lifetime of secret ids",
    fields: { secret_id_ttl: ROLE_FIELDS.secret_id_ttl },
    show: (role) => ({ secret_id_ttl: role.secretIdTtlSeconds }),
    change: (old, sent) => ({
      ...old,
      secretIdTtlSeconds: needed("secret_id_ttl", sent.secret_id_ttl),
    }),
    clear: (old) => ({ ...old, secretIdTtlSeconds: 0 }),
  }),
  rolePath({
    path: "token-num-uses",
    about: "the uses of tokens",
    fields: { token_num_uses: TOKEN_RULE_FIELDS.token_num_uses },
    show: ({ rules }) => ({ token_num_uses: rules.uses }),
    change: (old, sent) => withRules(old, { uses: needed("token_num_uses", sent.token_num_uses) }),
    clear: (old) => withRules(old, { uses: 0 }),
  }),
  rolePath({
    path: "token-ttl",
    about: "the lifetime of tokens",
    fields: { token_ttl: TOKEN_RULE_FIELDS.token_ttl },
    show: ({ rules }) => ({ token_ttl: rules.ttlSeconds }),
    change: (old, sent) => {
      const ttlSeconds = needed("token_ttl", sent.token_ttl);
      refuseBeyond(
        ttlSeconds,
        old.rules.maxTtlSeconds,
        "token_ttl should not be greater than token_max_ttl",
      );
      return withRules(old, { ttlSeconds });
    },
    clear: (old) => withRules(old, { ttlSeconds: 0 }),
  }),
  rolePath({
    path: "token-max-ttl",
    about: "the greatest lifetime of tokens",
    fields: { token_max_ttl: TOKEN_RULE_FIELDS.token_max_ttl },
    show: ({ rules }) => ({ token_max_ttl: rules.maxTtlSeconds }),
    change: (old, sent) => {
      const maxTtlSeconds = needed("token_max_ttl", sent.token_max_ttl);
      refuseBeyond(
        old.rules.ttlSeconds,
        maxTtlSeconds,
        "token_max_ttl should be greater than or equal to token_ttl",
      );
      return withRules(old, { maxTtlSeconds });
    },
    clear: (old) => withRules(old, { maxTtlSeconds: 0 }),
  }),
  rolePath({
    path: "period",
    about: "the period of tokens",
    fields: PERIOD_FIELDS,
    show: ({ rules }) => shown(rules, "period"),
    change: (old, sent, mount) => {
      const periodSeconds = needed("period", sent.token_period ?? sent.period);
      refuseLongPeriod(periodSeconds, mount);
      return withRules(old, {
        periodSeconds,
        legacyNames: legacyNames(sent, old.rules.legacyNames),
      });
    },
    clear: (old) => withRules(old, { periodSeconds: 0, legacyNames: without(old, "period") }),
  }),
];

/** Returns `uses`. Throws `invalid_request` if it is negative. */
export function checkUses(uses: number): number {
  if (uses < 0) throw invalidRequest("secret_id_num_uses cannot be negative");
  return uses;
}

function needed<T>(name: string, sent: T | undefined): T {
  if (sent === undefined) throw invalidRequest(`missing ${name}`);
  return sent;
}

/** The field under its name, and under its legacy name if it was set by that one. */
function shown(rules: TokenRules, legacy: LegacyName): JsonObject {
  const names = [legacy, `token_${legacy}`];
  const all = Object.entries(describeTokenRules(rules));
  return Object.fromEntries(all.filter(([name]) => names.includes(name)));
}

function without({ rules }: RoleSettings, legacy: LegacyName): readonly LegacyName[] {
  return rules.legacyNames.filter((name) => name !== legacy);
}

function withRules(old: RoleSettings, part: Partial<TokenRules>): RoleSettings {
  return { ...old, rules: checkTokenRules({ ...old.rules, ...part }) };
}

/** A maximum of 0 means no maximum. */
function refuseBeyond(ttlSeconds: number, maxTtlSeconds: number, why: string): void {
  if (maxTtlSeconds > 0 && ttlSeconds > maxTtlSeconds) throw invalidRequest(why);
}

/** Refuses an empty list: `delete` removes all bounds. */
function withLoginBounds(old: RoleSettings, sent: readonly string[] | undefined): RoleSettings {
  if (sent === undefined) return old;
  if (sent.length === 0) throw invalidRequest("missing bound_cidr_list");
  return { ...old, secretIdBoundCidrs: checkCidrs(sent, "CIDR blocks") };
}

/** Throws `invalid_request` if the period exceeds the longest lease of the mount. */
export function refuseLongPeriod(periodSeconds: number, mount: AuthMount): void {
  const { maxSeconds } = leaseLimits(mount);
  if (periodSeconds <= maxSeconds) return;
  throw invalidRequest(
    `period of "${formatGoDuration(periodSeconds)}" is greater than the backend's maximum lease ` +
      `TTL of "${formatGoDuration(maxSeconds)}"`,
  );
}
