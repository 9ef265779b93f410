/** `/sys/policies/acl` and its elder `/sys/policy`. */

import type { PolicyText } from "../access/policies.ts";
import { type Sent, text } from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import type { JsonObject } from "./replies.ts";

const DONE: LogicalReply = { kind: "done" };

/** The two families differ in the name of the text and in what a list repeats. */
interface PolicyFamily {
  readonly prefix: string;
  readonly textField: "policy" | "rules";
  readonly isOld: boolean;
}

const FAMILIES: readonly PolicyFamily[] = [
  { prefix: "sys/policies/acl", textField: "policy", isOld: false },
  { prefix: "sys/policy", textField: "rules", isOld: true },
];

const WRITE_FIELDS = {
  policy: text("the policy in HCL or JSON, or base64 of either"),
};

const OLD_WRITE_FIELDS = { ...WRITE_FIELDS, rules: text("the same under its older name") };

export const POLICY_ENDPOINTS: readonly LogicalEndpoint[] = FAMILIES.flatMap(familyEndpoints);

function familyEndpoints(family: PolicyFamily): readonly LogicalEndpoint[] {
  const rules = { copiesData: family.isOld };
  const list = logicalOperation(
    { summary: "List the policies", answers: ["keys"] },
    (request) => listPolicies(request, family),
  );
  return [
    logicalEndpoint(family.prefix, family.isOld ? { list, read: list } : { list }, rules),
    logicalEndpoint(`${family.prefix}/{name+}`, {
      read: logicalOperation(
        { summary: "Read a policy" },
        (request) => readPolicy(request, family),
      ),
      update: logicalOperation(
        {
          summary: "Write a policy",
          fields: family.isOld ? OLD_WRITE_FIELDS : WRITE_FIELDS,
          answers: ["nothing", "data"],
        },
        (request, sent) => writePolicy(request, family, sent),
      ),
      delete: logicalOperation(
        { summary: "Delete a policy" },
        deletePolicy,
      ),
    }, rules),
  ];
}

async function listPolicies({ open }: LogicalCall, family: PolicyFamily): Promise<LogicalReply> {
  const keys = await open.policies.list();
  return { kind: "data", data: family.isOld ? { keys, policies: keys } : { keys } };
}

/** The name in a path, as it is stored. */
function policyName({ parameter }: EndpointCall): string {
  const name = parameter("name").toLowerCase();
  if (name.endsWith("/")) throw new VaultError("unsupported_path", "unsupported path");
  return name;
}

async function readPolicy(request: EndpointCall, family: PolicyFamily): Promise<LogicalReply> {
  const policy = await request.open.policies.read(policyName(request));
  return policy === null ? { kind: "missing" } : { kind: "data", data: describe(policy, family) };
}

function describe(policy: PolicyText, family: PolicyFamily): JsonObject {
  const stored = policy.version > 0;
  return {
    allow_slashes_in_identity_templates: false,
    allow_wildcards_in_identity_templates: false,
    cas_required: false,
    ...(stored ? { modified: new Date(policy.modifiedAtMs).toISOString() } : {}),
    name: policy.name,
    [family.textField]: policy.text,
    version: policy.version,
  };
}

async function writePolicy(
  request: EndpointCall,
  family: PolicyFamily,
  sent: Sent<typeof OLD_WRITE_FIELDS>,
): Promise<LogicalReply> {
  const name = policyName(request);
  const given = sent.policy ?? (family.isOld ? sent.rules : undefined) ?? "";
  if (given === "") throw invalidRequest("'policy' parameter not supplied or empty");
  await request.call.vault.administer((open) => open.policies.write(name, given));
  const renamed = request.parameter("name") !== name;
  return renamed ? { kind: "data", warnings: [`policy name was converted to ${name}`] } : DONE;
}

async function deletePolicy(request: EndpointCall): Promise<LogicalReply> {
  const name = policyName(request);
  await request.call.vault.administer((open) => open.policies.remove(name));
  return DONE;
}
