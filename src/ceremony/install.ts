/**
 * Puts a new key in force: computes every record of the change, proves in memory that the new shares
 * open them, commits once, and only then changes what is in memory. Whoever stops this at any point
 * leaves a vault that either the old or the new shares open.
 */

import type { Barrier, Entry } from "../barrier/barrier.ts";
import { addTerm, encryptKeyring, type Keyring } from "../barrier/keyring.ts";
import { equalBytes } from "../crypto/bytes.ts";
import { rootKey, unsealKey } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { KEY_BYTES } from "../limits.ts";
import { wrapRecord } from "../seal/previous_keys.ts";
import type { Seal } from "../seal/seal.ts";
import { encodeSealConfig, type SealConfig, type ShareCounts } from "../seal/seal_config.ts";
import { createShamirSeal } from "../seal/shamir_seal.ts";
import { KEYRING_PATH, RECOVERY_KEY_PATH, SEAL_CONFIG_PATH } from "../storage/record_paths.ts";
import type { Expectation, Write } from "../storage/store.ts";
import { keyRecords, type KeyState, proveKeyRecords } from "./key_records.ts";
import { joinShares } from "./shares.ts";

/** Records that start a rewrap in the commit that makes entries stale. */
export interface FollowUp {
  readonly entries: readonly Entry[];
  readonly writes: readonly Write[];
  /** Called once the commit is durable. */
  readonly committed: () => void;
}

export interface InstallPorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  readonly keys: () => KeyState;
  /** Takes over keys that are committed, in the vault and in the barrier. */
  readonly installKeys: (keys: KeyState, keyring?: Keyring) => void;
  readonly prepareRewrap: (sealKeyId: string) => FollowUp;
}

/** What else belongs into the commit: the end of the ceremony, check values, backups. */
export interface Attached {
  readonly entries: readonly Entry[];
  readonly writes: readonly Write[];
  readonly expect: readonly Expectation[];
}

export const NOTHING_ATTACHED: Attached = { entries: [], writes: [], expect: [] };

/** A new key and the shares that its holders gave, or were given, as proof that they have it. */
export interface ProvenKey extends ShareCounts {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly proof: readonly Uint8Array<ArrayBuffer>[];
}

/** Shamir: a new unseal key, a new root key, and a rewrap towards the new wrapping key. */
export async function installUnsealKey(
  ports: InstallPorts,
  next: ProvenKey,
  attached: Attached,
): Promise<void> {
  const { barrier, random } = ports;
  await barrier.exclusively(async () => {
    const keys = ports.keys();
    const previous = [keys.seal.current, ...keys.seal.previous];
    const seal = createShamirSeal(unsealKey(next.key), previous, random);
    const root = rootKey(random(KEY_BYTES));
    const records = await keyRecords(root, barrier.keyring, seal, random);
    const joined = unsealKey(joinShares(next.proof, next.threshold));
    const reopened = createShamirSeal(joined, [], random);
    await proveKeyRecords(records, reopened, root, barrier.keyring);
    const config: SealConfig = {
      type: "shamir",
      sealKeyId: seal.keyId,
      unseal: { shares: next.shares, threshold: next.threshold },
    };
    const followUp = ports.prepareRewrap(seal.keyId);
    const revision = await commitKeys(ports, keys, {
      entries: [...attached.entries, ...followUp.entries],
      writes: [...attached.writes, ...followUp.writes, ...records, configWrite(config)],
      expect: attached.expect,
    });
    ports.installKeys({ rootKey: root, seal, config, configRevision: revision });
    followUp.committed();
  });
}

/** A new recovery key: it authorises, it opens nothing. */
export async function installRecoveryKey(
  ports: InstallPorts,
  next: ProvenKey,
  attached: Attached,
): Promise<void> {
  await ports.barrier.exclusively(async () => {
    const keys = ports.keys();
    const record = await wrapRecord(keys.seal, RECOVERY_KEY_PATH, next.key);
    await proveRecoveryKey(keys.seal, record, next);
    const counts = { shares: next.shares, threshold: next.threshold };
    const sealKeyId = keys.seal.keyId;
    const config: SealConfig = { type: "static", sealKeyId, recovery: counts };
    const revision = await commitKeys(ports, keys, {
      ...attached,
      writes: [...attached.writes, record, configWrite(config)],
    });
    ports.installKeys({ ...keys, config, configRevision: revision });
  });
}

async function proveRecoveryKey(seal: Seal, record: Write, next: ProvenKey): Promise<void> {
  const joined = joinShares(next.proof, next.threshold);
  const stored = record.bytes === null ? null : await seal.unwrap(record.path, record.bytes);
  if (stored === null || !equalBytes(joined, stored)) {
    throw new VaultError("ciphertext_rejected", "the new shares do not make the new recovery key");
  }
}

/** A new root key under the same seal: no share changes. */
export async function installRootKey(ports: InstallPorts, attached: Attached): Promise<void> {
  const { barrier, random } = ports;
  await barrier.exclusively(async () => {
    const keys = ports.keys();
    const root = rootKey(random(KEY_BYTES));
    const records = await keyRecords(root, barrier.keyring, keys.seal, random);
    await proveKeyRecords(records, keys.seal, root, barrier.keyring);
    const revision = await commitKeys(ports, keys, {
      ...attached,
      writes: [...attached.writes, ...records, configWrite(keys.config)],
    });
    ports.installKeys({ ...keys, rootKey: root, configRevision: revision });
  });
}

/** A changed keyring under the same root key: rotation, or its settings. */
export async function installKeyring(
  ports: InstallPorts,
  change: (keyring: Keyring) => Keyring,
): Promise<void> {
  const { barrier, random } = ports;
  await barrier.exclusively(async () => {
    const keys = ports.keys();
    const keyring = change(barrier.keyring);
    const bytes = await encryptKeyring(keyring, keys.rootKey, random);
    const revision = await commitKeys(ports, keys, {
      ...NOTHING_ATTACHED,
      writes: [
        await wrapRecord(keys.seal, KEYRING_PATH, bytes),
        configWrite(keys.config),
      ],
    });
    ports.installKeys({ ...keys, configRevision: revision }, keyring);
  });
}

/** Adds a term, which encrypts from now on. */
export async function rotateKeyring(ports: InstallPorts, nowMs: number): Promise<void> {
  await installKeyring(ports, (keyring) => addTerm(keyring, ports.random, nowMs));
}

export function configWrite(config: SealConfig): Write {
  return { path: SEAL_CONFIG_PATH, bytes: encodeSealConfig(config), sealKeyId: null };
}

async function commitKeys(
  ports: InstallPorts,
  keys: KeyState,
  change: Attached,
): Promise<number> {
  const outcome = await ports.barrier.commitHeld({
    ...change,
    expect: [...change.expect, { path: SEAL_CONFIG_PATH, revision: keys.configRevision }],
  });
  if (outcome.kind === "conflict") {
    throw new VaultError("store_conflict", "the keys were changed by another writer");
  }
  return outcome.revision;
}
