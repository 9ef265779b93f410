/** `auth/<mount>/…` of the auth methods. The token store has its own endpoints. */

import type { Hono } from "hono";
import type { AuthMount } from "../../access/auth_mount.ts";
import type { AuthMethod } from "../../methods/method.ts";
import { unsupportedPath } from "../../methods/names.ts";
import { VaultError } from "../../errors.ts";
import type { AppContext } from "../request/call.ts";
import {
  type EndpointRules,
  type LogicalCall,
  type LogicalReply,
  type Route,
} from "../request/logical.ts";
import { serveLogical } from "../request/serve_logical.ts";
import { authMethod, isLoginPath } from "../../methods/methods.ts";

/** A login needs no token, and a bad one is ignored. */
const LOGIN_RULES: EndpointRules = { token: "ignored" };

export function registerAuthRoutes(app: Hono, context: AppContext): void {
  app.all("/v1/auth/*", (c) => serveLogical(c, context, (path) => routeToLogin(context, path)));
}

function routeToLogin(context: AppContext, path: string): Route {
  const { logins } = context.vault.unsealed();
  const found = logins.route(path);
  // A mount's own path without its slash serves nothing.
  if (found === null && logins.route(`${path}/`)?.rest === "") throw unsupportedPath();
  if (found === null || found.mount.closing) {
    const text = `no handler for route "${path}". route entry not found.`;
    throw new VaultError("not_found", text);
  }
  const { mount, rest } = found;
  const row = authMethod(mount.type);
  if (row === null) throw unsupportedPath();
  const method = () => logins.method(mount, row);
  return {
    rules: isLoginPath(row, rest) ? LOGIN_RULES : {},
    judged: async (operation) => (await method()).judged(mount, path, operation),
    serve: async (request) => await serve(await method(), mount, rest, request),
    sealWrap: mount.sealWrap,
    exists: async () => await (await method()).exists(rest),
  };
}

async function serve(
  method: AuthMethod,
  mount: AuthMount,
  path: string,
  { call, unsealed, operation, data }: LogicalCall,
): Promise<LogicalReply> {
  const { answerMethod, refuseLocked } = await import("./method_reply.ts");
  const ports = { unsealed, mount, nowMs: call.context.nowMs };
  const client = { address: call.remoteAddress, signal: call.signal };
  const reply = await method.handle(
    { mount, operation, path, data, client },
    (alias) => refuseLocked(ports, alias),
  );
  return await answerMethod(ports, reply);
}
