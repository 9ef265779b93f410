/** `/sys/capabilities*`: what a token may do at given paths. */

import { type Acl, ACL_OPERATIONS, type AclPath } from "../../../access/policies/acl.ts";
import type { StoredToken } from "../../../access/tokens/token.ts";
import { pause } from "../../../crypto/pause.ts";
import {
  anything,
  coerceText,
  type Sent,
  text,
  textList,
  VALIDATION_FAILED,
} from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { listedMistake } from "../../../wire/multi_error.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import {
  type EndpointRules,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import type { Operation } from "../../../wire/operation.ts";

const PATHS = {
  paths: textList("paths to ask about"),
  path: textList("the same under its older name; left out where `paths` are given"),
};
const TOKEN = { ...PATHS, token: anything("token to ask about", "text") };
const ACCESSOR = { ...PATHS, accessor: text("accessor of the token to ask about") };

type Paths = Sent<typeof PATHS>;

const RULES: EndpointRules = { copiesData: true };

/** Where policies would judge an operation on a path. Looks the path up once for all operations. */
type JudgePath = (
  unsealed: UnsealedVault,
  path: string,
) => (operation: Operation) => AclPath | Promise<AclPath>;

export function capabilityEndpoints(judgePath: JudgePath): readonly LogicalEndpoint[] {
  return [
    logicalEndpoint("sys/capabilities-self", {
      update: logicalOperation(
        {
          summary: "Tell what the request's token may do at paths",
          fields: { ...PATHS, token: text("ignored: the request's own token is meant") },
          answers: ["data"],
        },
        ({ acl, unsealed }, sent) => answer(unsealed, judgePath, acl, pathsOf(sent)),
      ),
    }, RULES),
    logicalEndpoint("sys/capabilities", {
      update: logicalOperation(
        { summary: "Tell what a token may do at paths", fields: TOKEN, answers: ["data"] },
        async ({ unsealed }, sent) => {
          const id = tokenOf(sent.token);
          const paths = pathsOf(sent);
          const acl = await aclOf(unsealed, await unsealed.tokens.find(id), "invalid token");
          return await answer(unsealed, judgePath, acl, paths);
        },
      ),
    }, RULES),
    logicalEndpoint("sys/capabilities-accessor", {
      update: logicalOperation(
        { summary: "Tell what a token may do at paths", fields: ACCESSOR, answers: ["data"] },
        async ({ unsealed }, sent) => {
          const accessor = sent.accessor ?? "";
          if (accessor === "") throw invalidRequest("missing accessor");
          const paths = pathsOf(sent);
          const stored = await unsealed.tokens.findByAccessor(accessor);
          const acl = await aclOf(unsealed, stored, "invalid accessor");
          return await answer(unsealed, judgePath, acl, paths);
        },
      ),
    }, RULES),
  ];
}

/** A number is a valid text elsewhere, but does not name a token. */
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
  unsealed: UnsealedVault,
  stored: StoredToken | null,
  refusal: string,
): Promise<Acl> {
  if (stored === null) throw listedMistake(refusal);
  return await unsealed.policies.acl(stored.token.policies, stored.token.entityId);
}

function pathsOf({ paths = [], path = [] }: Paths): readonly string[] {
  const asked = paths.length > 0 ? paths : path;
  if (asked.length === 0) throw invalidRequest("paths must be supplied");
  return asked;
}

/** A policy may have many patterns with `+`, and each is tried on each path. */
const PATHS_WITHOUT_PAUSE = 50;

async function answer(
  unsealed: UnsealedVault,
  judgePath: JudgePath,
  acl: Acl,
  paths: readonly string[],
): Promise<LogicalReply> {
  if (paths.includes("")) throw listedMistake("missing path");
  const found: [string, readonly string[]][] = [];
  for (const path of paths) {
    if (found.length % PATHS_WITHOUT_PAUSE === PATHS_WITHOUT_PAUSE - 1) await pause();
    found.push([path, await capabilitiesAt(unsealed, judgePath, acl, path)]);
  }
  const answers = Object.fromEntries(found);
  const [only] = paths;
  return {
    kind: "data",
    data: paths.length === 1 && only !== undefined
      ? { ...answers, capabilities: answers[only] }
      : answers,
  };
}

/** The capabilities of requests on the path, each judged where policies would judge it. */
async function capabilitiesAt(
  unsealed: UnsealedVault,
  judgePath: JudgePath,
  acl: Acl,
  path: string,
): Promise<readonly string[]> {
  if (acl.isRoot) return acl.capabilities(path);
  const judge = judgePath(unsealed, path);
  const judged = await Promise.all(
    ACL_OPERATIONS.map(async (operation) => [operation, await judge(operation)] as const),
  );
  const places = new Map(judged);
  return acl.capabilities(path, (operation) => places.get(operation) ?? { path });
}
