/** `/sys/remount`: a mount moves at once, and what became of it can be asked for. */

import { type Sent, text } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { readRemount, remount } from "../vault/remount.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";

const MOVE_FIELDS = {
  from: text("path of the mount, below auth/ for an auth method"),
  to: text("its new path"),
};

export const REMOUNT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/remount", {
    update: logicalOperation(
      { summary: "Move a mount", fields: MOVE_FIELDS, answers: ["data"] },
      move,
    ),
  }, { copiesData: true, sudo: true }),
  logicalEndpoint("sys/remount/status/{migration_id+}", {
    read: logicalOperation({ summary: "Show what became of a move" }, status),
  }),
];

async function move(
  { call }: LogicalCall,
  { from = "", to = "" }: Sent<typeof MOVE_FIELDS>,
): Promise<LogicalReply> {
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

async function status({ open, parameter }: EndpointCall): Promise<LogicalReply> {
  const moved = await readRemount(open.barrier, parameter("migration_id"));
  if (moved === null) return { kind: "missing" };
  const info = { source_mount: moved.from, status: "success", target_mount: moved.to };
  return { kind: "data", data: { migration_id: moved.id, migration_info: info } };
}
