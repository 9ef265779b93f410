/** Routes every path without an endpoint: to a mounted engine, or to an error. */

import type { Hono } from "hono";
import type { AclPath } from "../../access/policies/acl.ts";
import type { EngineReply } from "../../engines/engine.ts";
import type { Operation } from "../../wire/operation.ts";
import { findPath, storedParameters } from "../../wire/served_path.ts";
import { VaultError } from "../../errors.ts";
import { LEASE_DEFAULT_SECONDS } from "../../limits.ts";
import type { ServedEngine } from "../../engines/engine_module.ts";
import type { Mount } from "../../vault/mounts/mount_record.ts";
import type { AppContext } from "../request/call.ts";
import { judgedPath } from "../../access/policies/judged_path.ts";
import type { LogicalCall, LogicalReply, Route } from "../request/logical.ts";
import { serveLogical } from "../request/serve_logical.ts";

export function registerEngineRoutes(app: Hono, context: AppContext): void {
  app.all("/v1/*", (c) => serveLogical(c, context, (path) => routeToEngine(context, path)));
}

function routeToEngine(context: AppContext, path: string): Route {
  const { mounts } = context.vault.unsealed();
  if (/^(sys|auth\/token)(\/|$)/.test(path)) {
    throw new VaultError("unsupported_path", "unsupported path");
  }
  // A mount's path also works without its trailing slash.
  const found = mounts.route(path) ?? mounts.route(`${path}/`);
  if (found === null) {
    const text = `no handler for route "${path}". route entry not found.`;
    throw new VaultError("not_found", text);
  }
  const { mount } = found;
  const engine = mounts.engine(mount);
  if (engine === null) throw new VaultError("unsupported_path", "unsupported path");
  const rest = (full: string): string => full.slice(mount.path.length);
  return {
    rules: {},
    judged: (operation) => judgedOnMount(engine, mount, path, operation),
    serve: (request) => serve(engine, mount, rest(request.path), request),
    explain: async () => {
      const served = findPath(await engine.paths(), rest(path))?.served;
      return served === undefined ? null : { asked: rest(path), served };
    },
    sealWrap: mount.sealWrap,
    exists: (full, tokenScope) => engine.exists(rest(full), tokenScope),
  };
}

/** The path at which policies judge an operation on a mount. */
export async function judgedOnMount(
  engine: ServedEngine,
  mount: Mount,
  path: string,
  operation: Operation,
): Promise<AclPath> {
  // The mount's own path without its slash is not a path on the mount.
  const found = path.startsWith(mount.path)
    ? findPath(await engine.paths(), path.slice(mount.path.length))
    : null;
  if (found === null) return { path };
  const { served, parameters } = found;
  const stored = storedParameters(served, parameters, operation);
  const alias = await served.alias?.(stored) ?? null;
  const whole = alias === null ? null : mount.path + alias;
  return judgedPath({ served, parameters, prefix: mount.path, path }, operation, whole);
}

async function serve(
  engine: ServedEngine,
  mount: Mount,
  path: string,
  request: LogicalCall,
): Promise<LogicalReply> {
  const { call, operation, data } = request;
  const lease = mount.config.defaultLeaseSeconds;
  const reply = await engine.handle({
    operation,
    path,
    data,
    tokenScope: call.token?.token.scope ?? "",
    tokenType: call.token?.token.type ?? null,
    nowMs: call.context.nowMs(),
    defaultLeaseSeconds: lease === 0 ? LEASE_DEFAULT_SECONDS : lease,
  });
  return asReply(reply);
}

function asReply(reply: EngineReply): LogicalReply {
  switch (reply.kind) {
    case "done":
      return { kind: "done" };
    case "data":
      return {
        kind: "data",
        status: reply.failedItems === undefined ? 200 : reply.failedItems.responseCode ?? 400,
        data: reply.data,
        leaseSeconds: reply.leaseSeconds ?? 0,
        warnings: reply.warnings,
      };
    case "missing":
      if (reply.withoutBody === true) return { kind: "missing", withoutBody: true };
      if (reply.data === undefined && reply.warnings === undefined) return { kind: "missing" };
      return { kind: "data", status: 404, data: reply.data ?? null, warnings: reply.warnings };
  }
}
