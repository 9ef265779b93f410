"""The chapter about transit encryption."""

import base64

from context import client, pick, refusal, report


def transit():
    client.sys.enable_secrets_engine("transit", "transit")
    keys = client.secrets.transit
    plaintext = base64.b64encode(b"thistle").decode()
    keys.create_key("ring", key_type="aes256-gcm96")
    first = keys.encrypt_data("ring", plaintext)["data"]["ciphertext"]
    keys.rotate_key("ring")
    shown = keys.read_key("ring")["data"]
    second = keys.encrypt_data("ring", plaintext)["data"]["ciphertext"]
    rewrapped = keys.rewrap_data("ring", first)["data"]["ciphertext"]
    old = keys.decrypt_data("ring", first)["data"]["plaintext"]
    keys.update_key_configuration("ring", min_decryption_version=2)
    report["transit"] = {
        "key": pick(shown, "name", "type", "latest_version", "exportable"),
        "listed": keys.list_keys()["data"]["keys"],
        "ciphertexts": [first, second, rewrapped],
        "decrypted": [old, *(keys.decrypt_data("ring", text)["data"]["plaintext"]
                             for text in (second, rewrapped))],
        "too_old": refusal(keys.decrypt_data, "ring", first)["status"],
        "damaged": refusal(keys.decrypt_data, "ring", damaged(second))["status"],
        "may_not_export": refusal(keys.export_key, "ring", "encryption-key")["status"],
    }


def damaged(ciphertext):
    """The ciphertext with the last byte of its tag changed."""
    prefix, text = ciphertext.rsplit(":", 1)
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return f"{prefix}:{base64.b64encode(raw).decode()}"
