/** `auth/<mount>/…` of the auth methods; the token store has endpoints of its own. */

import type { Hono } from "hono";
import type { AclPath } from "../../access/policies/acl.ts";
import type { AuthMount } from "../../access/auth_mount.ts";
import { unsupportedPath } from "../../methods/names.ts";
import type { Operation } from "../../wire/operation.ts";
import { VaultError } from "../../errors.ts";
import type { AppContext } from "../request/call.ts";
import {
  type EndpointRules,
  type LogicalCall,
  type LogicalReply,
  type Route,
} from "../request/logical.ts";
import { serveLogical } from "../request/serve_logical.ts";

/** Whoever logs in has no token yet, and a bad one is not looked at. */
const LOGIN_RULES: EndpointRules = { token: "ignored" };

export function registerAuthRoutes(app: Hono, context: AppContext): void {
  app.all("/v1/auth/*", (c) => serveLogical(c, context, (path) => routeToLogin(context, path)));
}

function routeToLogin(context: AppContext, path: string): Route {
  const { logins } = context.vault.unsealed();
  const found = logins.route(path);
  // The mount itself, without its slash, serves nothing.
  if (found === null && logins.route(`${path}/`)?.rest === "") throw unsupportedPath();
  if (found === null || found.mount.closing) {
    const text = `no handler for route "${path}". route entry not found.`;
    throw new VaultError("not_found", text);
  }
  const { mount, rest } = found;
  if (mount.type === "token") throw unsupportedPath();
  const isLogin = mount.type === "approle" ? rest === "login" : rest.startsWith("login/");
  return {
    rules: isLogin ? LOGIN_RULES : {},
    judged: (operation) => judged(mount, path, operation),
    serve: (request) => serve(request, mount, rest),
    sealWrap: mount.sealWrap,
    exists: () => exists(context, mount, rest),
  };
}

async function judged(mount: AuthMount, path: string, operation: Operation): Promise<AclPath> {
  const { judgedAtLogin } = await import("../endpoints.ts");
  return judgedAtLogin(mount, path, operation);
}

async function serve(
  request: LogicalCall,
  mount: AuthMount,
  rest: string,
): Promise<LogicalReply> {
  if (mount.type === "approle") {
    const { serveAppRole } = await import("../endpoints.ts");
    return await serveAppRole(request, mount, rest);
  }
  const { serveUserpass } = await import("../endpoints.ts");
  return await serveUserpass(request, mount, rest);
}

async function exists(context: AppContext, mount: AuthMount, rest: string): Promise<boolean> {
  const { logins } = context.vault.unsealed();
  if (mount.type === "approle") {
    const { appRoleExists } = await import("../endpoints.ts");
    return await appRoleExists(await logins.appRole(mount), rest);
  }
  const { userpassExists } = await import("../endpoints.ts");
  return await userpassExists(await logins.userpass(mount), rest);
}
