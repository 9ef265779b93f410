/** `/sys/remount`: a mount moves at once, and what became of it can be asked for. */

import type { Hono } from "hono";
import { readText, requestFields } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { readRemount, remount } from "../vault/remount.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";

const STATUS = "sys/remount/status/";

export function registerRemountEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: "sys/remount",
    copiesData: true,
    sudo: true,
    operations: { update: move },
  });
  registerLogical(app, context, { path: `${STATUS}*`, operations: { read: status } });
}

async function move({ call, data }: LogicalCall): Promise<LogicalReply> {
  const fields = requestFields(data);
  const from = readText(fields, "from") ?? "";
  const to = readText(fields, "to") ?? "";
  if (from === "" || to === "") {
    throw invalidRequest("both 'from' and 'to' path must be specified as a string");
  }
  for (const [name, path] of [["from", from], ["to", to]] as const) {
    if (/^ | $/.test(path)) {
      throw invalidRequest(`'${name}' path cannot contain trailing whitespace`);
    }
  }
  const { random } = call.context;
  const moved = await remount(call.vault, random, mountPath(from), mountPath(to));
  return { kind: "data", data: { migration_id: moved.id } };
}

/** With one trailing slash and none in front. Throws for what no request path could reach. */
function mountPath(text: string): string {
  const path = `${text.replace(/^\/+|\/+$/g, "")}/`;
  if (path === "/" || /\/\/|(^|\/)\.{1,2}\/|[\p{Cc}]/u.test(path)) {
    throw invalidRequest(`invalid mount path ${JSON.stringify(text)}`);
  }
  return path;
}

async function status({ open, path }: LogicalCall): Promise<LogicalReply> {
  const moved = await readRemount(open.barrier, path.slice(STATUS.length));
  if (moved === null) return { kind: "missing" };
  const info = { source_mount: moved.from, status: "success", target_mount: moved.to };
  return { kind: "data", data: { migration_id: moved.id, migration_info: info } };
}
