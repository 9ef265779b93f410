/** `/sys/remount`: moves a mount at once, and keeps the outcome for status requests. */

import { isPrintable } from "../../../wire/go_text.ts";
import { type Sent, text } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { readRemount, remount } from "../../../vault/mounts/remount.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

const MOVE_FIELDS = {
  from: text("path of the mount, below auth/ for an auth method"),
  to: text("its new path"),
};

/** Vault's words. Here the move is finished before the answer is sent. */
const QUEUED_WARNING =
  "Mount move has been queued. Progress will be reported in OpenBao's server " +
  "log, tagged with the returned migration_id";
export const REMOUNT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/remount", {
    update: logicalOperation(
      { summary: "Move a mount", fields: MOVE_FIELDS, needs: ["from", "to"], answers: ["data"] },
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
  const moved = await remount(call.vault, random, mountPath(from), destination(to));
  return { kind: "data", data: { migration_id: moved.id }, warnings: [QUEUED_WARNING] };
}

/** With a trailing slash, and without a leading one. */
function mountPath(text: string): string {
  return `${text.replace(/\/$/, "")}/`.replace(/^\//, "");
}

/** Throws `invalid_request` for a path that no request could reach. */
function destination(text: string): string {
  const path = mountPath(text);
  // The reference accepts the last two, and nobody can reach what it moved there.
  if (path === "" || path === "./" || path === "../") {
    throw invalidRequest(`invalid destination mount path ${JSON.stringify(text)}`);
  }
  const cleaned = `${cleanPath(path)}/`;
  if (path !== cleaned) {
    throw invalidRequest(
      `invalid destination mount: path '${path}' does not match cleaned path '${cleaned}'`,
    );
  }
  if (!isPrintable(path)) {
    throw invalidRequest("invalid destination mount: path cannot contain non-printable characters");
  }
  return path;
}

/** Like Go's `path.Clean`. */
function cleanPath(path: string): string {
  const isRooted = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!isRooted) kept.push(part);
  }
  const joined = kept.join("/");
  return isRooted ? `/${joined}` : joined === "" ? "." : joined;
}

async function status({ unsealed, parameter }: EndpointCall): Promise<LogicalReply> {
  const moved = await readRemount(unsealed.barrier, parameter("migration_id"));
  if (moved === null) return { kind: "missing" };
  const info = { source_mount: moved.from, status: "success", target_mount: moved.to };
  return { kind: "data", data: { migration_id: moved.id, migration_info: info } };
}
