/** The chapter about transit encryption. */

import { Buffer } from "node:buffer";
import { client, pick, refusal, report } from "./context.ts";

export async function transit(): Promise<void> {
  await client.mount({ mount_point: "transit", type: "transit" });
  const name = "ring";
  const plaintext = Buffer.from("thistle").toString("base64");
  const encrypt = async (): Promise<string> =>
    (await client.encryptData({ name, plaintext })).data.ciphertext;
  const decrypted = async (ciphertext: string): Promise<string> =>
    (await client.decryptData({ name, ciphertext })).data.plaintext;
  await client.transitCreateKey({ name, type: "aes256-gcm96" });
  const first = await encrypt();
  await client.write(`transit/keys/${name}/rotate`, {});
  const shown = (await client.transitReadKey({ name })).data;
  const second = await encrypt();
  const rewrapped: string = (await client.rewrapData({ name, ciphertext: first })).data.ciphertext;
  const old = await decrypted(first);
  await client.write(`transit/keys/${name}/config`, { min_decryption_version: 2 });
  report["transit"] = {
    key: pick(shown, "name", "type", "latest_version", "exportable"),
    listed: (await client.transitListKeys()).data.keys,
    ciphertexts: [first, second, rewrapped],
    decrypted: [old, await decrypted(second), await decrypted(rewrapped)],
    too_old: (await refusal(decrypted(first))).status,
    damaged: (await refusal(decrypted(damaged(second)))).status,
    may_not_export: (await refusal(client.read(`transit/export/encryption-key/${name}`))).status,
  };
}

/** The ciphertext with the last byte of its tag changed. */
function damaged(ciphertext: string): string {
  const at = ciphertext.lastIndexOf(":") + 1;
  const raw = Buffer.from(ciphertext.slice(at), "base64");
  raw[raw.length - 1]! ^= 1;
  return ciphertext.slice(0, at) + raw.toString("base64");
}
