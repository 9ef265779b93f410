/**
 * Automatic key upkeep: starting a new term when the active one has done its share, and
 * moving records to a changed static key. Failures are logged and retried later; meanwhile requests
 * use the existing keys.
 */

import type { RandomBytes } from "../crypto/random.ts";
import { causeOf } from "../errors.ts";
import { KEY_CHANGE_RETRY_MS } from "../limits.ts";
import type { Log } from "../log.ts";
import { openCurrentSeal, SEAL_KINDS, type SealSettings } from "../seal/kinds.ts";
import type { UnsealedVault } from "./unsealed_vault.ts";
import { noShares } from "./seal/unseal.ts";

export interface UpkeepPorts {
  readonly seal: SealSettings;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
}

const NEVER = Infinity;

export class KeyUpkeep {
  readonly #ports: UpkeepPorts;
  /** Earliest time to retry a failed rotation; 0 if none failed. */
  #nextRotationMs = 0;
  /** When to retry moving records to a changed static key. */
  #nextFollowMs = NEVER;

  constructor(ports: UpkeepPorts) {
    this.#ports = ports;
  }

  isDue(unsealed: UnsealedVault): boolean {
    const nowMs = this.#ports.nowMs();
    return nowMs >= this.#nextFollowMs || this.#isRotationDue(unsealed, nowMs);
  }

  /** Does what is due. Calls must not overlap. */
  async run(unsealed: UnsealedVault): Promise<void> {
    const nowMs = this.#ports.nowMs();
    if (this.#isRotationDue(unsealed, nowMs)) await this.#rotate(unsealed);
    if (nowMs >= this.#nextFollowMs) await this.followSealKey(unsealed);
  }

  /** Call after each unseal. On failure the vault stays unsealed under the previous key. */
  async followSealKey(unsealed: UnsealedVault): Promise<void> {
    const { seal: settings, random, nowMs, log } = this.#ports;
    if (!SEAL_KINDS[settings.type].opensByItself) return;
    try {
      await unsealed.followSealKey(openCurrentSeal(settings, noShares, random));
      this.#nextFollowMs = NEVER;
    } catch (error) {
      this.#nextFollowMs = nowMs() + KEY_CHANGE_RETRY_MS;
      log.error("records could not be brought to the current seal key; it is tried again", {
        reason: causeOf(error),
      });
    }
  }

  #isRotationDue(unsealed: UnsealedVault, nowMs: number): boolean {
    return nowMs >= this.#nextRotationMs && unsealed.rotationIsDue(nowMs);
  }

  async #rotate(unsealed: UnsealedVault): Promise<void> {
    try {
      await unsealed.rotateKeyring();
    } catch (error) {
      const { log, nowMs } = this.#ports;
      this.#nextRotationMs = nowMs() + KEY_CHANGE_RETRY_MS;
      log.error("the keyring could not be rotated; it is tried again", { reason: causeOf(error) });
    }
  }
}
