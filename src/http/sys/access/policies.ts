/** `/sys/policies/acl`, its legacy `/sys/policy`, and `/sys/policies/detailed/acl`. */

import {
  formatAbsoluteTime,
  parseAbsoluteTime,
  ZERO_TIME_MS,
} from "../../../wire/absolute_time.ts";
import type { PolicySettings, PolicyText } from "../../../access/policies/policies.ts";
import { ROOT_POLICY_NAME } from "../../../access/policies/policy_names.ts";
import {
  anything,
  boolean,
  duration,
  integer,
  type Sent,
  text,
  VALIDATION_FAILED,
} from "../../../wire/fields.ts";
import type { Spellings } from "../../../wire/served_path.ts";
import { invalidRequest } from "../../../errors.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { POLICY_NAME } from "../../../access/policies/name_spellings.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

/** The families differ in the name of the text, in what a list repeats, and in patching. */
interface PolicyFamily {
  readonly prefix: string;
  readonly textField: "policy" | "rules";
  readonly isLegacy: boolean;
}

const ACL: PolicyFamily = { prefix: "sys/policies/acl", textField: "policy", isLegacy: false };
const LEGACY: PolicyFamily = { prefix: "sys/policy", textField: "rules", isLegacy: true };
const DETAILED_PREFIX = "sys/policies/detailed/acl";

const WRITE_FIELDS = {
  policy: text("the policy in HCL or JSON, or base64 of either"),
  expiration: anything("when the policy ends: RFC 3339, or seconds since the epoch", "text"),
  ttl: duration("how long the policy lasts"),
  cas: integer("the version that this one replaces; 0 or -1: there must be none"),
  cas_required: boolean("whether each later write needs `cas`"),
  allow_slashes_in_identity_templates: boolean("whether what a template stands for may have a /"),
  allow_wildcards_in_identity_templates: boolean("the same for * and +"),
};
const LEGACY_WRITE_FIELDS = { ...WRITE_FIELDS, rules: text("the policy, under its older name") };

const SPELLINGS: Spellings = { name: POLICY_NAME };

type SentPolicy = Sent<typeof WRITE_FIELDS>;

export const POLICY_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...familyEndpoints(ACL),
  ...familyEndpoints(LEGACY),
  ...detailedEndpoints(),
];

function familyEndpoints(family: PolicyFamily): readonly LogicalEndpoint[] {
  const rules = { copiesData: family.isLegacy };
  const list = logicalOperation(
    { summary: "List the policies", answers: ["keys"] },
    async ({ unsealed }) =>
      listReply([...await unsealed.policies.list(), ROOT_POLICY_NAME], family),
  );
  const patch = logicalOperation(
    { summary: "Change some settings of a policy", fields: WRITE_FIELDS, answers: ["data"] },
    patchPolicy,
  );
  return [
    logicalEndpoint(family.prefix, family.isLegacy ? { list, read: list } : { list }, rules),
    logicalEndpoint(
      `${family.prefix}/{name+}`,
      {
        list: logicalOperation(
          { summary: "List the policies below a prefix", answers: ["keys"] },
          async ({ unsealed, parameter }) =>
            listReply(await unsealed.policies.list(parameter("name")), family),
        ),
        read: logicalOperation(
          { summary: "Read a policy" },
          (request) => readPolicy(request, family),
        ),
        update: logicalOperation(
          {
            summary: "Write a policy",
            fields: family.isLegacy ? LEGACY_WRITE_FIELDS : WRITE_FIELDS,
            answers: ["nothing", "data"],
          },
          (request, sent) => writePolicy(request, family, sent),
        ),
        ...(family.isLegacy ? {} : { patch }),
        delete: logicalOperation({ summary: "Delete a policy" }, deletePolicy),
      },
      rules,
      SPELLINGS,
    ),
  ];
}

function detailedEndpoints(): readonly LogicalEndpoint[] {
  return [
    logicalEndpoint(DETAILED_PREFIX, {
      list: logicalOperation(
        { summary: "List the policies and what they say", answers: ["keys"] },
        ({ unsealed }) => detailedList(unsealed, ""),
      ),
    }),
    logicalEndpoint(
      `${DETAILED_PREFIX}/{name+}`,
      {
        list: logicalOperation(
          { summary: "List the policies below a prefix and what they say", answers: ["keys"] },
          ({ unsealed, parameter }) => detailedList(unsealed, parameter("name")),
        ),
      },
      {},
      SPELLINGS,
    ),
  ];
}

function listReply(keys: readonly string[], { isLegacy }: PolicyFamily): LogicalReply {
  if (keys.length > 0) {
    return { kind: "data", data: isLegacy ? { keys, policies: keys } : { keys } };
  }
  // The legacy family never answers 404 to a list.
  return isLegacy ? { kind: "data", data: { policies: null } } : { kind: "missing" };
}

/** Always names `root`. An expired policy keeps its name until it is read. */
async function detailedList({ policies }: UnsealedVault, prefix: string): Promise<LogicalReply> {
  const keys = [...await policies.list(prefix), ROOT_POLICY_NAME];
  const details: [string, JsonObject][] = [];
  for (const name of keys) {
    const policy = await policies.read(name);
    if (policy !== null) details.push([name, describe(policy, ACL)]);
  }
  return { kind: "data", data: { keys, key_info: Object.fromEntries(details) } };
}

async function readPolicy(request: EndpointCall, family: PolicyFamily): Promise<LogicalReply> {
  const policy = await request.unsealed.policies.read(request.parameter("name"));
  return policy === null ? { kind: "missing" } : { kind: "data", data: describe(policy, family) };
}

function describe(policy: PolicyText, family: PolicyFamily): JsonObject {
  const { modifiedAtMs: modified, expiresAtMs: expiration } = policy;
  return {
    allow_slashes_in_identity_templates: policy.allowsSlashesInTemplates,
    allow_wildcards_in_identity_templates: policy.allowsWildcardsInTemplates,
    cas_required: policy.casRequired,
    ...(expiration === null ? {} : { expiration: formatAbsoluteTime(expiration) }),
    ...(modified === null ? {} : { modified: formatAbsoluteTime(modified) }),
    name: policy.name,
    [family.textField]: policy.text,
    version: policy.version,
  };
}

async function writePolicy(
  request: EndpointCall,
  family: PolicyFamily,
  sent: Sent<typeof LEGACY_WRITE_FIELDS>,
): Promise<LogicalReply> {
  const name = request.parameter("name");
  if (name === "") throw invalidRequest("policy name must be provided in the URL");
  const usesLegacyName = family.isLegacy && (sent.policy ?? "") === "";
  const settings: PolicySettings = {
    text: textOf((usesLegacyName ? sent.rules : sent.policy) ?? ""),
    casRequired: sent.cas_required ?? false,
    expiresAtMs: expirationOf(request, sent) ?? null,
    allowsSlashesInTemplates: sent.allow_slashes_in_identity_templates ?? false,
    allowsWildcardsInTemplates: sent.allow_wildcards_in_identity_templates ?? false,
  };
  const policyWarnings = await request.call.vault.administer((unsealed) =>
    unsealed.policies.write(name, settings, sent.cas ?? null)
  );
  const warnings = [
    ...renamedWarning(request),
    ...policyWarnings,
    ...(usesLegacyName ? ["'rules' is deprecated, please use 'policy' instead"] : []),
  ];
  return warnings.length === 0 ? DONE : { kind: "data", warnings };
}

/** Fields that are not sent stay. `cas` defaults to the version read here. */
async function patchPolicy(request: EndpointCall, sent: SentPolicy): Promise<LogicalReply> {
  const name = request.parameter("name");
  const policyWarnings = await request.call.vault.administer(async ({ policies }) => {
    const now = await policies.read(name);
    if (now === null) throw invalidRequest("policy not found");
    const expiresAtMs = expirationOf(request, sent);
    const settings: PolicySettings = {
      text: textOf(sent.policy ?? now.text),
      casRequired: sent.cas_required ?? now.casRequired,
      expiresAtMs: expiresAtMs === undefined ? now.expiresAtMs : expiresAtMs,
      allowsSlashesInTemplates: sent.allow_slashes_in_identity_templates ??
        now.allowsSlashesInTemplates,
      allowsWildcardsInTemplates: sent.allow_wildcards_in_identity_templates ??
        now.allowsWildcardsInTemplates,
    };
    return await policies.write(name, settings, sent.cas ?? now.version);
  });
  return { kind: "data", warnings: [...renamedWarning(request), ...policyWarnings] };
}

async function deletePolicy(request: EndpointCall): Promise<LogicalReply> {
  const name = request.parameter("name");
  await request.call.vault.administer((unsealed) => unsealed.policies.remove(name));
  return DONE;
}

function textOf(given: string): string {
  if (given === "") throw invalidRequest("'policy' parameter not supplied or empty");
  return given;
}

function renamedWarning({ parameter, written }: EndpointCall): readonly string[] {
  const name = parameter("name");
  return name === written("name") ? [] : [`policy name was converted to ${name}`];
}

/** In milliseconds; null for never, undefined if not sent. Throws `invalid_request`. */
function expirationOf({ call }: EndpointCall, { expiration, ttl }: SentPolicy) {
  const atMs = expiration === undefined || expiration === null ? undefined : timeOf(expiration);
  if (ttl === undefined) return atMs;
  if (atMs !== undefined) {
    throw invalidRequest("cannot supply both 'expiration' and 'ttl' for policies");
  }
  return call.vault.nowMs() + ttl * 1000;
}

function timeOf(sent: unknown): number | null {
  const refused = (why: string) =>
    invalidRequest(`${VALIDATION_FAILED}error converting input for field "expiration": ${why}`);
  if (typeof sent !== "string" && typeof sent !== "number") {
    throw refused("could not parse time from input type");
  }
  const atMs = parseAbsoluteTime(String(sent));
  if (atMs === null) throw refused("could not parse string as date and time");
  return atMs === ZERO_TIME_MS ? null : atMs;
}
