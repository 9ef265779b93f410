/**
 * Puts a new key in force: computes every record of the change, proves in memory that the new
 * shares open them, commits once, and only then changes memory. After a stop at any point, either
 * the old or the new shares open the vault.
 */

import type { Barrier, OuterLayer } from "../barrier/barrier.ts";
import { type Change, joinChanges } from "../barrier/change.ts";
import { addTerm, type Keyring, withNewCredentialKey } from "../barrier/keyring.ts";
import { equalBytes } from "../crypto/bytes.ts";
import { recoveryKey, rootKey, type Share, unsealKey } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { KEY_BYTES } from "../limits.ts";
import { wrapRecord } from "../seal/previous_keys.ts";
import type { Seal } from "../seal/seal.ts";
import { encodeSealConfig, type SealConfig, type ShareCounts } from "../seal/seal_config.ts";
import { createShamirSeal } from "../seal/shamir_seal.ts";
import {
  KEYRING_PATH,
  RECOVERY_KEY_PATH,
  ROOT_KEY_PATH,
  SEAL_CONFIG_PATH,
} from "../storage/record_paths.ts";
import type { Store, Write } from "../storage/store.ts";
import {
  keyRecords,
  type KeyState,
  type OpenedKeys,
  proveKeyRecords,
  readRecoveryKey,
} from "./key_records.ts";
import { joinShares } from "./shares.ts";

/** What starts a rewrap, for the commit that makes entries stale. */
export interface FollowUp {
  readonly change: Change;
  /** Called once the commit is durable. */
  readonly committed: () => void;
}

export interface InstallPorts {
  readonly barrier: Barrier;
  readonly store: Store;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly keys: () => KeyState;
  /** Takes over committed keys. The barrier already has its own. */
  readonly keysCommitted: (keys: KeyState) => void;
  /** The seal as the barrier uses it. */
  readonly outerOf: (seal: Seal) => OuterLayer;
  readonly prepareRewrap: (sealKeyId: string) => FollowUp;
}

/** A new key, and shares that prove it: given by its holders, or about to be handed to them. */
export interface ProvenKey extends ShareCounts {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly proof: readonly Share[];
}

/**
 * Shamir: installs a new unseal key, root key and term, and starts a rewrap towards the new
 * wrapping key. The term is new so that a data key in an older backup opens nothing written from
 * now on.
 */
export async function installUnsealKey(
  ports: InstallPorts,
  next: ProvenKey,
  attached: Change,
): Promise<void> {
  const { barrier, random, nowMs } = ports;
  await barrier.exclusively(async () => {
    const keys = ports.keys();
    const previous = [keys.seal.current, ...keys.seal.previous];
    const seal = createShamirSeal(unsealKey(next.key), previous, random);
    const joined = unsealKey(joinShares(next.proof, next.threshold));
    const reopened = createShamirSeal(joined, [], random);
    const keyring = addTerm(withNewCredentialKey(barrier.keyring, random), random, nowMs());
    const opened: OpenedKeys = { rootKey: rootKey(random(KEY_BYTES)), keyring, seal };
    const counts = { shares: next.shares, threshold: next.threshold };
    const followUp = ports.prepareRewrap(seal.keyId);
    await commitKeys(
      ports,
      { opened, reopened, counts },
      joinChanges(attached, followUp.change),
    );
    followUp.committed();
  });
}

/** Installs a new recovery key, which authorises but opens nothing, and a new root key. */
export async function installRecoveryKey(
  ports: InstallPorts,
  next: ProvenKey,
  attached: Change,
): Promise<void> {
  await ports.barrier.exclusively(async () => {
    const { seal } = ports.keys();
    const record = await wrapRecord(seal, RECOVERY_KEY_PATH, recoveryKey(next.key));
    await proveRecoveryKey(seal, record, next);
    const counts = { shares: next.shares, threshold: next.threshold };
    const opened = withNewRootKey(ports, seal);
    await commitKeys(
      ports,
      { opened, reopened: seal, counts },
      joinChanges(attached, { writes: [record] }),
    );
  });
}

async function proveRecoveryKey(seal: Seal, record: Write, next: ProvenKey): Promise<void> {
  const joined = joinShares(next.proof, next.threshold);
  const stored = record.bytes === null ? null : await seal.unwrap(record.path, record.bytes);
  if (stored === null || !equalBytes(joined, stored)) {
    throw new VaultError("ciphertext_rejected", "the new shares do not make the new recovery key");
  }
}

/** Installs a new root key under the same seal. No share changes. */
export async function installRootKey(ports: InstallPorts, attached: Change): Promise<void> {
  await ports.barrier.exclusively(async () => {
    const { seal, config: { counts } } = ports.keys();
    await commitKeys(
      ports,
      { opened: withNewRootKey(ports, seal), reopened: seal, counts },
      attached,
    );
  });
}

/**
 * If a key record or the configuration names another key than a static seal's current one, moves
 * all of them there, with a new root key. `reopened` must know the current key only. A recovery key
 * that does not open stays as it is: `changed_without_recovery_key`.
 */
export async function installChangedSealKey(
  ports: InstallPorts,
  reopened: Seal,
): Promise<"unchanged" | "changed" | "changed_without_recovery_key"> {
  const { barrier, store } = ports;
  return await barrier.exclusively(async () => {
    const { seal, config } = ports.keys();
    const records = [await store.get(ROOT_KEY_PATH), await store.get(KEYRING_PATH)];
    const isCurrent = config.sealKeyId === seal.keyId &&
      records.every((record) => record?.sealKeyId === seal.keyId);
    if (isCurrent) return "unchanged";
    const recovery = await rewrappedRecoveryKey(store, seal);
    const change = {
      opened: withNewRootKey(ports, seal),
      reopened,
      counts: config.counts,
    };
    await commitKeys(ports, change, { writes: recovery ?? [] });
    return recovery === null ? "changed_without_recovery_key" : "changed";
  });
}

/** The write that moves the recovery key to the current key, if any; null if it does not open. */
async function rewrappedRecoveryKey(store: Store, seal: Seal): Promise<readonly Write[] | null> {
  try {
    const key = await readRecoveryKey(store, seal);
    return key === null ? [] : [await wrapRecord(seal, RECOVERY_KEY_PATH, key)];
  } catch (error) {
    if (error instanceof VaultError && error.code !== "store_failed") return null;
    throw error;
  }
}

/** Installs a changed keyring under the same root key: a rotation, or its settings. */
export async function installKeyring(
  ports: InstallPorts,
  change: (keyring: Keyring) => Keyring,
): Promise<void> {
  await ports.barrier.exclusively(async () => {
    const { rootKey, seal, config: { counts } } = ports.keys();
    const opened = { rootKey, keyring: change(ports.barrier.keyring), seal };
    await commitKeys(ports, { opened, reopened: seal, counts }, {});
  });
}

/** Adds a term and makes it the active one. */
export async function rotateKeyring(ports: InstallPorts, nowMs: number): Promise<void> {
  await installKeyring(ports, (keyring) => addTerm(keyring, ports.random, nowMs));
}

export function configWrite(config: SealConfig): Write {
  return { path: SEAL_CONFIG_PATH, bytes: encodeSealConfig(config), sealKeyId: null };
}

/** Also replaces the credential key: credentials that it proves end with the root key. */
function withNewRootKey({ barrier, random }: InstallPorts, seal: Seal): OpenedKeys {
  const keyring = withNewCredentialKey(barrier.keyring, random);
  return { rootKey: rootKey(random(KEY_BYTES)), keyring, seal };
}

interface KeyChange {
  /** The keys to put in force. */
  readonly opened: OpenedKeys;
  /** Proves the records; knows only what the next unseal will have. */
  readonly reopened: Seal;
  /** Of the shares that authorise from now on. */
  readonly counts: ShareCounts;
}

/**
 * Proves the records of a change and commits them together with `attached`, which is encrypted
 * under the new keys. Throws `store_conflict` if another writer was faster; then nothing has
 * changed.
 */
async function commitKeys(
  ports: InstallPorts,
  { opened, reopened, counts }: KeyChange,
  attached: Change,
): Promise<void> {
  const { barrier, random } = ports;
  const { rootKey, keyring, seal } = opened;
  const records = await keyRecords(rootKey, keyring, seal, random);
  await proveKeyRecords(records, reopened, opened);
  const { configRevision } = ports.keys();
  const config: SealConfig = { type: seal.type, sealKeyId: seal.keyId, counts };
  const change = joinChanges(attached, {
    writes: [...records, configWrite(config)],
    expect: [{ path: SEAL_CONFIG_PATH, revision: configRevision }],
  });
  const outcome = await barrier.commitHeld(change, { keyring, outer: ports.outerOf(seal) });
  if (outcome.kind === "conflict") {
    throw new VaultError("store_conflict", "the keys were changed by another writer");
  }
  ports.keysCommitted({ rootKey, seal, config, configRevision: outcome.revision });
}
