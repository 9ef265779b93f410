/**
 * Everything that exists only while the vault is unsealed: the barrier and what works behind it.
 * Sealing discards this object.
 */

import { AuditDevices, type AuditSettings } from "../audit/devices.ts";
import { leaseLimits } from "../access/tokens/lease_limits.ts";
import { AuthMounts } from "./mounts/auth_mounts.ts";
import { PolicyStore } from "../access/policies/policies.ts";
import { rootTokenTemplate, type StoredToken } from "../access/tokens/token.ts";
import { TokenRoles } from "../access/tokens/token_roles.ts";
import { TokenStore } from "../access/tokens/tokens.ts";
import { Barrier } from "../barrier/barrier.ts";
import { activeTerm, type RotationConfig } from "../barrier/keyring.ts";
import { readTermOperations } from "../barrier/term_operations.ts";
import { GenerateRoot } from "../ceremony/generate_root.ts";
import {
  type FollowUp,
  installChangedSealKey,
  installKeyring,
  installRootKey,
  rotateKeyring,
} from "../ceremony/install.ts";
import type { KeyState, OpenedKeys } from "../ceremony/key_records.ts";
import { Rekey, type RekeyPorts } from "../ceremony/rekey.ts";
import type { CeremonyTarget } from "../ceremony/state.ts";
import { decodeUtf8 } from "../crypto/bytes.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { causeOf, VaultError } from "../errors.ts";
import { EXPIRY_BATCH_TOKENS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { isActive } from "../rewrap/job.ts";
import { Rewrap } from "../rewrap/rewrap.ts";
import type { Seal } from "../seal/seal.ts";
import type { SealConfig } from "../seal/seal_config.ts";
import { CLUSTER_PATH, RECOVERY_KEY_PATH } from "../storage/record_paths.ts";
import type { Revision, Store, Write } from "../storage/store.ts";
import { countedSeal } from "./seal/counted_seal.ts";
import type { StoredConfig } from "./seal/stored_config.ts";
import { Mounts } from "./mounts/mounts.ts";
import { WrappingStore } from "./wrapping.ts";
import { Entities } from "../access/identity/entities.ts";
import { type Change, joinChanges } from "../barrier/change.ts";

export interface Cluster {
  readonly name: string;
  readonly id: string;
}

export interface UnsealedPorts {
  readonly store: Store;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly audit: AuditSettings;
  /** Called when a due time changed; must set the alarm again. */
  readonly dueChanged: () => void;
}

export class UnsealedVault {
  readonly barrier: Barrier;
  readonly tokens: TokenStore;
  readonly tokenRoles: TokenRoles;
  readonly policies: PolicyStore;
  readonly entities: Entities;
  readonly mounts: Mounts;
  readonly logins: AuthMounts;
  readonly rewrap: Rewrap;
  readonly wrapping: WrappingStore;
  readonly generateRoot: GenerateRoot;
  readonly cluster: Cluster;
  readonly audit: AuditDevices;
  readonly #rekeys: Readonly<Record<CeremonyTarget, Rekey>>;
  readonly #ports: RekeyPorts;
  #keys: KeyState;

  private constructor(parts: {
    readonly ports: UnsealedPorts;
    readonly keys: KeyState;
    readonly barrier: Barrier;
    readonly mounts: Mounts;
    readonly logins: AuthMounts;
    readonly cluster: Cluster;
    readonly audit: AuditDevices;
  }) {
    const { ports, barrier } = parts;
    const { random, nowMs } = ports;
    this.#keys = parts.keys;
    this.barrier = barrier;
    this.mounts = parts.mounts;
    this.logins = parts.logins;
    this.cluster = parts.cluster;
    this.audit = parts.audit;
    this.tokens = new TokenStore({
      barrier,
      random,
      nowMs,
      maxLeaseSeconds: () =>
        Math.max(...this.logins.list().map((mount) => leaseLimits(mount).maxSeconds)),
      dueChanged: ports.dueChanged,
    });
    this.tokenRoles = new TokenRoles(barrier);
    this.entities = new Entities({ barrier, random, nowMs });
    this.policies = new PolicyStore(barrier, nowMs, this.entities);
    this.wrapping = new WrappingStore(barrier, this.tokens, nowMs);
    this.rewrap = this.#createRewrap(ports);
    this.#ports = this.#rekeyPorts(ports);
    this.generateRoot = new GenerateRoot({
      ...this.#ports,
      issueRootToken: () => this.tokens.issue(rootTokenTemplate(nowMs())),
    });
    this.#rekeys = {
      barrier: new Rekey("barrier", this.#ports),
      recovery: new Rekey("recovery", this.#ports),
    };
  }

  /** Builds the unsealed vault on freshly opened keys. */
  static async open(
    ports: UnsealedPorts,
    opened: OpenedKeys,
    config: SealConfig,
    configRevision: Revision,
  ): Promise<UnsealedVault> {
    const { store, random, nowMs, log, metrics } = ports;
    const { rootKey, keyring, seal } = opened;
    const outer = countedSeal(seal, metrics);
    const operations = await readTermOperations(store, activeTerm(keyring).term);
    const barrier = new Barrier({ store, random, keyring, outer, operations });
    return new UnsealedVault({
      ports,
      barrier,
      keys: { rootKey, seal, config, configRevision },
      mounts: await Mounts.open(barrier, random),
      logins: await AuthMounts.open({ barrier, random, nowMs, dueChanged: ports.dueChanged }),
      cluster: await readCluster(barrier),
      // Last, so that a failure above leaves no device open.
      audit: await AuditDevices.open({ barrier, random, nowMs, log, settings: ports.audit }),
    });
  }

  get config(): SealConfig {
    return this.#keys.config;
  }

  /** The configuration and its stored revision. */
  get storedConfig(): StoredConfig {
    const { config, configRevision: revision } = this.#keys;
    return { config, revision };
  }

  get sealKeyId(): string {
    return this.#keys.seal.keyId;
  }

  /** Bytes the store occupies; null if unknown. */
  async storageBytes(): Promise<number | null> {
    return await this.#ports.store.sizeBytes();
  }

  /** How many entries each seal key wraps. */
  async sealKeyCounts(): Promise<ReadonlyMap<string, number>> {
    return await this.#ports.store.sealKeyCounts();
  }

  rekey(target: CeremonyTarget): Rekey {
    return this.#rekeys[target];
  }

  /**
   * Moves the key records to a static seal's current key and starts the rewrap of the entries.
   * `reopened` must know only that key.
   */
  async followSealKey(reopened: Seal): Promise<void> {
    const { log, store } = this.#ports;
    const outcome = await installChangedSealKey(this.#ports, reopened);
    if (outcome !== "unchanged") {
      log.info(`upgraded the key records to the seal key ${this.sealKeyId}`);
      await this.clearTraces();
    }
    if (outcome === "changed_without_recovery_key") {
      log.error(`failed to upgrade ${RECOVERY_KEY_PATH}: it does not open`);
    }
    const counts = await store.sealKeyCounts();
    const isStale = [...counts.keys()].some((keyId) => keyId !== this.sealKeyId);
    if (isStale && !isActive(await this.rewrap.job())) {
      await this.rewrap.start("seal_key_change", null);
    }
  }

  async clearTraces(): Promise<void> {
    await clearTraces(this.#ports.store, this.#ports.log);
  }

  /** Replaces the root key; the shares stay the same. */
  async rotateRoot(): Promise<void> {
    await installRootKey(this.#ports, {});
    await this.clearTraces();
  }

  async rotateKeyring(): Promise<void> {
    await rotateKeyring(this.#ports, this.#ports.nowMs());
  }

  async configureRotation(rotation: RotationConfig): Promise<void> {
    await installKeyring(this.#ports, (keyring) => ({ ...keyring, rotation }));
  }

  /** Whether the active term has reached its maximum operations or age. */
  rotationIsDue(nowMs: number): boolean {
    const { rotation } = this.barrier.keyring;
    if (!rotation.enabled) return false;
    if (this.barrier.operations >= rotation.maxOperations) return true;
    const ageMs = nowMs - activeTerm(this.barrier.keyring).installTimeMs;
    return rotation.intervalSeconds > 0 && ageMs >= rotation.intervalSeconds * 1000;
  }

  /** The writes that end every attempt. */
  endRecords(): readonly Write[] {
    const attempts = [this.#rekeys.barrier, this.#rekeys.recovery, this.generateRoot];
    return attempts.flatMap((attempt) => attempt.endRecords());
  }

  /** Removes expired attempts. */
  async expireAttempts(): Promise<void> {
    const attempts = [this.#rekeys.barrier, this.#rekeys.recovery, this.generateRoot];
    for (const attempt of attempts) await attempt.expire();
  }

  /** Revokes a token and its descendants, and clears data that only they could reach. */
  async revokeTree(stored: StoredToken): Promise<void> {
    for (const scope of await this.tokens.revoke(stored)) await this.mounts.tokenEnded(scope);
  }

  /** Revokes a bounded number of expired tokens. */
  async expireTokens(): Promise<void> {
    for (const stored of await this.tokens.expired(EXPIRY_BATCH_TOKENS)) {
      await this.revokeTree(stored);
    }
  }

  #createRewrap({ store, random, nowMs, log, metrics }: UnsealedPorts): Rewrap {
    return new Rewrap({
      store,
      barrier: this.barrier,
      random,
      nowMs,
      log,
      seal: () => this.#keys.seal,
      installSeal: (seal) => {
        this.#keys = { ...this.#keys, seal };
        this.barrier.install({ outer: countedSeal(seal, metrics) });
      },
    });
  }

  #rekeyPorts({ store, random, nowMs, log, metrics, dueChanged }: UnsealedPorts): RekeyPorts {
    return {
      store,
      barrier: this.barrier,
      random,
      nowMs,
      log,
      metrics,
      keys: () => this.#keys,
      keysCommitted: (keys) => this.#keys = keys,
      outerOf: (seal) => countedSeal(seal, metrics),
      clearTraces: () => this.clearTraces(),
      prepareRewrap: (sealKeyId) => this.#prepareRewrap(sealKeyId, dueChanged),
      voidGiven: (except, required) => this.#voidGiven(except, required),
    };
  }

  /** Voids shares submitted to other attempts, because the shares in force change. */
  async #voidGiven(except: CeremonyTarget, required: number): Promise<Change> {
    const other = except === "barrier" ? this.#rekeys.recovery : this.#rekeys.barrier;
    const voided = [await other.voided(required), await this.generateRoot.voided(required)];
    return joinChanges(...voided.filter((change) => change !== null));
  }

  #prepareRewrap(sealKeyId: string, dueChanged: () => void): FollowUp {
    const change = this.rewrap.prepareStart("rekey", sealKeyId, null);
    return { change, committed: dueChanged };
  }
}

async function readCluster(barrier: Barrier): Promise<Cluster> {
  const record = await barrier.get(CLUSTER_PATH);
  if (record === null) throw new VaultError("record_malformed", "the cluster record is missing");
  return JSON.parse(decodeUtf8(record.value)) as Cluster;
}

/**
 * Clears old key records and attempts from free space in the store. The caller's change is already
 * committed, so a failure is only logged; the next start clears them.
 */
export async function clearTraces(store: Store, log: Log): Promise<void> {
  try {
    await store.scrubKeyRecords();
  } catch (error) {
    log.warn("old key records in free space are cleared at the next start", {
      reason: causeOf(error),
    });
  }
}
