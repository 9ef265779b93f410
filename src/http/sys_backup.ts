/** Backups of PGP-encrypted shares: one per target, whichever family's path is used. */

import type { CeremonyTarget } from "../ceremony/state.ts";
import { decodeHex, encodeBase64 } from "../crypto/bytes.ts";
import { text } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import {
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";

const PATHS: Readonly<Record<CeremonyTarget, readonly string[]>> = {
  barrier: ["sys/rekey/backup", "sys/rotate/root/backup"],
  recovery: [
    "sys/rekey/recovery-key-backup",
    "sys/rekey-recovery-key/backup",
    "sys/rotate/recovery/backup",
  ],
};

const HOLDER = {
  fingerprint: text("PGP fingerprint of one holder; left out: all holders"),
  detail: text("tell also whether the shares are still in force"),
};

export const BACKUP_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...PATHS.barrier.map((path) => endpoint(path, "barrier")),
  ...PATHS.recovery.map((path) => endpoint(path, "recovery")),
];

function endpoint(path: string, target: CeremonyTarget): LogicalEndpoint {
  return logicalEndpoint(path, {
    read: logicalOperation(
      { summary: "Read the PGP-encrypted shares of the last ceremony", fields: HOLDER },
      (request, { fingerprint }) => readBackup(request, target, fingerprint),
    ),
    delete: logicalOperation(
      { summary: "Delete the PGP-encrypted shares of the last ceremony", fields: HOLDER },
      async ({ call }, { fingerprint }) => {
        const holder = fingerprint?.toLowerCase() ?? null;
        await call.vault.administer((open) => open.rekey(target).deleteBackup(holder));
        return { kind: "done" };
      },
    ),
  }, { copiesData: true, slashAlias: true });
}

async function readBackup(
  { call, open }: EndpointCall,
  target: CeremonyTarget,
  fingerprint: string | undefined,
): Promise<LogicalReply> {
  const rekey = open.rekey(target);
  const holder = fingerprint?.toLowerCase() ?? null;
  const backup = await rekey.delivery.read(await rekey.state(), holder);
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
