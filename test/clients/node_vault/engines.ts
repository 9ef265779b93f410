/** Chapters about mounts and the two versions of kv. */

import { type Answer, client, garden, pick, refusal, report, task } from "./context.ts";

export async function mounts(): Promise<void> {
  const table = async (): Promise<Record<string, Record<string, unknown>>> => {
    const listed: Answer = (await client.mounts()).data;
    return Object.fromEntries(
      Object.entries(listed).map(([path, mount]: [string, Answer]) => [path, {
        ...pick(mount, "type", "description", "seal_wrap"),
        version: mount.options?.version ?? null,
      }]),
    );
  };
  const mount = (mount_point: string, version: string, more = {}): Promise<unknown> =>
    client.mount({ mount_point, type: "kv", options: { version }, ...more });

  const before = Object.keys(await table()).sort();
  await mount("plain", "1", { description: "first", seal_wrap: true });
  await mount("versioned", "2");
  await mount("short", "1");
  const used = await refusal(mount("plain", "1"));
  const enabled = Object.entries(await table()).filter(([path]) => !before.includes(path));
  await client.write("sys/mounts/plain/tune", {
    default_lease_ttl: "1h",
    max_lease_ttl: "2h",
    description: "tuned",
  });
  const tuned = (await client.read("sys/mounts/plain/tune")).data;
  await client.write("short/gone", { a: "b" });
  await client.unmount({ mount_point: "short" });
  report["mounts"] = {
    before,
    enabled: Object.fromEntries(enabled),
    used,
    tuned: pick(tuned, "default_lease_ttl", "max_lease_ttl", "description"),
    after: Object.keys(await table()).sort(),
    gone: (await refusal(client.read("short/gone"))).status,
  };
}

export async function kv1(): Promise<void> {
  await client.write("plain/garden", task.value);
  await client.write("plain/tools/spade", { count: 3, sharp: true, tags: ["a", "b"] });
  const read = await client.read("plain/tools/spade");
  const listed = (await client.list("plain")).data.keys;
  await client.delete("plain/tools/spade");
  report["kv1"] = {
    read: read.data,
    lease_duration: read.lease_duration,
    listed,
    deleted: (await refusal(client.read("plain/tools/spade"))).status,
    listed_nothing: (await refusal(client.list("plain/tools"))).status,
    left: await garden(),
  };
}

export async function kv2(): Promise<void> {
  const path = "versioned/data/app/db";
  const version = async (number = 0): Promise<unknown> => {
    const { data } = await client.read(`${path}?version=${number}`);
    return { data: data.data, version: data.metadata.version };
  };
  const write = (data: object, cas: number): Promise<Answer> =>
    client.write(path, { data, options: { cas } });

  const first = await write({ user: "ann", port: 1 }, 0);
  const second = await write({ user: "bob", port: 2 }, 1);
  const stale = await refusal(write({ user: "eve" }, 1));
  const read: Record<string, unknown> = { latest: await version(), first: await version(1) };
  await client.update(path, { data: { user: "cid" } });
  read["patched"] = await version();
  await client.delete(path);
  const deleted = await refusal(version());
  await client.write("versioned/undelete/app/db", { versions: [3] });
  read["undeleted"] = await version();
  await client.destroySecretVersions({
    mount_point: "versioned",
    path: "app/db",
    versions: [1],
  });
  const destroyed = await refusal(version(1));
  await client.write("versioned/metadata/app/db", {
    max_versions: 5,
    custom_metadata: { owner: "ann" },
  });
  const metadata = (await client.read("versioned/metadata/app/db")).data;
  const listed = {
    root: (await client.list("versioned/metadata")).data.keys,
    folder: (await client.list("versioned/metadata/app")).data.keys,
  };
  await client.delete("versioned/metadata/app/db");
  report["kv2"] = {
    written: [first.data.version, second.data.version],
    stale,
    read,
    deleted: deleted.status,
    destroyed: destroyed.status,
    metadata: {
      ...pick(metadata, "current_version", "max_versions", "custom_metadata"),
      destroyed: Object.fromEntries(
        Object.entries(metadata.versions).map(([n, entry]: [string, Answer]) =>
          [n, entry.destroyed] as const
        ),
      ),
    },
    listed,
    erased: (await refusal(version())).status,
  };
}
