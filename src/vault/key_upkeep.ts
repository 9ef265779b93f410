/**
 * What a vault does with its keys by itself: it begins a term when the active one has worked enough,
 * and brings its records to a static key that was changed. What fails is logged and tried again later;
 * requests go on with the keys there are.
 */

import type { RandomBytes } from "../crypto/random.ts";
import { causeOf } from "../errors.ts";
import { KEY_CHANGE_RETRY_MS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SealSettings } from "../seal/seal_settings.ts";
import { createStaticSeal } from "../seal/static_seal.ts";
import type { UnsealedVault } from "./unsealed_vault.ts";

export interface UpkeepPorts {
  readonly seal: SealSettings;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
}

const NEVER = Infinity;

export class KeyUpkeep {
  readonly #ports: UpkeepPorts;
  /** No new term is tried before, after one that failed. */
  #nextRotationMs = 0;
  /** When records are to follow a changed static key, after a failure. */
  #nextFollowMs = NEVER;

  constructor(ports: UpkeepPorts) {
    this.#ports = ports;
  }

  isDue(unsealed: UnsealedVault): boolean {
    const nowMs = this.#ports.nowMs();
    return nowMs >= this.#nextFollowMs || this.#isRotationDue(unsealed, nowMs);
  }

  /** Does what is due; one call at a time. */
  async run(unsealed: UnsealedVault): Promise<void> {
    const nowMs = this.#ports.nowMs();
    if (this.#isRotationDue(unsealed, nowMs)) await this.#rotate(unsealed);
    if (nowMs >= this.#nextFollowMs) await this.followSealKey(unsealed);
  }

  /** To be called when a vault was opened: a failure leaves it open by the previous key. */
  async followSealKey(unsealed: UnsealedVault): Promise<void> {
    const { seal: settings, random, nowMs, log } = this.#ports;
    if (settings.type === "shamir") return;
    try {
      await unsealed.followSealKey(createStaticSeal({ ...settings, previous: null }, random));
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
