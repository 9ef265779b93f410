"""Chapters about rekeys of the barrier and of the recovery key."""

from context import changed, client, counts, decrypt, garden, pick, refusal, report, task
from seal import reopen


def rekey_with_pgp(shares, recovery):
    """Rekeys from two old shares to two encrypted, backed-up, verified ones. Gives the new shares."""
    sys_api = client.sys
    prefix = "sys/rekey-recovery-key" if recovery else "sys/rekey"
    shown = ("started", "t", "n", "progress", "required")
    more = ("backup", "verification_required", "pgp_fingerprints")
    start = {"secret_shares": 2, "secret_threshold": 2, "backup": True, "require_verification": True,
             "pgp_keys": [holder["key"] for holder in task["holders"]], "recovery_key": recovery}

    def status():
        return sys_api.read_rekey_progress(recovery_key=recovery)

    def give(share, nonce):
        return sys_api.rekey(share, nonce, recovery_key=recovery)

    def verify(share, nonce):
        if recovery:
            return client.write_data(f"{prefix}/verify", data={"key": share, "nonce": nonce})
        return sys_api.rekey_verify(share, nonce)

    def verification():
        return client.read(f"{prefix}/verify") if recovery else sys_api.read_rekey_verify_progress()

    answers = {"idle": pick(status(), *shown)}
    nonce = sys_api.start_rekey(**start)["nonce"]
    answers["second_start"] = refusal(sys_api.start_rekey, **start)
    answers["first"] = pick(give(shares[0], nonce), *shown, *more)
    answers["duplicate"] = refusal(give, shares[0], nonce)
    answers["wrong_share"] = refusal(give, changed(shares[1]), nonce)
    answers["progress_kept"] = status()["progress"]
    sys_api.cancel_rekey(recovery_key=recovery)
    answers["cancelled"] = pick(status(), *shown)
    answers["after_cancel"] = refusal(give, shares[1], nonce)

    nonce = sys_api.start_rekey(**start)["nonce"]
    give(shares[0], nonce)
    done = give(shares[1], nonce)
    answers["done"] = pick(done, "complete", *more)
    answers["done"]["nonce_kept"] = done["nonce"] == nonce
    answers["keys"] = done["keys"]
    answers["keys_base64"] = done["keys_base64"]
    backup = sys_api.read_backup_keys(recovery_key=recovery)["data"]
    answers["backup"] = {"nonce_kept": backup["nonce"] == nonce, **pick(backup, "keys", "keys_base64")}
    answers["counts_before_verification"] = counts()
    new = [decrypt(holder["name"], message)
           for holder, message in zip(task["holders"], done["keys_base64"])]
    answers["shares"] = new

    verify_nonce = done["verification_nonce"]
    answers["old_share_in_verification"] = refusal(verify, shares[0], verify_nonce)
    answers["verified_first"] = pick(verify(new[0], verify_nonce), "started", "t", "n", "progress")
    if recovery:
        client.delete(f"{prefix}/verify")
    else:
        sys_api.cancel_rekey_verify()
    restarted = verification()
    answers["verification_restarted"] = {
        **pick(restarted, "started", "t", "n", "progress"),
        "other_nonce": restarted["nonce"] != verify_nonce,
    }
    verify(new[0], restarted["nonce"])
    verified = verify(new[1], restarted["nonce"])
    answers["verified"] = verified["complete"]
    answers["counts"] = counts()
    answers["idle_again"] = pick(status(), *shown)
    nonce = sys_api.start_rekey(**start)["nonce"]
    answers["old_share"] = refusal(give, shares[0], nonce)
    sys_api.cancel_rekey(recovery_key=recovery)
    client.delete("sys/rekey/recovery-key-backup" if recovery else "sys/rekey/backup")
    answers["backup_deleted"] = refusal(sys_api.read_backup_keys, recovery_key=recovery)
    report["rekey_with_pgp"] = answers
    return new


def rekey_plainly(shares):
    nonce = client.sys.start_rekey(secret_shares=3, secret_threshold=2)["nonce"]
    done = client.sys.rekey_multi(shares[:2], nonce)
    report["rekey_plainly"] = {
        **pick(done, "complete", "keys", "keys_base64", "backup", "verification_required"),
        "counts": counts(),
        "reopened": reopen(shares, done["keys_base64"]),
    }
    return done["keys"]


def rekey_barrier_by_recovery(shares):
    """Static seal: makes a new root key by recovery shares, which gives no shares."""
    started = client.sys.start_rekey(secret_shares=1, secret_threshold=1)
    first = client.sys.rekey(shares[0], started["nonce"])
    done = client.sys.rekey(shares[1], started["nonce"])
    report["rekey_barrier"] = {
        "started": pick(started, "started", "t", "n", "required"),
        "first": first["progress"],
        "done": pick(done, "complete", "keys", "keys_base64"),
        "counts": counts(),
        "value": garden(),
    }
