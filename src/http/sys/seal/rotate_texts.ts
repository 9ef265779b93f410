/** Refusals of `sys/rotate/{root,recovery}/*`, word for word as in the reference. */

import type { FamilyTexts } from "./rekey_request.ts";

export const ROTATE_TEXTS: FamilyTexts = {
  withoutRecovery: {
    status: "unable to look up config: recovery not supported",
    start: "recovery keys not supported",
    cancel: null,
    submit: "failed to fetch existing config: recovery not supported",
    verification: null,
    verify: null,
    restart_verification: null,
  },
  missingShare: "missing required field 'key'",
  missingNonce: "missing required field 'nonce'",
  nothingStarted: "no rotation in progress",
  nothingToVerify: "no rotation configuration found",
  wrongKeyCount: null,
  configuration: {
    barrier: "invalid rotate seal configuration: ",
    recovery: "invalid recovery configuration: ",
  },
  storedKeys: {
    pgp: "PGP key encryption not supported when using stored keys",
    backup: "key backup not supported when using stored keys",
    verification:
      "requiring verification not supported when rotating the barrier key with recovery keys",
  },
  backupBeforeStoredKeys: false,
  refusals: {
    already_in_progress: () => "rotation already in progress",
    not_in_progress: () => "no rotation in progress",
    verification_not_in_progress: () => "no rotation verification in progress",
    already_finished: ({ verificationId }) =>
      "rotation already finished; verification must be performed; nonce for the verification " +
      `operation is "${verificationId}"`,
    wrong_ceremony_id: ({ expected }) =>
      `incorrect nonce supplied; nonce for rotation is "${expected}"`,
    wrong_verification_id: ({ expected }) =>
      `incorrect nonce supplied; nonce for this verify operation is "${expected}"`,
    parameters_changed: () => "the parameters of this operation are not those of params_digest",
    duplicate_share: () => "given key has already been provided during this rotation",
    duplicate_new_share: () => "given key has already been provided during this verify operation",
    unknown_share: () => "given key is not one of the current key shares",
    unknown_new_share: () => "given key is not one of the new key shares",
  },
};
