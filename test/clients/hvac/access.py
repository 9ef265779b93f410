"""Chapters about policies, tokens and response wrapping."""

from context import client, pick, refusal, report, task, with_token


def policies():
    client.sys.create_or_update_policy("gardener", task["policy"])
    text = client.sys.read_policy("gardener")["rules"]
    new_text = client.sys.read_acl_policy("gardener")["data"]["policy"]
    listed = client.sys.list_policies()["policies"]
    paths = ["plain/garden", "plain/other", "versioned/data/x"]
    holder = with_token(client.auth.token.create(policies=["gardener"])["auth"]["client_token"])
    kv = holder.secrets.kv.v1
    answers = {
        "text": text,
        "new_text": new_text,
        "listed": listed,
        "capabilities": pick(holder.sys.get_capabilities(paths)["data"], *paths),
        "allowed": kv.read_secret("garden", mount_point="plain")["data"],
        "denied": refusal(kv.read_secret, "other", mount_point="plain"),
        "may_not_write": refusal(kv.create_or_update_secret, "garden", {"a": "b"}, method="PUT",
                                 mount_point="plain"),
        "bad_text": refusal(client.sys.create_or_update_policy, "bad", 'path "a" { nonsense'),
    }
    client.sys.delete_policy("gardener")
    answers["after_delete"] = refusal(kv.read_secret, "garden", mount_point="plain")
    answers["listed_after"] = client.sys.list_policies()["policies"]
    answers["missing"] = refusal(client.sys.read_policy, "gardener")["status"]
    report["policies"] = answers


def tokens():
    token = client.auth.token
    made = token.create(policies=["gardener"], ttl="1h", meta={"team": "roses"}, display_name="rose")
    made = made["auth"]
    looked = token.lookup(made["client_token"])["data"]
    by_accessor = token.lookup_accessor(made["accessor"])["data"]
    renewed = token.renew(made["client_token"], increment="30m")["auth"]
    own = with_token(made["client_token"]).auth.token.lookup_self()["data"]
    token.revoke_accessor(made["accessor"])
    limited = token.create(policies=["default"], num_uses=2)["auth"]["client_token"]
    use = with_token(limited).sys.get_capabilities
    first_use = use(paths=["plain/garden"])["data"]["capabilities"]
    uses_left = token.lookup(limited)["data"]["num_uses"]
    use(paths=["plain/garden"])
    parent = token.create(policies=["root"], ttl="1h")["auth"]["client_token"]
    as_parent = with_token(parent).auth.token
    child = as_parent.create(policies=["default"])["auth"]["client_token"]
    orphan = as_parent.create_orphan(policies=["default"])["auth"]["client_token"]
    token.revoke(parent)
    report["tokens"] = {
        "made": pick(made, "policies", "lease_duration", "renewable", "orphan", "metadata"),
        "looked": pick(looked, "display_name", "creation_ttl", "ttl", "path", "meta", "policies"),
        "looked_id_is_token": looked["id"] == made["client_token"],
        "by_accessor": pick(by_accessor, "id", "display_name"),
        "renewed": renewed["lease_duration"],
        "own_ttl": own["ttl"],
        "revoked": refusal(token.lookup, made["client_token"]),
        "first_use": first_use,
        "uses_left": uses_left,
        "used_up": refusal(use, paths=["plain/garden"]),
        "child": refusal(token.lookup, child),
        "orphan": pick(token.lookup(orphan)["data"], "orphan", "policies"),
        "no_token": refusal(with_token("").secrets.kv.v1.read_secret, "garden", mount_point="plain"),
    }


def wrapping():
    wrapped = client.read("plain/garden", wrap_ttl="90s")
    bearer = wrapped["wrap_info"]["token"]
    looked = client.write_data("sys/wrapping/lookup", data={"token": bearer})["data"]
    sent = client.sys.wrap({"word": "thistle"}, ttl=60)["wrap_info"]
    report["wrapping"] = {
        "data": wrapped["data"],
        "info": pick(wrapped["wrap_info"], "ttl", "creation_path"),
        "looked": pick(looked, "creation_path", "creation_ttl"),
        "unwrapped": with_token(bearer).sys.unwrap()["data"],
        "again": refusal(with_token(bearer).sys.unwrap),
        "sent": client.sys.unwrap(token=sent["token"])["data"],
    }
