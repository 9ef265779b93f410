/** `/sys/policies/acl` and its elder `/sys/policy`. */

import type { Hono } from "hono";
import type { PolicyText } from "../access/policies.ts";
import { readText, requestFields } from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
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

export function registerPolicyEndpoints(app: Hono, context: AppContext): void {
  for (const family of FAMILIES) {
    const copiesData = family.isOld;
    const list = (request: LogicalCall) => listPolicies(request, family);
    registerLogical(app, context, {
      path: family.prefix,
      copiesData,
      operations: family.isOld ? { list, read: list } : { list },
    });
    registerLogical(app, context, { path: `${family.prefix}/`, copiesData, operations: { list } });
    registerLogical(app, context, {
      path: `${family.prefix}/*`,
      copiesData,
      operations: {
        read: (request) => readPolicy(request, family),
        update: (request) => writePolicy(request, family),
        delete: (request) => deletePolicy(request, family),
      },
    });
  }
}

async function listPolicies({ open }: LogicalCall, family: PolicyFamily): Promise<LogicalReply> {
  const keys = await open.policies.list();
  return { kind: "data", data: family.isOld ? { keys, policies: keys } : { keys } };
}

/** The name in a path, as it is stored. */
function policyName(path: string, family: PolicyFamily): string {
  const name = path.slice(family.prefix.length + 1).toLowerCase();
  if (name === "" || name.endsWith("/")) {
    throw new VaultError("unsupported_path", "unsupported path");
  }
  return name;
}

async function readPolicy(request: LogicalCall, family: PolicyFamily): Promise<LogicalReply> {
  const policy = await request.open.policies.read(policyName(request.path, family));
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
  { call, path, data }: LogicalCall,
  family: PolicyFamily,
): Promise<LogicalReply> {
  const name = policyName(path, family);
  const fields = requestFields(data);
  const given = readText(fields, "policy") ??
    (family.isOld ? readText(fields, "rules") : undefined);
  if (given === undefined || given === "") {
    throw invalidRequest("'policy' parameter not supplied or empty");
  }
  await call.vault.administer((open) => open.policies.write(name, given));
  const renamed = path.slice(family.prefix.length + 1) !== name;
  return renamed ? { kind: "data", warnings: [`policy name was converted to ${name}`] } : DONE;
}

async function deletePolicy(
  { call, path }: LogicalCall,
  family: PolicyFamily,
): Promise<LogicalReply> {
  await call.vault.administer((open) => open.policies.remove(policyName(path, family)));
  return DONE;
}
