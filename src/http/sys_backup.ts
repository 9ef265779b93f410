/** Backups of PGP-encrypted shares: one per target, whichever family's path is used. */

import type { Hono } from "hono";
import type { CeremonyTarget } from "../ceremony/state.ts";
import { decodeHex, encodeBase64 } from "../crypto/bytes.ts";
import { invalidRequest } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";

const PATHS: Readonly<Record<CeremonyTarget, readonly string[]>> = {
  barrier: ["sys/rekey/backup", "sys/rotate/root/backup"],
  recovery: [
    "sys/rekey/recovery-key-backup",
    "sys/rekey-recovery-key/backup",
    "sys/rotate/recovery/backup",
  ],
};

export function registerBackupEndpoints(app: Hono, context: AppContext): void {
  for (const path of PATHS.barrier) register(app, context, path, "barrier");
  for (const path of PATHS.recovery) register(app, context, path, "recovery");
}

function register(
  app: Hono,
  context: AppContext,
  path: string,
  target: CeremonyTarget,
): void {
  registerLogical(app, context, {
    path,
    copiesData: true,
    slashAlias: true,
    operations: {
      read: (request) => readBackup(request, target),
      delete: async ({ call }) => {
        const fingerprint = fingerprintAsked(call.query);
        await call.vault.administer((open) => open.rekey(target).deleteBackup(fingerprint));
        return { kind: "done" };
      },
    },
  });
}

function fingerprintAsked(query: URLSearchParams): string | null {
  return query.get("fingerprint")?.toLowerCase() ?? null;
}

async function readBackup(
  { call, open }: LogicalCall,
  target: CeremonyTarget,
): Promise<LogicalReply> {
  const rekey = open.rekey(target);
  const fingerprint = fingerprintAsked(call.query);
  const backup = await rekey.delivery.read(await rekey.state(), fingerprint);
  if (backup === null) throw invalidRequest("no backed-up keys found");
  const base64 = Object.entries(backup.shares).map(([holder, messages]) =>
    [
      holder,
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
