/** Refusals of the legacy endpoints of a ceremony, word for word as in the reference. */

import type { CeremonyTarget } from "../../../ceremony/state.ts";
import type { FamilyTexts } from "./rekey_request.ts";

export function rekeyTexts(target: CeremonyTarget): FamilyTexts {
  const what = "when rekeying the barrier key with recovery keys";
  const noRecovery = "recovery rekeying not supported";
  return {
    withoutRecovery: {
      status: noRecovery,
      start: noRecovery,
      cancel: noRecovery,
      submit: "failed to fetch existing recovery config: recovery not supported",
      verification: noRecovery,
      verify: noRecovery,
      restart_verification: noRecovery,
    },
    missingShare: "'key' must be specified in request body as JSON",
    missingNonce: null,
    nothingStarted: `no ${target} rekey in progress`,
    nothingToVerify: "no rekey configuration found",
    wrongKeyCount: "incorrect number of PGP keys for rekey",
    configuration: {
      barrier: "invalid rekey seal configuration: ",
      recovery: "invalid recovery configuration: ",
    },
    storedKeys: {
      pgp: `PGP key encryption not supported ${what}`,
      backup: `key backup not supported ${what}`,
      verification: `requiring verification not supported ${what}`,
    },
    backupBeforeStoredKeys: true,
    refusals: {
      already_in_progress: () => "rekey already in progress",
      not_in_progress: () => "no rekey in progress",
      verification_not_in_progress: () => "no rekey verification in progress",
      already_finished: ({ verificationId }) =>
        "rekey operation already finished; verification must be performed; nonce for the " +
        `verification operation is "${verificationId}"`,
      wrong_ceremony_id: ({ expected }) =>
        `incorrect nonce supplied; nonce for this rekey operation is "${expected}"`,
      wrong_verification_id: ({ expected }) =>
        `incorrect nonce supplied; nonce for this verify operation is "${expected}"`,
      parameters_changed: () => "the parameters of this operation are not those of params_digest",
      duplicate_share: () =>
        "given key has already been provided during this " +
        `${target === "barrier" ? "generation" : "rekey"} operation`,
      duplicate_new_share: () => "given key has already been provided during this verify operation",
      unknown_share: () => "given key is not one of the current key shares",
      unknown_new_share: () => "given key is not one of the new key shares",
    },
  };
}
