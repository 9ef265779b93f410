/** Test helper: the chapters of the story that replace shares, with the check of each report. */

import { Buffer } from "node:buffer";
import { expect } from "vitest";
import { type Chapters, expectShares, type Report } from "./report.ts";
import { type Family, FINGERPRINTS, VALUE } from "./task.ts";

type Target = "barrier" | "recovery";

const OLD_COUNTS = { t: 2, n: 3 };
const NEW_COUNTS = { t: 2, n: 2 };
const IDLE = { started: false, t: 0, n: 0, progress: 0, required: 2 };
const ASKED = { backup: true, verification_required: true, pgp_fingerprints: FINGERPRINTS };
const VERIFYING = { started: true, t: 2, n: 2 };

function refused(text: string): unknown {
  return { status: 400, errors: [text] };
}

const UNKNOWN_SHARE = refused("given key is not one of the current key shares");

/** The error texts that differ by family and target. */
function texts(family: Family, target: Target) {
  if (family === "rotate") {
    return {
      secondStart: "rotation already in progress",
      duplicate: "given key has already been provided during this rotation",
      idle: "no rotation in progress",
    };
  }
  const operation = target === "barrier" ? "generation" : "rekey";
  return {
    secondStart: "rekey already in progress",
    duplicate: `given key has already been provided during this ${operation} operation`,
    idle: `no ${target} rekey in progress`,
  };
}

function withPgp({ rekey_with_pgp: rekey }: Report, family: Family, target: Target): void {
  const { secondStart, duplicate, idle } = texts(family, target);
  expect(rekey).toMatchObject({
    idle: IDLE,
    second_start: refused(secondStart),
    first: { started: true, t: 2, n: 2, progress: 1, required: 2, ...ASKED },
    duplicate: refused(duplicate),
    wrong_share: UNKNOWN_SHARE,
    progress_kept: 1,
    cancelled: IDLE,
    after_cancel: refused(idle),
    done: { complete: true, nonce_kept: true, ...ASKED },
    counts_before_verification: OLD_COUNTS,
    old_share_in_verification: refused("given key is not one of the new key shares"),
    verified_first: { ...VERIFYING, progress: 1 },
    verification_restarted: { ...VERIFYING, progress: 0, other_nonce: true },
    verified: true,
    counts: NEW_COUNTS,
    idle_again: IDLE,
    old_share: UNKNOWN_SHARE,
  });
}

/** The messages are in the order of the keys, decrypt to shares, and equal those of the backup. */
function delivery({ rekey_with_pgp: rekey }: Report): void {
  const { keys, keys_base64, shares, backup, backup_deleted } = rekey;
  expect(keys).toHaveLength(2);
  expect(keys_base64.map((text: string) => Buffer.from(text, "base64").toString("hex")))
    .toEqual(keys);
  const asBase64 = shares.map((share: string) => Buffer.from(share, "hex").toString("base64"));
  expectShares(shares, asBase64, 2);
  const perHolder = (messages: readonly string[]) =>
    Object.fromEntries(FINGERPRINTS.map((fingerprint, i) => [fingerprint, [messages[i]]]));
  expect(backup).toEqual({
    nonce_kept: true,
    keys: perHolder(keys),
    keys_base64: perHolder(keys_base64),
  });
  expect(backup_deleted).toEqual(refused("no backed-up keys found"));
}

function reopened(shown: Report, target: Target, counts: object): void {
  const text = target === "barrier"
    ? "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: " +
      "cipher: message authentication failed"
    : "invalid key: failed to verify recovery key: recovery key does not match submitted values";
  expect(shown).toEqual({
    sealed: true,
    old_shares: refused(text),
    new_shares: { sealed: false, ...counts },
    value: VALUE,
  });
}

function plainly({ rekey_plainly: rekey }: Report): void {
  expectShares(rekey.keys, rekey.keys_base64, 3);
  expect(rekey).toMatchObject({
    complete: true,
    backup: false,
    verification_required: false,
    counts: OLD_COUNTS,
  });
  reopened(rekey.reopened, "barrier", OLD_COUNTS);
}

function barrierByRecovery({ rekey_barrier: rekey }: Report): void {
  expect(rekey).toEqual({
    started: { started: true, t: 1, n: 1, required: 2 },
    first: 1,
    done: { complete: true, keys: [], keys_base64: [] },
    counts: NEW_COUNTS,
    value: VALUE,
  });
}

export function rekeyChapters(family: Family, target: Target): Chapters {
  return {
    "rekeys with verification, which refuses wrong shares at once and can be cancelled": (
      report,
    ) => withPgp(report, family, target),
    "gets the new shares by PGP, and from a backup until it deletes it": delivery,
    "unseals with the new shares and not with the old": ({ reopened: shown }) =>
      reopened(shown, target, NEW_COUNTS),
    ...(target === "barrier"
      ? { "rekeys without PGP and verification, with the new shares in force at once": plainly }
      : { "rekeys the barrier by recovery shares and gets no shares": barrierByRecovery }),
  };
}
