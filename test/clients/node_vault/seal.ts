/** Chapters about init, unseal, seal and a new data key. */

import { type Answer, client, garden, pick, refusal, report, task } from "./context.ts";

export async function initialize(): Promise<string[]> {
  const before = (await client.initialized()).initialized;
  const made: Answer = task.seal === "shamir"
    ? await client.init({ secret_shares: 3, secret_threshold: 2 })
    : await client.write("sys/init", { recovery_shares: 3, recovery_threshold: 2 });
  client.token = made.root_token;
  report["init"] = {
    before,
    after: (await client.initialized()).initialized,
    ...pick(made, "keys", "keys_base64", "recovery_keys", "recovery_keys_base64", "root_token"),
    again: await refusal(client.init({ secret_shares: 1, secret_threshold: 1 })),
  };
  return made.keys.length > 0 ? made.keys : made.recovery_keys;
}

export async function unseal(shares: string[]): Promise<void> {
  const shown = ["type", "sealed", "t", "n", "progress"];
  const sealed = await client.status();
  const refused = await refusal(client.mounts());
  const first = await client.unseal({ key: shares[0] });
  const reset = await client.unseal({ reset: true });
  await client.unseal({ key: shares[0] });
  const opened = await client.unseal({ key: shares[1] });
  report["unseal"] = {
    sealed: pick(sealed, ...shown),
    while_sealed: refused,
    first: pick(first, "sealed", "progress"),
    reset: pick(reset, "sealed", "progress"),
    opened: pick(opened, ...shown),
    health: pick(await client.health(), "initialized", "sealed", "standby"),
    ha_enabled: (await client.leader()).ha_enabled,
  };
}

/** Seals the vault, and tries to unseal it with the old shares and then the new ones. */
export async function reopen(old: readonly string[], fresh: readonly string[]): Promise<unknown> {
  await client.seal();
  const { sealed } = await client.status();
  await client.unseal({ key: old[0] });
  const refused = await refusal(client.unseal({ key: old[1] }));
  await client.unseal({ key: fresh[0] });
  const opened = await client.unseal({ key: fresh[1] });
  return {
    sealed,
    old_shares: refused,
    new_shares: pick(opened, "sealed", "t", "n"),
    value: await garden(),
  };
}

export async function rotate(): Promise<void> {
  const before = await client.read("sys/key-status");
  await client.rotate();
  const after = await client.read("sys/key-status");
  await client.write("plain/late", { a: "b" });
  report["rotate"] = {
    terms: [before.data.term, after.data.term],
    install_times: [before.data.install_time, after.data.install_time],
    old_value: await garden(),
    new_value: (await client.read("plain/late")).data,
  };
}
