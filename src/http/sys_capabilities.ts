/** `/sys/capabilities*`: what a token may do at given paths. */

import type { Hono } from "hono";
import type { Acl } from "../access/acl.ts";
import { type Fields, readText, readTextList, requestFields } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { oneError } from "./errors.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";

export function registerCapabilityEndpoints(app: Hono, context: AppContext): void {
  const register = (
    path: string,
    acl: (request: LogicalCall, fields: Fields) => Promise<Acl>,
  ): void =>
    registerLogical(app, context, {
      path,
      copiesData: true,
      operations: {
        update: async (request) => {
          const fields = requestFields(request.data);
          return answer(await acl(request, fields), fields);
        },
      },
    });
  register("sys/capabilities-self", async ({ acl }) => acl);
  register("sys/capabilities", ofToken);
  register("sys/capabilities-accessor", ofAccessor);
}

async function ofToken({ open }: LogicalCall, fields: Fields): Promise<Acl> {
  const id = readText(fields, "token") ?? "";
  if (id === "") throw invalidRequest(oneError("no token found"));
  const stored = await open.tokens.find(id);
  if (stored === null) throw invalidRequest(oneError("invalid token"));
  return await open.policies.acl(stored.token.policies);
}

async function ofAccessor({ open }: LogicalCall, fields: Fields): Promise<Acl> {
  const accessor = readText(fields, "accessor") ?? "";
  if (accessor === "") throw invalidRequest("missing accessor");
  const stored = await open.tokens.findByAccessor(accessor);
  if (stored === null) throw invalidRequest(oneError("invalid accessor"));
  return await open.policies.acl(stored.token.policies);
}

function answer(acl: Acl, fields: Fields): LogicalReply {
  const paths = [...readTextList(fields, "paths") ?? [], ...readTextList(fields, "path") ?? []];
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
