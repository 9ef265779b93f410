/** Where policies would judge an operation on any path, for the capabilities endpoints. */

import type { AclPath } from "../../access/policies/acl.ts";
import type { Operation } from "../../wire/operation.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import { judgedOnMount } from "./engine_routes.ts";
import { findEndpoint, judgedEndpoint, type SystemTables } from "../request/find_endpoint.ts";
import { judgedLiteral } from "../../access/policies/judged_path.ts";

/** Finds what serves the path once, for all operations. An unserved path is judged as written. */
export function judgedAnywhere(
  unsealed: UnsealedVault,
  tables: SystemTables,
  asked: string,
): (operation: Operation) => AclPath | Promise<AclPath> {
  const path = asked.replace(/^\/+/, "");
  if (/^(sys|identity|auth\/token)\//.test(path)) {
    const found = findEndpoint(tables.logical, path);
    if (found !== null) return (operation) => judgedEndpoint(unsealed, found, path, operation);
    const withoutSlash = path.replace(/\/$/, "");
    const raw = tables.raw.find((each) => each.slashAlias === true && each.path === withoutSlash);
    const judged = raw === undefined ? { path } : judgedLiteral(raw.path, path);
    return () => judged;
  }
  if (path.startsWith("auth/")) {
    const login = unsealed.logins.route(path);
    if (login === null) return () => ({ path });
    const { mount } = login;
    return async (operation) =>
      (await unsealed.logins.methodOf(mount))?.judged(mount, path, operation) ?? { path };
  }
  const mount = unsealed.mounts.route(path)?.mount;
  const engine = mount === undefined ? null : unsealed.mounts.engine(mount);
  if (mount === undefined || engine === null) return () => ({ path });
  return (operation) => judgedOnMount(engine, mount, path, operation);
}
