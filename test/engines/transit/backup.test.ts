import { describe, expect, it } from "vitest";
import { KEY_TYPE_NAMES } from "../../../src/engines/transit/key_types.ts";
import { type Data, dataOf, NOW_TEXT, refusal, send } from "../engine_requests.ts";
import { base64, decrypted, encrypted, openSite, textOf, wrapped } from "./transit_requests.ts";

const OPEN = { exportable: true, allow_plaintext_backup: true };

const refused = (reason: string): string => `invalid_request: ${wrapped(reason)}`;

async function siteWithKey(settings: Data = OPEN) {
  const site = openSite();
  await send(site.transit, "update", "keys/a", settings);
  return site;
}

describe("backup and restore", () => {
  it.each(KEY_TYPE_NAMES)(
    "bring back a whole key of type %s, under its name or another",
    async (type) => {
      const { transit } = await siteWithKey({ ...OPEN, type, auto_rotate_period: "24h" });
      const first = await encrypted(transit, "a", "first");
      const hmac = dataOf(await send(transit, "update", "hmac/a", { input: "" }))["hmac"];
      for (let i = 0; i < 2; i++) await send(transit, "update", "keys/a/rotate");
      await send(transit, "update", "keys/a/config", { min_decryption_version: 2 });
      const backup = dataOf(await send(transit, "read", "backup/a"))["backup"];
      const mark = { time: NOW_TEXT, version: 3 };
      expect(dataOf(await send(transit, "read", "keys/a"))).toMatchObject({ backup_info: mark });

      const other = openSite().transit;
      for (const path of ["restore", "restore/b"]) {
        expect(await send(other, "update", path, { backup })).toEqual({ kind: "done" });
      }
      for (const name of ["a", "b"]) {
        expect(dataOf(await send(other, "read", `keys/${name}`))).toMatchObject({
          auto_rotate_period: 86_400,
          backup_info: mark,
          latest_version: 3,
          min_decryption_version: 2,
          name,
          restore_info: mark,
          type,
        });
        await send(other, "update", `keys/${name}/config`, { min_decryption_version: 1 });
        expect(await decrypted(other, name, first)).toBe("first");
        const verified = await send(other, "update", `verify/${name}`, { input: "", hmac });
        expect(dataOf(verified)).toEqual({ valid: true });
      }
    },
  );

  it("a backup has OpenBao's form", async () => {
    const { transit } = await siteWithKey();
    const text = textOf(dataOf(await send(transit, "read", "backup/a"))["backup"]);
    const json = JSON.parse(text) as { policy: Data; archived_keys: { keys: Data[] } };
    expect(Object.keys(json.policy)).toEqual([
      "name",
      "keys",
      "derived",
      "kdf",
      "convergent_encryption",
      "exportable",
      "min_decryption_version",
      "min_encryption_version",
      "latest_version",
      "archive_version",
      "archive_min_version",
      "min_available_version",
      "deletion_allowed",
      "convergent_version",
      "type",
      "backup_info",
      "restore_info",
      "allow_plaintext_backup",
      "version_template",
      "storage_prefix",
      "auto_rotate_period",
      "Imported",
      "AllowImportedKeyRotation",
      "soft_deleted",
    ]);
    expect(json.archived_keys.keys).toHaveLength(2);
    expect(json.archived_keys.keys[0]).toMatchObject({ key: null, time: "0001-01-01T00:00:00Z" });
    expect(json.archived_keys.keys[1]).toEqual((json.policy["keys"] as Data)["1"]);
  });

  it("restore reads a backup made by OpenBao", async () => {
    const key = { key: base64("k".repeat(32)), hmac_key: base64("h".repeat(32)) };
    const made = { time: "2026-11-25T23:24:26.835037922Z", creation_time: 1_795_649_066 };
    const none = { key: null, hmac_key: null, time: "0001-01-01T00:00:00Z", creation_time: 0 };
    const backup = base64(JSON.stringify({
      policy: {
        name: "ch",
        keys: { 2: { ...key, ...made } },
        derived: false,
        exportable: true,
        min_decryption_version: 2,
        min_encryption_version: 0,
        latest_version: 2,
        min_available_version: 0,
        deletion_allowed: false,
        type: 5,
        backup_info: { time: made.time, version: 2 },
        restore_info: null,
        allow_plaintext_backup: true,
        auto_rotate_period: 86_400_000_000_000,
        soft_deleted: false,
      },
      archived_keys: { keys: [none, { ...key, ...made }, { ...key, ...made }] },
    }));
    const { transit } = openSite();
    await send(transit, "update", "restore", { backup });
    const exported = dataOf(await send(transit, "read", "export/encryption-key/ch"));
    expect(exported).toEqual({ keys: { 2: key.key }, name: "ch", type: "chacha20-poly1305" });
    expect(dataOf(await send(transit, "read", "keys/ch")))
      .toMatchObject({ auto_rotate_period: 86_400, keys: { 2: 1_795_649_066 } });
  });

  it("keep a period of so many days that its nanoseconds exceed exact numbers", async () => {
    const { transit } = await siteWithKey({ ...OPEN, auto_rotate_period: "8760h" });
    const backup = textOf(dataOf(await send(transit, "read", "backup/a"))["backup"]);
    for (
      const [nanoseconds, seconds] of [
        ["31536000000000000", 31_536_000],
        ["31536000123456789", 31_536_000],
        ["9223372036854775807", 9_223_372_036],
      ] as const
    ) {
      const changed = base64(backup.replace("31536000000000000", nanoseconds));
      const sent = { backup: changed, force: true };
      expect(await send(transit, "update", "restore", sent)).toEqual({ kind: "done" });
      expect(dataOf(await send(transit, "read", "keys/a"))["auto_rotate_period"]).toBe(seconds);
    }
    for (const nanoseconds of ["-1", "1e999", "1e19", '"1h"', "{}"]) {
      const changed = base64(backup.replace("31536000000000000", nanoseconds));
      expect(await refusal(send(transit, "update", "restore", { backup: changed, force: true })))
        .toBe(refused("cannot read the backup: auto_rotate_period is no period"));
    }
  });

  it("read members that a legacy backup lacks as Go's zero values, except its name", async () => {
    const { transit } = await siteWithKey();
    const backup = dataOf(await send(transit, "read", "backup/a"))["backup"];
    const json = JSON.parse(textOf(backup)) as { policy: Data };
    const without = (...names: readonly string[]): string => {
      const kept = Object.entries(json.policy).filter(([name]) => !names.includes(name));
      return base64(JSON.stringify({ ...json, policy: Object.fromEntries(kept) }));
    };
    const late = ["soft_deleted", "auto_rotate_period", "allow_plaintext_backup"];
    const legacy = without("name", "min_available_version", ...late);
    expect(await send(transit, "update", "restore/b", { backup: legacy })).toEqual({
      kind: "done",
    });
    expect(dataOf(await send(transit, "read", "keys/b"))).toMatchObject({
      allow_plaintext_backup: false,
      auto_rotate_period: 0,
      min_available_version: 0,
      soft_deleted: false,
    });
    expect(await refusal(send(transit, "update", "restore", { backup: legacy })))
      .toBe("invalid_request: cannot restore the key: its name is none for a key");
    expect(await send(transit, "update", "restore/c", { backup: without(...late) }))
      .toEqual({ kind: "done" });
  });

  it("restore overwrites a key only by force", async () => {
    const { transit } = await siteWithKey();
    const backup = dataOf(await send(transit, "read", "backup/a"))["backup"];
    await send(transit, "update", "keys/a/rotate");
    expect(await refusal(send(transit, "update", "restore", { backup })))
      .toBe(refused('key "a" already exists'));
    expect(dataOf(await send(transit, "read", "keys/a"))["latest_version"]).toBe(2);
    await send(transit, "update", "restore", { backup, force: true });
    expect(dataOf(await send(transit, "read", "keys/a"))["latest_version"]).toBe(1);
  });

  it.each([
    [{}, "exporting is disallowed on the policy"],
    [{ exportable: true }, "plaintext backup is disallowed on the policy"],
  ])("a backup of a key made with %j is refused", async (settings, reason) => {
    const { storage, transit } = await siteWithKey(settings);
    const commits = storage.commits;
    expect(await refusal(send(transit, "read", "backup/a"))).toBe(refused(reason));
    expect(await refusal(send(transit, "read", "backup/b"))).toBe(refused('key "b" not found'));
    expect(storage.commits).toBe(commits);
  });

  it("refuse text that is not a backup, without showing its contents", async () => {
    const { storage, transit } = await siteWithKey();
    const backup = String(dataOf(await send(transit, "read", "backup/a"))["backup"]);
    const text = textOf(backup);
    const damage = (from: string | RegExp, to: string) => {
      expect(text.replace(from, to)).not.toBe(text);
      return base64(text.replace(from, to));
    };
    const commits = storage.commits;
    for (
      const [sent, path, message] of [
        ["", "restore", "invalid_request: 'backup' must be supplied"],
        ["!", "restore", refused("illegal base64 data at input byte 0")],
        [backup, "restore/x/y", refused("key names cannot be paths")],
        [
          backup,
          "restore/x y",
          "invalid_request: cannot restore the key: its name is none for a key",
        ],
        [base64("hunter2"), "restore/b", refused("cannot read the backup: not JSON")],
        [base64("{}"), "restore/b", refused("cannot read the backup: policy is no object")],
        [
          damage('"type":0', '"type":4'),
          "restore/b",
          refused("cannot read the backup: there are no keys of its type here"),
        ],
        [
          damage('"derived":false', '"derived":true'),
          "restore/b",
          refused("cannot read the backup: key derivation is not supported"),
        ],
        [
          damage('"latest_version":1', '"latest_version":2'),
          "restore/b",
          refused("cannot read the backup: versions do not fit the settings"),
        ],
        [
          damage('"latest_version":1', '"latest_version":99999999'),
          "restore/b",
          refused("cannot read the backup: it has too many versions"),
        ],
        [
          damage('"min_decryption_version":1', '"min_decryption_version":0'),
          "restore/b",
          refused("cannot read the backup: versions do not fit the settings"),
        ],
        [
          damage(/"key":"..../, '"key":"'),
          "restore/b",
          refused("cannot read the backup: a version has no key of its length"),
        ],
      ] as const
    ) {
      expect(await refusal(send(transit, "update", path, { backup: sent }))).toBe(message);
    }
    expect(storage.commits).toBe(commits);
  });
});

describe("soft-deleted keys", () => {
  const SOFT = "refusing to use soft-deleted key";

  it("a soft-deleted key is kept but cannot be used until it is restored", async () => {
    const { transit } = await siteWithKey({ ...OPEN, auto_rotate_period: "1h" });
    const ciphertext = await encrypted(transit, "a", "x");
    const deleted = dataOf(await send(transit, "delete", "keys/a/soft-delete"));
    expect(deleted).toMatchObject({ name: "a", soft_deleted: true });
    const uses: readonly (readonly [string, Data])[] = [
      ["encrypt/a", { plaintext: "" }],
      ["decrypt/a", { ciphertext: "x" }],
      ["rewrap/a", { ciphertext }],
      ["datakey/plaintext/a", {}],
      ["hmac/a", { input: "" }],
      ["verify/a", { input: "", hmac: "vault:v1:AAAA" }],
    ];
    const later = { nowMs: Date.UTC(2027, 0) };
    for (const [path, data] of uses) {
      expect(await refusal(send(transit, "update", path, data, later)))
        .toBe(`invalid_request: ${SOFT}`);
    }
    expect(await refusal(send(transit, "update", "keys/a/rotate"))).toBe(refused(SOFT));
    for (const path of ["export/encryption-key/a", "backup/a"]) {
      expect(await refusal(send(transit, "read", path))).toBe(refused(SOFT));
    }
    expect(dataOf(await send(transit, "read", "keys/a"))).toMatchObject({ latest_version: 1 });
    const restored = await send(transit, "update", "keys/a/soft-delete-restore");
    expect(restored).toMatchObject({ data: { soft_deleted: false } });
    expect(await decrypted(transit, "a", ciphertext)).toBe("x");
  });

  it("a transit key is deleted or restored again with a warning, and without one if there is no key", async () => {
    const { storage, transit } = await siteWithKey();
    const commits = storage.commits;
    expect(await send(transit, "update", "keys/a/soft-delete-restore"))
      .toMatchObject({ warnings: ["key was already restored"] });
    expect(storage.commits).toBe(commits);
    await send(transit, "delete", "keys/a/soft-delete");
    expect(await send(transit, "delete", "keys/a/soft-delete"))
      .toMatchObject({ warnings: ["key was already marked as soft deleted"] });
    expect(await send(transit, "delete", "keys/b/soft-delete")).toEqual({ kind: "done" });
    expect(await refusal(send(transit, "read", "keys/a/soft-delete")))
      .toMatch(/^unsupported_operation/);
  });
});

describe("settings of a transit mount", () => {
  it("settings of a transit mount are returned and kept", async () => {
    const { transit, rival } = openSite();
    expect(dataOf(await send(transit, "read", "config/keys"))).toEqual({ disable_upsert: false });
    const set = await send(transit, "update", "config/keys", { disable_upsert: "true" });
    expect(dataOf(set)).toEqual({ disable_upsert: true });
    expect(dataOf(await send(rival, "read", "config/keys"))).toEqual({ disable_upsert: true });
    expect(dataOf(await send(transit, "update", "config/keys", {})))
      .toEqual({ disable_upsert: false });

    expect(dataOf(await send(transit, "read", "cache-config"))).toEqual({ size: 0 });
    for (const size of [5, -1, 9]) {
      expect(await refusal(send(transit, "update", "cache-config", { size })))
        .toBe("invalid_request: size must be 0 or a value greater or equal to 10");
    }
    await send(transit, "update", "cache-config", { size: 10 });
    expect(dataOf(await send(rival, "read", "cache-config"))).toEqual({ size: 10 });
    expect(await refusal(send(transit, "delete", "config/keys"))).toMatch(/^unsupported_operation/);
  });
});
