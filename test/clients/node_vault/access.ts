/** Chapters about policies, tokens and response wrapping. */

import {
  type Answer,
  client,
  createToken,
  pick,
  refusal,
  report,
  task,
  withToken,
} from "./context.ts";

export async function policies(): Promise<void> {
  await client.addPolicy({ name: "gardener", rules: task.policy });
  const oldText = (await client.getPolicy({ name: "gardener" })).rules;
  const newText = (await client.read("sys/policies/acl/gardener")).data.policy;
  const listed = (await client.policies()).policies;
  const paths = ["plain/garden", "plain/other", "versioned/data/x"];
  const made = await createToken(client.token, { policies: ["gardener"] });
  const holder = withToken(made.client_token);
  const capabilities = (await holder.write("sys/capabilities-self", { paths })).data;
  const answers = {
    text: oldText,
    new_text: newText,
    listed,
    capabilities: pick(capabilities, ...paths),
    allowed: (await holder.read("plain/garden")).data,
    denied: await refusal(holder.read("plain/other")),
    may_not_write: await refusal(holder.write("plain/garden", { a: "b" })),
    bad_text: await refusal(client.addPolicy({ name: "bad", rules: 'path "a" { nonsense' })),
  };
  await client.removePolicy({ name: "gardener" });
  report["policies"] = {
    ...answers,
    after_delete: await refusal(holder.read("plain/garden")),
    listed_after: (await client.policies()).policies,
    missing: (await refusal(client.getPolicy({ name: "gardener" }))).status,
  };
}

export async function tokens(): Promise<void> {
  const root = client.token;
  const lookup = async (token: string): Promise<Answer> =>
    (await client.tokenLookup({ token })).data;
  const made = await createToken(root, {
    policies: ["gardener"],
    ttl: "1h",
    meta: { team: "roses" },
    display_name: "rose",
  });
  const looked = await lookup(made.client_token);
  const byAccessor = (await client.tokenLookupAccessor({ accessor: made.accessor })).data;
  const renewed = await withToken(root).tokenRenew({ token: made.client_token, increment: "30m" });
  const own = (await withToken(made.client_token).tokenLookupSelf()).data;
  await client.tokenRevokeAccessor({ accessor: made.accessor });
  const limited = (await createToken(root, { policies: ["default"], num_uses: 2 })).client_token;
  const use = (): Promise<Answer> =>
    withToken(limited).write("sys/capabilities-self", { paths: ["plain/garden"] });
  const firstUse = (await use()).data.capabilities;
  const usesLeft = (await lookup(limited)).num_uses;
  await use();
  const parent = (await createToken(root, { policies: ["root"], ttl: "1h" })).client_token;
  const child = (await createToken(parent, { policies: ["default"] })).client_token;
  const orphaned = await withToken(parent).tokenCreateOrphan({ policies: ["default"] });
  const orphan = orphaned.auth.client_token;
  await client.tokenRevoke({ token: parent });
  report["tokens"] = {
    made: pick(made, "policies", "lease_duration", "renewable", "orphan", "metadata"),
    looked: pick(looked, "display_name", "creation_ttl", "ttl", "path", "meta", "policies"),
    looked_id_is_token: looked.id === made.client_token,
    by_accessor: pick(byAccessor, "id", "display_name"),
    renewed: renewed.auth.lease_duration,
    own_ttl: own.ttl,
    revoked: await refusal(lookup(made.client_token)),
    first_use: firstUse,
    uses_left: usesLeft,
    used_up: await refusal(use()),
    child: await refusal(lookup(child)),
    orphan: pick(await lookup(orphan), "orphan", "policies"),
    no_token: await refusal(withToken("").read("plain/garden")),
  };
}

export async function wrapping(): Promise<void> {
  const wrap = (seconds: string) => ({ headers: { "X-Vault-Wrap-TTL": seconds } });
  const wrapped = await client.read("plain/garden", wrap("90s"));
  const bearer = wrapped.wrap_info.token;
  const looked = (await client.write("sys/wrapping/lookup", { token: bearer })).data;
  const sent = await client.write("sys/wrapping/wrap", { word: "thistle" }, wrap("60"));
  const unwrapped = (await withToken(bearer).unwrap()).data;
  report["wrapping"] = {
    data: wrapped.data,
    info: pick(wrapped.wrap_info, "ttl", "creation_path"),
    looked: pick(looked, "creation_path", "creation_ttl"),
    unwrapped,
    again: await refusal(withToken(bearer).unwrap()),
    sent: (await client.unwrap({ token: sent.wrap_info.token })).data,
  };
}
