/** `/sys/policies/password/*`: named rules for generating passwords. */

import { generatePassword, parsePasswordPolicy } from "../../../access/policies/password_policy.ts";
import { PasswordPolicyStore } from "../../../access/policies/password_policies.ts";
import { policyText } from "../../../access/policies/policy_text.ts";
import { text } from "../../../wire/fields.ts";
import { VaultError } from "../../../errors.ts";
import { listedMistake, listingMistakes, multiError } from "../../../wire/multi_error.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

export const PASSWORD_POLICY_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/policies/password", {
    list: logicalOperation({ summary: "List the password policies" }, listNames),
  }),
  logicalEndpoint("sys/policies/password/{name+}/generate", {
    read: logicalOperation({ summary: "Generate a password by a policy" }, generate),
  }),
  logicalEndpoint("sys/policies/password/{name+}", {
    read: logicalOperation(
      { summary: "Read a password policy" },
      async (request) => ({ kind: "data", data: { policy: await storedText(request) } }),
    ),
    update: logicalOperation(
      {
        summary: "Write a password policy",
        fields: { policy: text("the policy in HCL or JSON, or base64 of either") },
      },
      async (request, sent) => await write(request, sent.policy ?? ""),
    ),
    delete: logicalOperation({ summary: "Delete a password policy" }, remove),
  }),
];

async function listNames({ unsealed }: EndpointCall): Promise<LogicalReply> {
  const keys = await storeOf(unsealed).list();
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function generate(request: EndpointCall): Promise<LogicalReply> {
  const given = await storedText(request);
  const { random } = request.call.context;
  const password = listingMistakes(() => generatePassword(parsePasswordPolicy(given), random));
  return { kind: "data", data: { password } };
}

async function write({ call, parameter }: EndpointCall, given: string): Promise<LogicalReply> {
  if (given === "") throw listedMistake("missing policy");
  const decoded = policyText(given);
  listingMistakes(() => parsePasswordPolicy(decoded));
  await call.vault.administer((unsealed) => storeOf(unsealed).write(parameter("name"), decoded));
  return DONE;
}

async function remove({ call, parameter }: EndpointCall): Promise<LogicalReply> {
  await call.vault.administer((unsealed) => storeOf(unsealed).remove(parameter("name")));
  return DONE;
}

async function storedText({ unsealed, parameter }: EndpointCall): Promise<string> {
  const found = await storeOf(unsealed).read(parameter("name"));
  if (found === null) throw new VaultError("not_found", multiError(["policy does not exist"]));
  return found;
}

function storeOf({ barrier }: EndpointCall["unsealed"]): PasswordPolicyStore {
  return new PasswordPolicyStore(barrier);
}
