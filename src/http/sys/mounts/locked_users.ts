/** `/sys/locked-users*`: users locked out after too many failed logins, and unlocking them. */

import type { AuthMount } from "../../../access/auth_mount.ts";
import { Lockouts } from "../../../access/identity/lockouts.ts";
import { type Sent, text } from "../../../wire/fields.ts";
import {
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

const FILTER_FIELDS = { mount_accessor: text("the mount to look at; left out: all of them") };

export const LOCKED_USERS_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/locked-users", {
    read: logicalOperation(
      { summary: "List the users and role ids that are locked", fields: FILTER_FIELDS },
      listLocked,
    ),
  }),
  logicalEndpoint("sys/locked-users/{mount_accessor+}/unlock/{alias_identifier+}", {
    update: logicalOperation({ summary: "Unlock a user or a role id" }, unlock),
  }),
];

interface LockedOfMount {
  readonly mount_accessor: string;
  readonly counts: number;
  readonly alias_identifiers: readonly string[] | null;
}

async function listLocked(
  request: EndpointCall,
  { mount_accessor: accessor = "" }: Sent<typeof FILTER_FIELDS>,
): Promise<LogicalReply> {
  const locked = accessor === ""
    ? (await lockedOf(request, mountsOf(request))).filter(({ counts }) => counts > 0)
    : [await lockedAt(request, accessor)];
  const total = locked.reduce((sum, { counts }) => sum + counts, 0);
  const namespace = { namespace_id: "root", namespace_path: "", counts: total };
  const data = { by_namespace: [{ ...namespace, mount_accessors: locked }], total };
  return { kind: "data", data };
}

/** Most locked users first, then by accessor. */
async function lockedOf(
  request: EndpointCall,
  mounts: readonly AuthMount[],
): Promise<readonly LockedOfMount[]> {
  const all = await Promise.all(mounts.map(({ accessor }) => lockedAt(request, accessor)));
  return all.sort((left, right) =>
    right.counts - left.counts || (left.mount_accessor < right.mount_accessor ? -1 : 1)
  );
}

/** As in the reference, an unknown mount has no locked users. */
async function lockedAt(request: EndpointCall, accessor: string): Promise<LockedOfMount> {
  const aliases = await lockoutsOf(request, accessor)?.locked() ?? [];
  return {
    mount_accessor: accessor,
    counts: aliases.length,
    alias_identifiers: aliases.length === 0 ? null : aliases,
  };
}

/** Does not reveal whether the user was locked. */
async function unlock(request: EndpointCall): Promise<LogicalReply> {
  const { parameter } = request;
  await lockoutsOf(request, parameter("mount_accessor"))?.forget(parameter("alias_identifier"));
  return { kind: "done" };
}

function lockoutsOf(request: EndpointCall, accessor: string): Lockouts | null {
  const { call, unsealed } = request;
  const mount = mountsOf(request).find((candidate) => candidate.accessor === accessor);
  return mount === undefined ? null : new Lockouts(unsealed.barrier, mount, call.context.nowMs);
}

function mountsOf({ unsealed }: EndpointCall): readonly AuthMount[] {
  return unsealed.logins.list();
}
