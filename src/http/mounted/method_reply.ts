/** Turns a login method's answer into a logical reply. A login becomes a token here. */

import { logIn, type LoginPorts } from "../../vault/login/log_in.ts";
import type { MethodReply } from "../../methods/method.ts";
import { type LogicalReply, tidied } from "../request/logical.ts";
import { authFields } from "../request/auth_fields.ts";

export { refuseLocked } from "../../vault/login/log_in.ts";

/** Throws what `logIn` throws. */
export async function answerMethod(ports: LoginPorts, reply: MethodReply): Promise<LogicalReply> {
  switch (reply.kind) {
    case "done":
      return reply;
    case "data":
      return { kind: "data", data: reply.data, warnings: reply.warnings };
    case "missing":
      if (reply.data === undefined) return { kind: "missing" };
      // An error within the envelope.
      return { kind: "data", status: 404, data: reply.data, warnings: reply.warnings };
    case "tidied":
      return tidied("OpenBao's server", reply.warnings);
    case "login": {
      const { issued, warnings } = await logIn(ports, reply.outcome);
      const auth = authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
      return { kind: "data", data: null, auth, warnings: [...warnings, ...reply.warnings ?? []] };
    }
  }
}
