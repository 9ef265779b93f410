"""Chapters about mounts and the two versions of kv."""

from context import client, garden, pick, refusal, report, task


def mounts():
    def table():
        listed = client.sys.list_mounted_secrets_engines()["data"]
        return {
            path: {**pick(mount, "type", "description", "seal_wrap"),
                   "version": (mount["options"] or {}).get("version")}
            for path, mount in listed.items()
        }

    before = sorted(table())
    client.sys.enable_secrets_engine("kv", "plain", "first", options={"version": "1"}, seal_wrap=True)
    client.sys.enable_secrets_engine("kv", "versioned", options={"version": "2"})
    client.sys.enable_secrets_engine("kv", "short", options={"version": "1"})
    used = refusal(client.sys.enable_secrets_engine, "kv", "plain")
    enabled = table()
    client.sys.tune_mount_configuration(
        "plain", default_lease_ttl="1h", max_lease_ttl="2h", description="tuned"
    )
    tuned = client.sys.read_mount_configuration("plain")["data"]
    client.secrets.kv.v1.create_or_update_secret("gone", {"a": "b"}, mount_point="short")
    client.sys.disable_secrets_engine("short")
    report["mounts"] = {
        "before": before,
        "enabled": {path: mount for path, mount in enabled.items() if path not in before},
        "used": used,
        "tuned": pick(tuned, "default_lease_ttl", "max_lease_ttl", "description"),
        "after": sorted(table()),
        "gone": refusal(client.secrets.kv.v1.read_secret, "gone", mount_point="short")["status"],
    }


def kv1():
    kv = client.secrets.kv.v1
    kv.create_or_update_secret("garden", task["value"], mount_point="plain")
    kv.create_or_update_secret("tools/spade", {"count": 3, "sharp": True, "tags": ["a", "b"]},
                               mount_point="plain")
    read = kv.read_secret("tools/spade", mount_point="plain")
    listed = kv.list_secrets("", mount_point="plain")["data"]["keys"]
    kv.delete_secret("tools/spade", mount_point="plain")
    report["kv1"] = {
        "read": read["data"],
        "lease_duration": read["lease_duration"],
        "listed": listed,
        "deleted": refusal(kv.read_secret, "tools/spade", mount_point="plain")["status"],
        "listed_nothing": refusal(kv.list_secrets, "tools", mount_point="plain")["status"],
        "left": garden(),
    }


def kv2():
    kv = client.secrets.kv.v2
    mount = {"mount_point": "versioned"}

    def version(number=None):
        answer = kv.read_secret_version("app/db", version=number, raise_on_deleted_version=True, **mount)
        return {"data": answer["data"]["data"], "version": answer["data"]["metadata"]["version"]}

    first = kv.create_or_update_secret("app/db", {"user": "ann", "port": 1}, cas=0, **mount)["data"]
    second = kv.create_or_update_secret("app/db", {"user": "bob", "port": 2}, cas=1, **mount)["data"]
    stale = refusal(kv.create_or_update_secret, "app/db", {"user": "eve"}, cas=1, **mount)
    read = {"latest": version(), "first": version(1)}
    kv.patch("app/db", {"user": "cid"}, **mount)
    read["patched"] = version()
    kv.delete_latest_version_of_secret("app/db", **mount)
    deleted = refusal(version)
    kv.undelete_secret_versions("app/db", [3], **mount)
    read["undeleted"] = version()
    kv.destroy_secret_versions("app/db", [1], **mount)
    destroyed = refusal(version, 1)
    kv.update_metadata("app/db", max_versions=5, custom_metadata={"owner": "ann"}, **mount)
    metadata = kv.read_secret_metadata("app/db", **mount)["data"]
    listed = {"root": kv.list_secrets("", **mount)["data"]["keys"],
              "folder": kv.list_secrets("app", **mount)["data"]["keys"]}
    kv.delete_metadata_and_all_versions("app/db", **mount)
    report["kv2"] = {
        "written": [first["version"], second["version"]],
        "stale": stale,
        "read": read,
        "deleted": deleted["status"],
        "destroyed": destroyed["status"],
        "metadata": {
            **pick(metadata, "current_version", "max_versions", "custom_metadata"),
            "destroyed": {n: entry["destroyed"] for n, entry in metadata["versions"].items()},
        },
        "listed": listed,
        "erased": refusal(version)["status"],
    }
