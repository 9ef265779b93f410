/** `/sys/capabilities*`: what a token may do at given paths. */

import type { Acl } from "../access/acl.ts";
import { type Sent, text, textList } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import type { OpenVault } from "../vault/open_vault.ts";
import { oneError } from "./errors.ts";
import {
  type EndpointRules,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";

const PATHS = {
  paths: textList("paths to ask about"),
  path: textList("the same under its older name"),
};
const TOKEN = { ...PATHS, token: text("token to ask about") };
const ACCESSOR = { ...PATHS, accessor: text("accessor of the token to ask about") };

type Paths = Sent<typeof PATHS>;

const RULES: EndpointRules = { copiesData: true };

export const CAPABILITY_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/capabilities-self", {
    update: logicalOperation(
      {
        summary: "Tell what the request's token may do at paths",
        fields: { ...PATHS, token: text("ignored: the request's own token is meant") },
        answers: ["data"],
      },
      async ({ acl }, sent) => answer(acl, sent),
    ),
  }, RULES),
  logicalEndpoint("sys/capabilities", {
    update: logicalOperation(
      { summary: "Tell what a token may do at paths", fields: TOKEN, answers: ["data"] },
      async ({ open }, sent) => answer(await ofToken(open, sent.token ?? ""), sent),
    ),
  }, RULES),
  logicalEndpoint("sys/capabilities-accessor", {
    update: logicalOperation(
      { summary: "Tell what a token may do at paths", fields: ACCESSOR, answers: ["data"] },
      async ({ open }, sent) => answer(await ofAccessor(open, sent.accessor ?? ""), sent),
    ),
  }, RULES),
];

async function ofToken(open: OpenVault, id: string): Promise<Acl> {
  if (id === "") throw invalidRequest(oneError("no token found"));
  const stored = await open.tokens.find(id);
  if (stored === null) throw invalidRequest(oneError("invalid token"));
  return await open.policies.acl(stored.token.policies);
}

async function ofAccessor(open: OpenVault, accessor: string): Promise<Acl> {
  if (accessor === "") throw invalidRequest("missing accessor");
  const stored = await open.tokens.findByAccessor(accessor);
  if (stored === null) throw invalidRequest(oneError("invalid accessor"));
  return await open.policies.acl(stored.token.policies);
}

function answer(acl: Acl, sent: Paths): LogicalReply {
  const paths = [...sent.paths ?? [], ...sent.path ?? []];
  if (paths.length === 0) throw invalidRequest("paths must be supplied");
  const answers = Object.fromEntries(paths.map((path) => [path, acl.capabilities(path)]));
  const [only] = paths;
  return {
    kind: "data",
    data: paths.length === 1 && only !== undefined
      ? { ...answers, capabilities: answers[only] }
      : answers,
  };
}
