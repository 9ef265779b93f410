"""The chapter about root tokens by quorum, with a one-time password and with PGP."""

import base64

from context import changed, client, decrypt, pick, refusal, report, task, with_token


def generate_root(shares):
    shown = ("started", "progress", "required", "complete", "otp_length", "pgp_fingerprint")
    start = client.sys.start_root_token_generation

    def finish(nonce):
        first = client.sys.generate_root(shares[0], nonce)
        return first["progress"], client.sys.generate_root(shares[1], nonce)

    def identity(token):
        return pick(with_token(token).auth.token.lookup_self()["data"], "policies", "ttl", "orphan")

    started = start()
    client.sys.cancel_root_generation()
    cancelled = client.sys.read_root_generation_progress()
    with_otp = start()
    wrong = refusal(client.sys.generate_root, changed(shares[0]), with_otp["nonce"])
    progress, done = finish(with_otp["nonce"])
    encoded = done["encoded_token"]
    raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    token = bytes(a ^ b for a, b in zip(raw, with_otp["otp"].encode())).decode()
    holder = task["holders"][0]
    with_pgp = start(pgp_key=holder["key"])
    _, pgp_done = finish(with_pgp["nonce"])
    pgp_token = decrypt(holder["name"], pgp_done["encoded_token"])
    report["generate_root"] = {
        "started": pick(started, *shown),
        "otp_characters": len(started["otp"]),
        "cancelled": pick(cancelled, *shown),
        "wrong_share": wrong,
        "progress": progress,
        "complete": done["complete"],
        "token": identity(token),
        "with_pgp": pick(with_pgp, "started", "otp", "pgp_fingerprint"),
        "pgp_token": identity(pgp_token),
        "idle_again": pick(client.sys.read_root_generation_progress(), "started", "progress"),
    }
