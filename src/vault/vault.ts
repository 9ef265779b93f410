/**
 * The vault ties the rooms together. It holds the phase (uninitialized, sealed, unsealed),
 * serializes everything that changes keys, and does due work when the runtime fires the alarm.
 * Clock, randomness, store and alarm are passed in; it never names a runtime.
 */

import { type AuditSettings, NO_DEVICES } from "../audit/devices.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { randomUuid } from "../crypto/random.ts";
import { equalBytes } from "../crypto/bytes.ts";
import { causeOf, invalidRequest, VaultError } from "../errors.ts";
import type { Log } from "../log.ts";
import { Metrics } from "../metrics.ts";
import { openSeal, SEAL_KINDS, type SealSettings } from "../seal/kinds.ts";
import { type OpenedKeys, readKeyRecords } from "../ceremony/key_records.ts";
import { logRecipients, recipientOf } from "../ceremony/recipients.ts";
import { parseShare } from "../ceremony/shares.ts";
import { readDueTimes } from "../storage/due.ts";
import type { Store } from "../storage/store.ts";
import { AutoUnseal } from "./seal/auto_unseal.ts";
import type { Initialized, InitializeRequest } from "./seal/initialize.ts";
import {
  readConfig,
  refuseOtherSeal,
  refuseRemains,
  type StoredConfig,
} from "./seal/stored_config.ts";
import { KeyUpkeep } from "./key_upkeep.ts";
import { Mutex } from "../storage/mutex.ts";
import { clearTraces, UnsealedVault } from "./unsealed_vault.ts";
import {
  checkRecoveryShares,
  isWrongKey,
  noShares,
  openWithShares,
  sealFailure,
} from "./seal/unseal.ts";
import { nextDueMs, runDue } from "./jobs.ts";
import { describePhase, type Phase, type SealStatus } from "./phase.ts";
import type { Share } from "../crypto/keys.ts";

export interface VaultPorts {
  readonly store: Store;
  readonly seal: SealSettings;
  readonly nowMs: () => number;
  /** `set` requests `fire` at or after a time. The runtime keeps the earliest pending time. */
  readonly alarm: { set(atMs: number): Promise<void> | void };
  readonly random: RandomBytes;
  readonly log: Log;
  /** Omit if the runtime has no audit devices. */
  readonly audit?: AuditSettings;
  /** Called when a new vault is stored, before its shares are returned. Must not throw. */
  readonly initialized?: () => void;
}

export class Vault {
  /** Counts since this process opened the vault, across seals and unseals. */
  readonly metrics: Metrics;
  readonly #ports: VaultPorts;
  readonly #mutex = new Mutex();
  #phase: Phase;
  readonly #autoUnseal: AutoUnseal;
  /** Set when a seal by request could not end the attempts. Until it can, none continues. */
  #owesEnds = false;
  readonly #upkeep: KeyUpkeep;

  private constructor(ports: VaultPorts, phase: Phase) {
    this.metrics = new Metrics(ports.nowMs());
    this.#ports = ports;
    this.#phase = phase;
    this.#autoUnseal = new AutoUnseal(SEAL_KINDS[ports.seal.type].opensByItself);
    this.#upkeep = new KeyUpkeep(ports);
  }

  /** Reads the stored state. A static seal unseals at once, or is retried on later requests. */
  static async open(ports: VaultPorts): Promise<Vault> {
    const stored = await readConfig(ports.store);
    if (stored === null) await refuseRemains(ports.store);
    else refuseOtherSeal(stored.config, ports.seal);
    const phase: Phase = stored === null
      ? { kind: "uninitialized" }
      : { kind: "sealed", stored, attempt: null };
    const vault = new Vault(ports, phase);
    await vault.wake();
    await vault.#setAlarm();
    return vault;
  }

  /** The vault's clock; with `log`, for the code that serves it. */
  get nowMs(): () => number {
    return this.#ports.nowMs;
  }

  get log(): Log {
    return this.#ports.log;
  }

  status(): SealStatus {
    const { store, seal } = this.#ports;
    return describePhase(this.#phase, seal.type, store.storageType);
  }

  /** The unsealed vault. Throws `sealed`, even if never initialised. */
  unsealed(): UnsealedVault {
    if (this.#phase.kind !== "unsealed") throw new VaultError("sealed", "Vault is sealed");
    return this.#phase.unsealed;
  }

  /** Runs changes of keys, attempts or the phase one at a time, in order of arrival. */
  async exclusive<T>(body: () => Promise<T>): Promise<T> {
    return await this.#mutex.run(body);
  }

  /** Like `exclusive`, on an unsealed vault; sets the alarm afterwards. Throws `sealed`. */
  async administer<T>(body: (unsealed: UnsealedVault) => Promise<T>): Promise<T> {
    return await this.exclusive(async () => {
      try {
        const unsealed = this.unsealed();
        if (this.#owesEnds) await this.#endAttempts(unsealed);
        return await body(unsealed);
      } finally {
        await this.#trySetAlarm();
      }
    });
  }

  async initialize(request: InitializeRequest): Promise<Initialized> {
    return await this.exclusive(async () => {
      if (this.#phase.kind !== "uninitialized") {
        throw invalidRequest("Vault is already initialized");
      }
      const { store, seal: settings, random, nowMs, log } = this.#ports;
      const { initialize } = await import("./seal/initialize.ts");
      const made = await initialize({ store, settings, random, nowMs }, request);
      log.info("security barrier initialized", { ...request.counts });
      const { recipients, rootTokenRecipient: holder } = request;
      logRecipients(log, recipients);
      logRecipients(log, holder === null ? null : [recipientOf(holder)]);
      // The vault exists now, so its shares must reach the caller whatever fails below.
      this.#phase = { kind: "sealed", stored: made.stored, attempt: null };
      await clearTraces(store, log);
      this.#ports.initialized?.();
      if (SEAL_KINDS[settings.type].opensByItself) await this.#openOrRetry(made.stored);
      return made;
    });
  }

  /** Takes one share towards unsealing. Resolves if the vault is already unsealed. */
  async submitUnsealShare(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.exclusive(async () => {
      if (this.#phase.kind === "uninitialized") throw invalidRequest("Vault is not initialized");
      const share = parseShare(bytes, "invalid key: ");
      if (this.#phase.kind === "unsealed") return;
      const { stored } = this.#phase;
      const given = this.#phase.attempt?.shares ?? [];
      if (given.some((other) => equalBytes(other, share))) return;
      const id = this.#phase.attempt?.id ?? randomUuid(this.#ports.random);
      const shares = [...given, share];
      const { threshold } = stored.config.counts;
      if (shares.length < threshold) {
        this.#phase = { kind: "sealed", stored, attempt: { id, shares } };
        return;
      }
      this.#phase = { kind: "sealed", stored, attempt: null };
      await this.#openByShares(stored, shares, threshold);
    });
  }

  async resetUnseal(): Promise<void> {
    await this.exclusive(async () => {
      if (this.#phase.kind === "unsealed") throw invalidRequest("vault is unsealed");
      if (this.#phase.kind === "sealed") this.#phase = { ...this.#phase, attempt: null };
    });
  }

  /**
   * Seals by request: ends every attempt and drops all keys, even if the store fails. Requests
   * under way fail with `sealed` at their next barrier access.
   */
  async seal(): Promise<void> {
    const { store, log } = this.#ports;
    const unsealed = await this.exclusive(async () => {
      if (this.#phase.kind !== "unsealed") return null;
      const { unsealed } = this.#phase;
      await unsealed.barrier.exclusively(async () => {
        await this.#tryEndAttempts(unsealed);
        unsealed.barrier.close();
        this.#phase = { kind: "sealed", stored: unsealed.storedConfig, attempt: null };
        this.#autoUnseal.stop();
      });
      await clearTraces(store, log);
      return unsealed;
    });
    if (unsealed === null) return;
    // Outside the mutex: requests waiting for it must still find their audit devices.
    await unsealed.audit.close();
    this.#ports.log.info("vault is sealed");
  }

  /**
   * Every request calls this first. Tries an automatic unseal if one is due, and runs key upkeep if
   * the vault is unsealed.
   */
  async wake(): Promise<void> {
    await this.#openIfDue();
    const { kind } = this.#phase;
    if (kind !== "unsealed" || !this.#upkeep.isDue(this.#phase.unsealed)) return;
    await this.exclusive(async () => {
      // An earlier turn may have done it, or sealed or reopened the vault.
      if (this.#phase.kind !== "unsealed") return;
      await this.#upkeep.run(this.#phase.unsealed);
      await this.#trySetAlarm();
    });
  }

  async #endAttempts(unsealed: UnsealedVault): Promise<void> {
    await this.#ports.store.commit({ writes: unsealed.endRecords() });
    this.#owesEnds = false;
  }

  async #tryEndAttempts(unsealed: UnsealedVault): Promise<void> {
    this.#owesEnds = true;
    try {
      await this.#endAttempts(unsealed);
    } catch (error) {
      const reason = causeOf(error);
      this.#ports.log.error("attempts could not be ended; none goes on until they are", { reason });
    }
  }

  async #openIfDue(): Promise<void> {
    if (this.#phase.kind !== "sealed" || !this.#autoUnseal.isDue(this.#ports.nowMs())) return;
    await this.exclusive(async () => {
      if (this.#phase.kind !== "sealed" || !this.#autoUnseal.isDue(this.#ports.nowMs())) return;
      await this.#openOrRetry(this.#phase.stored);
    });
  }

  /** Logs a failure; a later request retries. */
  async #openOrRetry(stored: StoredConfig): Promise<void> {
    const { nowMs, log } = this.#ports;
    try {
      await this.#openBySettings(stored);
    } catch (error) {
      this.metrics.countAutoUnsealFailure();
      this.#autoUnseal.failed(nowMs());
      const reason = isWrongKey(error) ? sealFailure(error) : causeOf(error);
      log.warn("failed to unseal core: fetching stored unseal keys failed", { reason });
    }
  }

  /**
   * Does what is due: rewrap slices, expired attempts and tokens. Safe to call at any time, and
   * repeatedly.
   */
  async fire(): Promise<void> {
    await this.wake();
    await this.exclusive(async () => {
      const { store, nowMs } = this.#ports;
      const due = await readDueTimes(store);
      if (this.#phase.kind === "unsealed") await runDue(this.#phase.unsealed, due, nowMs());
    }).finally(() => this.#setAlarm());
  }

  /** Reopens audit files by name, after a rotation renamed them. */
  reopenAudit(): void {
    if (this.#phase.kind === "unsealed") this.#phase.unsealed.audit.reopen();
  }

  /** Closes after audited requests and their lines are done, or once `limit` is aborted. */
  async close(limit: AbortSignal | null = null): Promise<void> {
    const { store, log } = this.#ports;
    if (await endsBefore(this.#closeAudit(), limit)) {
      await this.exclusive(() => store.close());
      return;
    }
    log.warn("closing without the last audit entries: a device or a request does not end");
    // A stuck request may hold the mutex. To the others this looks like a crash.
    await store.close();
  }

  /** Outside the mutex, as in `seal`: requests under way may still need it. */
  async #closeAudit(): Promise<void> {
    const unsealed = await this.exclusive(async () =>
      this.#phase.kind === "unsealed" ? this.#phase.unsealed : null
    );
    await unsealed?.audit.close();
  }

  /** Only logs a failure: the result, above all new shares, must reach the caller. */
  async #trySetAlarm(): Promise<void> {
    try {
      await this.#setAlarm();
    } catch (error) {
      const reason = causeOf(error);
      this.#ports.log.warn("the alarm could not be set: due work waits for the next", { reason });
    }
  }

  /** Does nothing while sealed: there is no due work. */
  async #setAlarm(): Promise<void> {
    if (this.#phase.kind !== "unsealed") return;
    const atMs = await nextDueMs(this.#phase.unsealed, await readDueTimes(this.#ports.store));
    if (atMs !== null) await this.#ports.alarm.set(atMs);
  }

  async #openByShares(
    stored: StoredConfig,
    shares: readonly Share[],
    threshold: number,
  ): Promise<void> {
    const { store, seal: settings, random } = this.#ports;
    if (!SEAL_KINDS[settings.type].opensByItself) {
      await this.#install(await openWithShares(store, shares, threshold, random), stored);
      return;
    }
    await checkRecoveryShares(store, openSeal(settings, noShares, random), shares, threshold);
    await this.#openBySettings(stored);
  }

  async #openBySettings(stored: StoredConfig): Promise<void> {
    const { store, seal: settings, random } = this.#ports;
    const seal = openSeal(settings, noShares, random);
    await this.#install(await readKeyRecords(store, seal), stored);
    this.#autoUnseal.opened();
  }

  async #install(opened: OpenedKeys, stored: StoredConfig): Promise<void> {
    const { store, random, nowMs, log, audit = NO_DEVICES } = this.#ports;
    const { metrics } = this;
    const dueChanged = () => void this.#trySetAlarm();
    const ports = { store, random, nowMs, log, metrics, audit, dueChanged };
    const unsealed = await UnsealedVault.open(ports, opened, stored.config, stored.revision);
    await this.#upkeep.followSealKey(unsealed);
    this.#phase = { kind: "unsealed", unsealed };
    metrics.sealWorks = true;
    log.info("vault is unsealed");
    await unsealed.rewrap.logResumption();
    await this.#trySetAlarm();
  }
}

/** False if `limit` is aborted before `work` ends. Rejects if `work` rejects first. */
async function endsBefore(work: Promise<void>, limit: AbortSignal | null): Promise<boolean> {
  const aborted = Promise.withResolvers<boolean>();
  limit?.addEventListener("abort", () => aborted.resolve(false), { once: true });
  if (limit?.aborted === true) aborted.resolve(false);
  return await Promise.race([work.then(() => true), aborted.promise]);
}
