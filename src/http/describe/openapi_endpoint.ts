/**
 * `/sys/internal/specs/openapi`: every route of this vault. All callers see the system's own
 * routes. A token also sees the mounts it may use.
 */

import type { AuthMount } from "../../access/auth_mount.ts";
import { boolean, text } from "../../wire/fields.ts";
import type { Mount } from "../../vault/mounts/mount_record.ts";
import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../request/logical.ts";
import { describeApi, type Described, type DescribedMount } from "./openapi.ts";
import { encodePath } from "./openapi_names.ts";
import type { SystemTables } from "../request/find_endpoint.ts";
import { mayUse } from "../sys/mounts/internal_ui.ts";
import { OPENAPI_TEXTS_CACHED_MAX } from "../../limits.ts";

const FIELDS = {
  generic_mount_paths: boolean("write {…_mount_path} for the path of a mount"),
  context: text("as sent; nothing depends on it"),
};

export function openApiEndpoint(tables: () => SystemTables): LogicalEndpoint {
  return logicalEndpoint("sys/internal/specs/openapi", {
    read: logicalOperation(
      { summary: "Describe the API in OpenAPI", fields: FIELDS, answers: ["document"] },
      async (request, { generic_mount_paths: isGeneric = false }): Promise<LogicalReply> => {
        const { raw: bare, logical } = tables();
        const mounts = [
          { prefix: "", kind: "", tag: "system" as const, paths: logical },
          ...await secretMounts(request, isGeneric),
          ...await loginMounts(request, isGeneric),
        ];
        const { version } = request.call.context.options;
        const text = describedText({ version, raw: bare, mounts });
        return { kind: "data", raw: { contentType: "application/json", text } };
      },
    ),
  }, { token: "optional" });
}

/** For mounts that are served by the system's own endpoints. */
const NO_PATHS: DescribedMount["paths"] = [];

/** A description takes 20 ms to make and about 500 KB to keep, and anyone may ask for it. */
const TEXTS = new Map<string, string>();

function describedText(described: Described): string {
  const { version, raw, mounts } = described;
  const parts = [raw, ...mounts.map(({ paths }) => paths)].map(numberOf);
  const key = JSON.stringify([version, parts, mounts.map(({ prefix, tag }) => [prefix, tag])]);
  const text = TEXTS.get(key) ?? `${JSON.stringify(describeApi(described))}\n`;
  // Move it to the end: the least recently used text is evicted first.
  TEXTS.delete(key);
  TEXTS.set(key, text);
  const [oldest] = TEXTS.keys();
  if (TEXTS.size > OPENAPI_TEXTS_CACHED_MAX && oldest !== undefined) TEXTS.delete(oldest);
  return text;
}

/** Tables never change, so each is identified by a number. */
const NUMBERS = new WeakMap<object, number>();
let tableCount = 0;

function numberOf(table: object): number {
  const number = NUMBERS.get(table) ?? tableCount++;
  NUMBERS.set(table, number);
  return number;
}

async function secretMounts(
  request: LogicalCall,
  isGeneric: boolean,
): Promise<readonly DescribedMount[]> {
  const { mounts } = request.unsealed;
  const usable = request.call.token === null
    ? []
    : mounts.list().filter((mount) => mayUse(request, mount.path));
  const described = usable.map(async (mount) => ({
    prefix: prefixOf(mount, isGeneric && mount.type !== "cubbyhole"),
    kind: mount.type,
    tag: "secrets" as const,
    paths: await mounts.engine(mount)?.paths() ?? NO_PATHS,
  }));
  return await Promise.all(described);
}

async function loginMounts(
  request: LogicalCall,
  isGeneric: boolean,
): Promise<readonly DescribedMount[]> {
  const { logins } = request.unsealed;
  const usable = logins.list().filter((mount) =>
    mount.config.listingVisibility === "unauth" ||
    (request.call.token !== null && mayUse(request, `auth/${mount.path}`))
  );
  const described = usable.map(async (mount) => ({
    prefix: `auth/${prefixOf(mount, isGeneric)}`,
    kind: mount.type,
    tag: "auth" as const,
    paths: (await logins.methodOf(mount))?.paths ?? NO_PATHS,
  }));
  return await Promise.all(described);
}

function prefixOf({ path }: Pick<Mount | AuthMount, "path">, isGeneric: boolean): string {
  return isGeneric
    ? `{${path.slice(0, -1).replaceAll(/\W/g, "_")}_mount_path+}/`
    : encodePath(path);
}
