/** The token that a login earns, and how it is answered. */

import type { LoginMount } from "../access/logins/login_mounts.ts";
import { type Login, loginToken } from "../access/logins/token_rules.ts";
import { invalidRequest } from "../errors.ts";
import type { LogicalCall, LogicalReply } from "./logical.ts";
import { authFields } from "./token_reply.ts";

export async function answerLogin(
  { call, open }: LogicalCall,
  mount: LoginMount,
  login: Login,
): Promise<LogicalReply> {
  const { template, warnings } = loginToken(mount, login, call.context.nowMs());
  const issued = await open.tokens.create(template);
  // The mount's tokens may have been revoked while this one was being made.
  if (!open.logins.isOpen(mount)) {
    if (template.type === "service") await open.revokeTree(issued);
    throw invalidRequest("could not log in: the auth method is being removed or moved");
  }
  const auth = authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
  return { kind: "data", data: null, auth, warnings };
}
