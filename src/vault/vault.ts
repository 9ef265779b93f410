/**
 * The vault: the one place where the rooms meet. It knows the phase (not initialised, sealed,
 * unsealed), runs everything that changes keys one at a time, and does the due work when the runtime
 * fires the alarm. Clock, randomness, store and alarm are given to it; it names no runtime.
 */

import { type AuditSettings, NO_DEVICES } from "../audit/devices.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { randomUuid } from "../crypto/random.ts";
import { equalBytes } from "../crypto/bytes.ts";
import { causeOf, invalidRequest, VaultError } from "../errors.ts";
import type { Log } from "../log.ts";
import { Metrics } from "../metrics.ts";
import { authorisingShares, decodeSealConfig, type SealConfig } from "../seal/seal_config.ts";
import type { SealSettings } from "../seal/seal_settings.ts";
import { createStaticSeal } from "../seal/static_seal.ts";
import { type OpenedKeys, readKeyRecords } from "../ceremony/key_records.ts";
import { logRecipients, recipientOf } from "../ceremony/recipients.ts";
import { refuseShareLength } from "../ceremony/shares.ts";
import { readDueTimes } from "../storage/due.ts";
import { SEAL_CONFIG_PATH } from "../storage/record_paths.ts";
import type { Store } from "../storage/store.ts";
import { AutoUnseal } from "./seal/auto_unseal.ts";
import type { Initialized, InitializeRequest, StoredConfig } from "./seal/initialize.ts";
import { KeyUpkeep } from "./key_upkeep.ts";
import { Mutex } from "../barrier/mutex.ts";
import { clearTraces, type Cluster, OpenVault } from "./open_vault.ts";
import { checkRecoveryShares, isWrongKey, openWithShares, sealFailure } from "./seal/unseal.ts";

export interface VaultPorts {
  readonly store: Store;
  readonly seal: SealSettings;
  readonly nowMs: () => number;
  /** `set` asks for `fire` at or after a time; the runtime keeps the earliest pending one. */
  readonly alarm: { set(atMs: number): Promise<void> | void };
  readonly random: RandomBytes;
  readonly log: Log;
  /** Left out: this runtime has no audit devices. */
  readonly audit?: AuditSettings;
  /** Called once a new vault is stored, before anybody gets its shares. Must not throw. */
  readonly initialized?: () => void;
}

/** What anybody may know, in every phase. */
export interface SealStatus {
  readonly type: SealSettings["type"];
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly threshold: number;
  readonly shares: number;
  /** Shares given to unseal so far, and the attempt they belong to ("" for none). */
  readonly progress: number;
  readonly attemptId: string;
  readonly storageType: string;
  /** Null while sealed. */
  readonly cluster: Cluster | null;
}

interface UnsealAttempt {
  readonly id: string;
  readonly shares: readonly Uint8Array<ArrayBuffer>[];
}

type Phase =
  | { readonly kind: "uninitialized" }
  | {
    readonly kind: "sealed";
    readonly stored: StoredConfig;
    readonly attempt: UnsealAttempt | null;
  }
  | { readonly kind: "unsealed"; readonly open: OpenVault };

export class Vault {
  /** Counted since this process began to serve the vault, also through seals and unseals. */
  readonly metrics: Metrics;
  readonly #ports: VaultPorts;
  readonly #mutex = new Mutex();
  #phase: Phase;
  readonly #autoUnseal: AutoUnseal;
  /** A seal by request could not end the attempts: until they are, none goes on. */
  #owesEnds = false;
  readonly #upkeep: KeyUpkeep;

  private constructor(ports: VaultPorts, phase: Phase) {
    this.metrics = new Metrics(ports.nowMs());
    this.#ports = ports;
    this.#phase = phase;
    this.#autoUnseal = new AutoUnseal(ports.seal.type !== "shamir");
    this.#upkeep = new KeyUpkeep(ports);
  }

  /** Reads what is stored. A static seal unseals at once, or is tried again on later requests. */
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

  /** The clock and log that the vault was given, for what serves it. */
  get nowMs(): () => number {
    return this.#ports.nowMs;
  }

  get log(): Log {
    return this.#ports.log;
  }

  status(): SealStatus {
    const { store, seal } = this.#ports;
    const phase = this.#phase;
    const base = { type: seal.type, storageType: store.storageType };
    const idle = { progress: 0, attemptId: "", cluster: null };
    switch (phase.kind) {
      case "uninitialized":
        return { ...base, ...idle, initialized: false, sealed: true, threshold: 0, shares: 0 };
      case "sealed": {
        const { shares, threshold } = authorisingShares(phase.stored.config);
        const progress = phase.attempt?.shares.length ?? 0;
        const attemptId = phase.attempt?.id ?? "";
        const counts = { shares, threshold, progress, attemptId };
        return { ...base, ...counts, initialized: true, sealed: true, cluster: null };
      }
      case "unsealed": {
        const { shares, threshold } = authorisingShares(phase.open.config);
        const { cluster } = phase.open;
        return { ...base, ...idle, initialized: true, sealed: false, threshold, shares, cluster };
      }
    }
  }

  /** The unsealed vault. Throws `sealed`, also when it was never initialised. */
  unsealed(): OpenVault {
    if (this.#phase.kind !== "unsealed") throw new VaultError("sealed", "Vault is sealed");
    return this.#phase.open;
  }

  /** Runs what changes keys, attempts or the phase: one at a time, in order of arrival. */
  async exclusive<T>(body: () => Promise<T>): Promise<T> {
    return await this.#mutex.run(body);
  }

  /** The same, on an unsealed vault; afterwards the alarm is set for what became due. */
  async administer<T>(body: (open: OpenVault) => Promise<T>): Promise<T> {
    return await this.exclusive(async () => {
      try {
        const open = this.unsealed();
        if (this.#owesEnds) await this.#endAttempts(open);
        return await body(open);
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
      // The vault exists and its shares must reach the caller, whatever fails from here on.
      this.#phase = { kind: "sealed", stored: made.stored, attempt: null };
      await clearTraces(store, log);
      this.#ports.initialized?.();
      if (settings.type !== "shamir") await this.#openOrRetry(made.stored);
      return made;
    });
  }

  /** One share towards unsealing. Resolves as well when the vault is open already. */
  async submitUnsealShare(share: Uint8Array<ArrayBuffer>, migrate: boolean): Promise<void> {
    await this.exclusive(async () => {
      if (this.#phase.kind === "uninitialized") throw invalidRequest("Vault is not initialized");
      refuseShareLength(share, "invalid key: ");
      if (this.#phase.kind === "unsealed") return;
      if (migrate) {
        throw invalidRequest("can't perform a seal migration, no migration seal found");
      }
      const { stored } = this.#phase;
      const given = this.#phase.attempt?.shares ?? [];
      if (given.some((other) => equalBytes(other, share))) return;
      const id = this.#phase.attempt?.id ?? randomUuid(this.#ports.random);
      const shares = [...given, share];
      const { threshold } = authorisingShares(stored.config);
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
   * Seals by request: every attempt ends, and no key stays in memory, whatever the store says.
   * Requests under way fail with `sealed` at their next look behind the barrier.
   */
  async seal(): Promise<void> {
    const { store, log } = this.#ports;
    const open = await this.exclusive(async () => {
      if (this.#phase.kind !== "unsealed") return null;
      const { open } = this.#phase;
      await open.barrier.exclusively(async () => {
        await this.#tryEndAttempts(open);
        open.barrier.close();
        this.#phase = { kind: "sealed", stored: open.storedConfig, attempt: null };
        this.#autoUnseal.stop();
      });
      await clearTraces(store, log);
      return open;
    });
    if (open === null) return;
    // Not before others had their turn: what they have done must still find its audit devices.
    await open.audit.close();
    this.#ports.log.info("vault is sealed");
  }

  /**
   * What every request does first: opens a vault whose seal needs nobody, if it is sealed and a try
   * is due, and gives the keyring a new term when the active one has worked enough.
   */
  async wake(): Promise<void> {
    await this.#openIfDue();
    const { kind } = this.#phase;
    if (kind !== "unsealed" || !this.#upkeep.isDue(this.#phase.open)) return;
    await this.exclusive(async () => {
      // An earlier turn may have done it, sealed the vault, or opened another.
      if (this.#phase.kind !== "unsealed") return;
      await this.#upkeep.run(this.#phase.open);
      await this.#trySetAlarm();
    });
  }

  async #endAttempts(open: OpenVault): Promise<void> {
    await this.#ports.store.commit({ writes: open.endRecords() });
    this.#owesEnds = false;
  }

  async #tryEndAttempts(open: OpenVault): Promise<void> {
    this.#owesEnds = true;
    try {
      await this.#endAttempts(open);
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

  /** A failure is logged, and tried again on a later request. */
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
   * Does what is due: slices of a rewrap, attempts and tokens whose time is over. Safe to call at any
   * time and twice.
   */
  async fire(): Promise<void> {
    await this.wake();
    await this.exclusive(async () => {
      const { store, nowMs } = this.#ports;
      const due = await readDueTimes(store);
      if (this.#phase.kind !== "unsealed") return;
      const { open } = this.#phase;
      const isDue = (job: string): boolean => (due.get(job) ?? Infinity) <= nowMs();
      if ([...due.keys()].some((job) => job !== "rewrap" && isDue(job))) {
        await open.expireAttempts();
      }
      await open.expireTokens();
      await open.logins.expire();
      if (isDue("rewrap")) await open.rewrap.runSlice();
    }).finally(() => this.#setAlarm());
  }

  /** Opens audit files anew by their names, after somebody has renamed them. */
  reopenAudit(): void {
    if (this.#phase.kind === "unsealed") this.#phase.open.audit.reopen();
  }

  /** Waits for audited requests under way and for their lines; no longer once `limit` is aborted. */
  async close(limit: AbortSignal | null = null): Promise<void> {
    const { store, log } = this.#ports;
    if (await endsBefore(this.#closeAudit(), limit)) {
      await this.exclusive(() => store.close());
      return;
    }
    log.warn("closing without the last audit entries: a device or a request does not end");
    // Who is stuck may hold the mutex; for others it is as if the process had died.
    await store.close();
  }

  /** As in `seal`, outside of what runs alone: requests under way may still need their turn. */
  async #closeAudit(): Promise<void> {
    const open = await this.exclusive(async () =>
      this.#phase.kind === "unsealed" ? this.#phase.open : null
    );
    await open?.audit.close();
  }

  /** For after a commit: what was done, and new shares above all, must reach the caller. */
  async #trySetAlarm(): Promise<void> {
    try {
      await this.#setAlarm();
    } catch (error) {
      const reason = causeOf(error);
      this.#ports.log.warn("the alarm could not be set: due work waits for the next", { reason });
    }
  }

  /** A sealed vault has nothing to do until somebody opens it. */
  async #setAlarm(): Promise<void> {
    if (this.#phase.kind !== "unsealed") return;
    const { tokens, logins } = this.#phase.open;
    const times = [...(await readDueTimes(this.#ports.store)).values()];
    for (const expiryAtMs of [await tokens.nextExpiryAtMs(), await logins.nextExpiryAtMs()]) {
      if (expiryAtMs !== null) times.push(expiryAtMs);
    }
    if (times.length > 0) await this.#ports.alarm.set(Math.min(...times));
  }

  async #openByShares(
    stored: StoredConfig,
    shares: readonly Uint8Array<ArrayBuffer>[],
    threshold: number,
  ): Promise<void> {
    const { store, seal: settings, random } = this.#ports;
    if (settings.type === "shamir") {
      await this.#install(await openWithShares(store, shares, threshold, random), stored);
      return;
    }
    await checkRecoveryShares(store, createStaticSeal(settings, random), shares, threshold);
    await this.#openBySettings(stored);
  }

  async #openBySettings(stored: StoredConfig): Promise<void> {
    const { store, seal: settings, random } = this.#ports;
    if (settings.type === "shamir") throw new TypeError("a Shamir seal does not open by itself");
    const seal = createStaticSeal(settings, random);
    await this.#install(await readKeyRecords(store, seal), stored);
    this.#autoUnseal.opened();
  }

  async #install(opened: OpenedKeys, stored: StoredConfig): Promise<void> {
    const { store, random, nowMs, log, audit = NO_DEVICES } = this.#ports;
    const { metrics } = this;
    const dueChanged = () => void this.#trySetAlarm();
    const ports = { store, random, nowMs, log, metrics, audit, dueChanged };
    const open = await OpenVault.open(ports, opened, stored.config, stored.revision);
    await this.#upkeep.followSealKey(open);
    this.#phase = { kind: "unsealed", open };
    metrics.sealWorks = true;
    log.info("vault is unsealed");
    await open.rewrap.logResumption();
    await this.#trySetAlarm();
  }
}

async function readConfig(store: Store): Promise<StoredConfig | null> {
  const record = await store.get(SEAL_CONFIG_PATH);
  if (record === null) return null;
  return { config: decodeSealConfig(record.bytes), revision: record.revision };
}

/** Whether `work` ends before `limit` is aborted; rejects as `work` does until then. */
async function endsBefore(work: Promise<void>, limit: AbortSignal | null): Promise<boolean> {
  const aborted = Promise.withResolvers<boolean>();
  limit?.addEventListener("abort", () => aborted.resolve(false), { once: true });
  if (limit?.aborted === true) aborted.resolve(false);
  return await Promise.race([work.then(() => true), aborted.promise]);
}

/** A store with records but without their configuration is no new vault, whatever became of it. */
async function refuseRemains(store: Store): Promise<void> {
  const [path] = await store.list("", "", 1);
  if (path === undefined) return;
  throw new VaultError(
    "record_malformed",
    `the store holds records (${path} is the first) but no seal configuration: ` +
      "it is damaged; put it back from a backup",
  );
}

function refuseOtherSeal(config: SealConfig, settings: SealSettings): void {
  if (config.type === settings.type) return;
  throw invalidRequest(
    `cannot start with the ${settings.type} seal: this vault was initialised with ${config.type}`,
  );
}
