"""Chapters about init, unseal, seal and a new data key."""

from context import client, garden, pick, refusal, report, task


def initialize():
    before = client.sys.is_initialized()
    if task["seal"] == "shamir":
        made = client.sys.initialize(secret_shares=3, secret_threshold=2)
    else:
        made = client.sys.initialize(recovery_shares=3, recovery_threshold=2)
    client.token = made["root_token"]
    report["init"] = {
        "before": before,
        "after": client.sys.is_initialized(),
        "keys": made["keys"],
        "keys_base64": made["keys_base64"],
        "recovery_keys": made.get("recovery_keys"),
        "recovery_keys_base64": made.get("recovery_keys_base64"),
        "root_token": made["root_token"],
        "again": refusal(client.sys.initialize, secret_shares=1, secret_threshold=1),
    }
    return made["keys"] or made["recovery_keys"]


def unseal(shares):
    shown = ("type", "sealed", "t", "n", "progress")
    sealed = client.sys.read_seal_status()
    refused = refusal(client.sys.list_mounted_secrets_engines)
    first = client.sys.submit_unseal_key(shares[0])
    reset = client.sys.submit_unseal_key(reset=True)
    opened = client.sys.submit_unseal_keys(shares[:2])
    health = client.sys.read_health_status(method="GET")
    report["unseal"] = {
        "sealed": pick(sealed, *shown),
        "while_sealed": refused,
        "first": pick(first, "sealed", "progress"),
        "reset": pick(reset, "sealed", "progress"),
        "opened": pick(opened, *shown),
        "health": pick(health, "initialized", "sealed", "standby"),
        "ha_enabled": client.sys.read_leader_status()["ha_enabled"],
    }


def reopen(old, new):
    """Seals the vault, and tries to unseal it with the old shares and then the new ones."""
    client.sys.seal()
    sealed = client.sys.is_sealed()
    client.sys.submit_unseal_key(old[0])
    refused = refusal(client.sys.submit_unseal_key, old[1])
    opened = client.sys.submit_unseal_keys(new[:2])
    return {
        "sealed": sealed,
        "old_shares": refused,
        "new_shares": pick(opened, "sealed", "t", "n"),
        "value": garden(),
    }


def rotate():
    before = client.sys.get_encryption_key_status()
    client.sys.rotate_encryption_key()
    after = client.sys.get_encryption_key_status()
    client.secrets.kv.v1.create_or_update_secret("late", {"a": "b"}, mount_point="plain")
    report["rotate"] = {
        "terms": [before["data"]["term"], after["data"]["term"]],
        "install_times": [before["data"]["install_time"], after["data"]["install_time"]],
        "old_value": garden(),
        "new_value": client.secrets.kv.v1.read_secret("late", mount_point="plain")["data"],
    }
