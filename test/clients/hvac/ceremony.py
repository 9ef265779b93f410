"""Runs the story of ../story.ts with hvac: task on stdin, report on stdout, both JSON.

Reports the client's answers and checks nothing. Uses only hvac's public methods, and its generic
read, write and delete if it has no method.
"""

import json
import sys

from access import policies, tokens, wrapping
from context import client, pick, report, task
from engines import kv1, kv2, mounts
from generate_root import generate_root
from rekey import rekey_barrier_by_recovery, rekey_plainly, rekey_with_pgp
from seal import initialize, reopen, rotate, unseal
from transit import transit


def tell():
    shares = initialize()
    if task["seal"] == "shamir":
        unseal(shares)
        mounts()
        kv1()
        kv2()
        policies()
        tokens()
        wrapping()
        transit()
        new = rekey_with_pgp(shares, recovery=False)
        report["reopened"] = reopen(shares, new)
        shares = rekey_plainly(new)
    else:
        report["status"] = pick(client.sys.read_seal_status(), "type", "sealed", "t", "n",
                                "recovery_seal", "recovery_seal_type")
        mounts()
        kv1()
        new = rekey_with_pgp(shares, recovery=True)
        rekey_barrier_by_recovery(new)
        report["reopened"] = reopen(shares, new)
        shares = new
    rotate()
    generate_root(shares)


tell()
json.dump(report, sys.stdout)
