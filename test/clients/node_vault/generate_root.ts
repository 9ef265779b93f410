/** The chapter about root tokens by quorum, with a one-time password and with PGP. */

import { Buffer } from "node:buffer";
import {
  type Answer,
  changed,
  client,
  decrypt,
  pick,
  refusal,
  report,
  task,
  withToken,
} from "./context.ts";

export async function generateRoot(shares: readonly string[]): Promise<void> {
  const [one = "", two = ""] = shares;
  const shown = [
    "started",
    "progress",
    "required",
    "complete",
    "otp_length",
    "pgp_fingerprint",
  ];
  const status = (): Promise<Answer> => client.read("sys/generate-root/attempt");
  const give = (key: string, nonce: string): Promise<Answer> =>
    client.generateRootUpdate({ key, nonce });
  const identity = async (token: string): Promise<unknown> =>
    pick((await withToken(token).tokenLookupSelf()).data, "policies", "ttl", "orphan");

  const started: Answer = await client.generateRootInit();
  await client.generateRootCancel();
  const cancelled = await status();
  const withOtp: Answer = await client.generateRootInit();
  const wrong = await refusal(give(changed(one), withOtp.nonce));
  const { progress } = await give(one, withOtp.nonce);
  const done = await give(two, withOtp.nonce);
  const raw = Buffer.from(done.encoded_token, "base64");
  const token = String.fromCharCode(...raw.map((byte, i) => byte ^ withOtp.otp.charCodeAt(i)));
  const [holder] = task.holders;
  const withPgp: Answer = await client.generateRootInit({ pgp_key: holder.key });
  await give(one, withPgp.nonce);
  const pgpDone = await give(two, withPgp.nonce);
  report["generate_root"] = {
    started: pick(started, ...shown),
    otp_characters: started.otp.length,
    cancelled: pick(cancelled, ...shown),
    wrong_share: wrong,
    progress,
    complete: done.complete,
    token: await identity(token),
    with_pgp: pick(withPgp, "started", "otp", "pgp_fingerprint"),
    pgp_token: await identity(decrypt(holder.name, pgpDone.encoded_token)),
    idle_again: pick(await status(), "started", "progress"),
  };
}
