/**
 * Backups of PGP-encrypted shares, one per target, whichever family's path is used. Each holder's
 * copy has its own path, so that policies can grant holders only theirs. `?fingerprint=` is another
 * way to write that path, and policies judge it as that path.
 */

import type { AclPath } from "../../../access/policies/acl.ts";
import type { CeremonyTarget } from "../../../ceremony/state.ts";
import { decodeHex, encodeBase64 } from "../../../crypto/bytes.ts";
import type { Operation } from "../../../wire/operation.ts";
import { text } from "../../../wire/fields.ts";
import { findPath } from "../../../wire/served_path.ts";
import { invalidRequest } from "../../../errors.ts";
import type { Call } from "../../request/call.ts";
import { judgedPath } from "../../../access/policies/judged_path.ts";
import {
  DONE,
  type EndpointCall,
  type EndpointRules,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { CASELESS } from "../../../access/policies/name_spellings.ts";

const PATHS: Readonly<Record<CeremonyTarget, readonly string[]>> = {
  barrier: ["sys/rekey/backup", "sys/rotate/root/backup"],
  recovery: [
    "sys/rekey/recovery-key-backup",
    "sys/rekey-recovery-key/backup",
    "sys/rotate/recovery/backup",
  ],
};

const DETAIL = { detail: text("tell also whether the shares are still in force") };
const HOLDER = { fingerprint: text("PGP fingerprint of one holder; left out: all holders") };

const RULES: EndpointRules = { copiesData: true, slashAlias: true };

/** Of a version 4 or version 6 key. */
const FINGERPRINT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export const BACKUP_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...PATHS.barrier.flatMap((path) => endpoints(path, "barrier")),
  ...PATHS.recovery.flatMap((path) => endpoints(path, "recovery")),
];

function endpoints(path: string, target: CeremonyTarget): readonly LogicalEndpoint[] {
  const holder = logicalEndpoint(
    `${path}/{fingerprint}`,
    {
      read: logicalOperation(
        { summary: "Read the PGP-encrypted shares of one holder", fields: DETAIL },
        (request) => read(request, target, request.parameter("fingerprint")),
      ),
      delete: logicalOperation(
        { summary: "Confirm that a holder has their shares, and delete the copy", fields: DETAIL },
        (request) => remove(request, target, request.parameter("fingerprint")),
      ),
    },
    RULES,
    { fingerprint: CASELESS },
  );
  return [
    logicalEndpoint(path, {
      read: logicalOperation(
        {
          summary: "Read the PGP-encrypted shares of the last ceremony",
          fields: { ...HOLDER, ...DETAIL },
        },
        (request, { fingerprint = null }) => read(request, target, fingerprint),
      ),
      delete: logicalOperation(
        { summary: "Delete the backup, or one holder's copy", fields: { ...HOLDER, ...DETAIL } },
        (request, { fingerprint = null }) => remove(request, target, fingerprint),
      ),
    }, {
      ...RULES,
      judgedAs: (operation, { fingerprint }) => judgedAsHolder(holder, operation, fingerprint),
    }),
    holder,
  ];
}

/** Null, for the path of all holders, unless exactly one fingerprint is given. */
function judgedAsHolder(
  holder: LogicalEndpoint,
  operation: Operation,
  fingerprint: unknown,
): AclPath | null {
  if (typeof fingerprint !== "string") return null;
  const path = holder.template.replace("{fingerprint}", fingerprint);
  const found = findPath([holder], path);
  if (found === null) return { path };
  return judgedPath({ ...found, prefix: "", path, slashAlias: true }, operation);
}

async function read(
  { call, unsealed }: EndpointCall,
  target: CeremonyTarget,
  fingerprint: string | null,
): Promise<LogicalReply> {
  const rekey = unsealed.rekey(target);
  const holder = fingerprint?.toLowerCase() ?? null;
  const isUnknown = holder !== null && !FINGERPRINT.test(holder);
  const backup = isUnknown ? null : await rekey.delivery.read(await rekey.state(), holder);
  if (backup === null) throw invalidRequest("no backed-up keys found");
  const base64 = Object.entries(backup.shares).map(([name, messages]) =>
    [
      name,
      messages.map((message) => encodeBase64(decodeHex(message) ?? new Uint8Array())),
    ] as const
  );
  return {
    kind: "data",
    data: {
      nonce: backup.ceremonyId,
      keys: backup.shares,
      keys_base64: Object.fromEntries(base64),
      ...(call.wantsDetail ? { stale: backup.stale } : {}),
    },
  };
}

/** An unknown name or a body may have been meant to select a single copy: nothing is deleted. */
async function refuseOtherNames(call: Call, data: EndpointCall["data"]): Promise<void> {
  const unknown = Object.keys({ ...data, ...await call.body() })
    .filter((name) => data[name] === undefined || !(name in HOLDER || name in DETAIL));
  if (unknown.length === 0) return;
  throw invalidRequest("nothing was deleted: only the query parameter fingerprint names a copy");
}

/** An empty fingerprint, as from an unset shell variable, does not mean "all holders". */
async function remove(
  { call, data }: EndpointCall,
  target: CeremonyTarget,
  fingerprint: string | null,
): Promise<LogicalReply> {
  await refuseOtherNames(call, data);
  const holder = fingerprint?.toLowerCase() ?? null;
  if (holder !== null && !FINGERPRINT.test(holder)) {
    throw invalidRequest("fingerprint must be 40 or 64 hexadecimal digits");
  }
  await call.vault.administer((unsealed) => unsealed.rekey(target).deleteBackup(holder));
  return DONE;
}
