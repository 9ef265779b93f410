/** Chapters about rekeys of the barrier and of the recovery key. */

import {
  type Answer,
  changed,
  client,
  counts,
  decrypt,
  garden,
  pick,
  refusal,
  report,
  task,
} from "./context.ts";
import { reopen } from "./seal.ts";

/** Rekeys from two old shares to two encrypted, backed-up and verified ones. Gives the new shares. */
export async function rekeyWithPgp(
  shares: readonly string[],
  recovery: boolean,
): Promise<string[]> {
  const [one = "", two = ""] = shares;
  const prefix = recovery ? "sys/rekey-recovery-key" : "sys/rekey";
  const backupPath = recovery ? "sys/rekey/recovery-key-backup" : "sys/rekey/backup";
  const shown = ["started", "t", "n", "progress", "required"];
  const more = ["backup", "verification_required", "pgp_fingerprints"];
  const counted = ["started", "t", "n", "progress"];
  const start = (): Promise<Answer> =>
    client.write(`${prefix}/init`, {
      secret_shares: 2,
      secret_threshold: 2,
      backup: true,
      require_verification: true,
      pgp_keys: task.holders.map((holder) => holder.key),
    });
  const status = (): Promise<Answer> => client.read(`${prefix}/init`);
  const cancel = (): Promise<Answer> => client.delete(`${prefix}/init`);
  const give = (key: string, nonce: string): Promise<Answer> =>
    client.write(`${prefix}/update`, { key, nonce });
  const verify = (key: string, nonce: string): Promise<Answer> =>
    client.write(`${prefix}/verify`, { key, nonce });

  const answers: Record<string, unknown> = { idle: pick(await status(), ...shown) };
  let nonce: string = (await start()).nonce;
  answers["second_start"] = await refusal(start());
  answers["first"] = pick(await give(one, nonce), ...shown, ...more);
  answers["duplicate"] = await refusal(give(one, nonce));
  answers["wrong_share"] = await refusal(give(changed(two), nonce));
  answers["progress_kept"] = (await status()).progress;
  await cancel();
  answers["cancelled"] = pick(await status(), ...shown);
  answers["after_cancel"] = await refusal(give(two, nonce));

  nonce = (await start()).nonce;
  await give(one, nonce);
  const done = await give(two, nonce);
  answers["done"] = { ...pick(done, "complete", ...more), nonce_kept: done.nonce === nonce };
  answers["keys"] = done.keys;
  answers["keys_base64"] = done.keys_base64;
  const backup = (await client.read(backupPath)).data;
  answers["backup"] = {
    nonce_kept: backup.nonce === nonce,
    ...pick(backup, "keys", "keys_base64"),
  };
  answers["counts_before_verification"] = await counts();
  const [new1 = "", new2 = ""] = task.holders.map((holder, i) =>
    decrypt(holder.name, done.keys_base64[i])
  );
  answers["shares"] = [new1, new2];

  const verifyNonce: string = done.verification_nonce;
  answers["old_share_in_verification"] = await refusal(verify(one, verifyNonce));
  answers["verified_first"] = pick(await verify(new1, verifyNonce), ...counted);
  await client.delete(`${prefix}/verify`);
  const restarted = await client.read(`${prefix}/verify`);
  answers["verification_restarted"] = {
    ...pick(restarted, ...counted),
    other_nonce: restarted.nonce !== verifyNonce,
  };
  await verify(new1, restarted.nonce);
  answers["verified"] = (await verify(new2, restarted.nonce)).complete;
  answers["counts"] = await counts();
  answers["idle_again"] = pick(await status(), ...shown);
  nonce = (await start()).nonce;
  answers["old_share"] = await refusal(give(one, nonce));
  await cancel();
  await client.delete(backupPath);
  answers["backup_deleted"] = await refusal(client.read(backupPath));
  report["rekey_with_pgp"] = answers;
  return [new1, new2];
}

export async function rekeyPlainly(shares: readonly string[]): Promise<string[]> {
  const start = { secret_shares: 3, secret_threshold: 2 };
  const { nonce } = await client.write("sys/rekey/init", start);
  await client.write("sys/rekey/update", { key: shares[0], nonce });
  const done = await client.write("sys/rekey/update", { key: shares[1], nonce });
  report["rekey_plainly"] = {
    ...pick(done, "complete", "keys", "keys_base64", "backup", "verification_required"),
    counts: await counts(),
    reopened: await reopen(shares, done.keys_base64),
  };
  return done.keys;
}

/** Static seal: makes a new root key by recovery shares, which gives no shares. */
export async function rekeyBarrierByRecovery(shares: readonly string[]): Promise<void> {
  const start = { secret_shares: 1, secret_threshold: 1 };
  const started = await client.write("sys/rekey/init", start);
  const { nonce } = started;
  const first = await client.write("sys/rekey/update", { key: shares[0], nonce });
  const done = await client.write("sys/rekey/update", { key: shares[1], nonce });
  report["rekey_barrier"] = {
    started: pick(started, "started", "t", "n", "required"),
    first: first.progress,
    done: pick(done, "complete", "keys", "keys_base64"),
    counts: await counts(),
    value: await garden(),
  };
}
