"""Shared by every chapter: the task, the client, the report, and how answers get into it."""

import json
import subprocess
import sys

import hvac
from hvac import exceptions

STATUS = {
    exceptions.InvalidRequest: 400,
    exceptions.Forbidden: 403,
    exceptions.InvalidPath: 404,
    exceptions.UnsupportedOperation: 405,
    exceptions.InternalServerError: 500,
    exceptions.VaultDown: 503,
}

task = json.load(sys.stdin)
client = hvac.Client(url=task["address"])
report = {}


def refusal(call, *args, **kwargs):
    """The answer to a call that must fail; {} if it did not fail."""
    try:
        call(*args, **kwargs)
    except exceptions.VaultError as error:
        return {"status": STATUS[type(error)], "errors": error.errors or []}
    return {}


def pick(source, *names):
    return {name: source.get(name) for name in names}


def with_token(token):
    return hvac.Client(url=task["address"], token=token)


def decrypt(holder, message):
    """The plaintext of a base64 PGP message for one of the task's holders."""
    command = [*task["decrypt"], holder]
    return subprocess.run(command, input=message, text=True, check=True, capture_output=True).stdout


def counts():
    return pick(client.sys.read_seal_status(), "t", "n")


def garden():
    """The value that must survive every step."""
    return client.secrets.kv.v1.read_secret("garden", mount_point="plain")["data"]


def changed(share):
    """The share with another first byte, which is almost certainly not a share of any set."""
    return f"{int(share[:2], 16) ^ 1:02x}{share[2:]}"
