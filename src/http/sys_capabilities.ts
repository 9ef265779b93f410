/** `/sys/capabilities*`: what a token may do at given paths. */

import type { Acl } from "../access/acl.ts";
import type { StoredToken } from "../access/token.ts";
import {
  anything,
  coerceText,
  type Sent,
  text,
  textList,
  VALIDATION_FAILED,
} from "../engines/fields.ts";
import { invalidRequest, listedMistake } from "../errors.ts";
import type { OpenVault } from "../vault/open_vault.ts";
import {
  type EndpointRules,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";

const PATHS = {
  paths: textList("paths to ask about"),
  path: textList("the same under its older name; left out where `paths` are given"),
};
const TOKEN = { ...PATHS, token: anything("token to ask about, as text") };
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
      async ({ acl }, sent) => answer(acl, pathsOf(sent)),
    ),
  }, RULES),
  logicalEndpoint("sys/capabilities", {
    update: logicalOperation(
      { summary: "Tell what a token may do at paths", fields: TOKEN, answers: ["data"] },
      async ({ open }, sent) => {
        const id = tokenOf(sent.token);
        const paths = pathsOf(sent);
        return answer(await aclOf(open, await open.tokens.find(id), "invalid token"), paths);
      },
    ),
  }, RULES),
  logicalEndpoint("sys/capabilities-accessor", {
    update: logicalOperation(
      { summary: "Tell what a token may do at paths", fields: ACCESSOR, answers: ["data"] },
      async ({ open }, sent) => {
        const accessor = sent.accessor ?? "";
        if (accessor === "") throw invalidRequest("missing accessor");
        const paths = pathsOf(sent);
        const stored = await open.tokens.findByAccessor(accessor);
        return answer(await aclOf(open, stored, "invalid accessor"), paths);
      },
    ),
  }, RULES),
];

/** A number is a text elsewhere, but names no token. */
function tokenOf(sent: unknown): string {
  if (typeof sent === "string" && sent !== "") return sent;
  if (sent === undefined || coerceText(sent) !== null) {
    throw listedMistake("no token found");
  }
  const got = Array.isArray(sent) ? "list" : "object";
  throw invalidRequest(
    `${VALIDATION_FAILED}error converting input for field "token": expected text, got ${got}`,
  );
}

async function aclOf(
  open: OpenVault,
  stored: StoredToken | null,
  refusal: string,
): Promise<Acl> {
  if (stored === null) throw listedMistake(refusal);
  return await open.policies.acl(stored.token.policies, stored.token.entityId);
}

function pathsOf({ paths = [], path = [] }: Paths): readonly string[] {
  const asked = paths.length > 0 ? paths : path;
  if (asked.length === 0) throw invalidRequest("paths must be supplied");
  return asked;
}

function answer(acl: Acl, paths: readonly string[]): LogicalReply {
  if (paths.includes("")) throw listedMistake("missing path");
  const answers = Object.fromEntries(paths.map((path) => [path, acl.capabilities(path)]));
  const [only] = paths;
  return {
    kind: "data",
    data: paths.length === 1 && only !== undefined
      ? { ...answers, capabilities: answers[only] }
      : answers,
  };
}
