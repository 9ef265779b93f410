/**
 * Wires the parts of a vault that ceremonies and rewraps touch: keys, barrier, one attempt per target
 * and the rewrap, on a memory store with a clock that the test moves. The tests of these rooms run on
 * it because a whole `OpenVault` would add engines, tokens and policies, and hide the keys they check.
 * `reopen` is a restart: only the store remains.
 */

import { Barrier } from "../../src/barrier/barrier.ts";
import { createKeyring } from "../../src/barrier/keyring.ts";
import { encodeShareChecks } from "../../src/ceremony/ceremony_record.ts";
import { configWrite, type FollowUp } from "../../src/ceremony/install.ts";
import { keyRecords, type KeyState, readKeyRecords } from "../../src/ceremony/key_records.ts";
import { Rekey } from "../../src/ceremony/rekey.ts";
import type { RekeyOutcome } from "../../src/ceremony/rekey_outcome.ts";
import { createShareChecks, joinShares, splitKey } from "../../src/ceremony/shares.ts";
import type { CeremonyParameters, CeremonyTarget } from "../../src/ceremony/state.ts";
import { decodeUtf8, encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { rootKey, unsealKey } from "../../src/crypto/keys.ts";
import { createLog } from "../../src/log.ts";
import { Metrics } from "../../src/metrics.ts";
import { Rewrap } from "../../src/rewrap/rewrap.ts";
import { wrapRecord } from "../../src/seal/previous_keys.ts";
import type { Seal } from "../../src/seal/seal.ts";
import type { SealKind } from "../../src/seal/seal_kind.ts";
import { decodeSealConfig, type ShareCounts } from "../../src/seal/seal_config.ts";
import { createShamirSeal } from "../../src/seal/shamir_seal.ts";
import { createStaticSeal } from "../../src/seal/static_seal.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import {
  RECOVERY_KEY_PATH,
  SEAL_CONFIG_PATH,
  shareChecksPath,
} from "../../src/storage/record_paths.ts";
import type { Commit, ScrubOutcome, Store } from "../../src/storage/store.ts";
import type { Share } from "../../src/crypto/keys.ts";
import { seededRandom } from "../barrier/doubles.ts";
import { evidence } from "../secrecy/evidence.ts";
import type { Change } from "../../src/barrier/change.ts";

export type { Share };

export const PARAMETERS: CeremonyParameters = {
  shares: 3,
  threshold: 2,
  recipients: null,
  backup: false,
  requireVerification: false,
  verifyAll: false,
};

/** What an unsealed vault has in memory. */
export interface Opened {
  readonly barrier: Barrier;
  readonly rekey: Readonly<Record<CeremonyTarget, Rekey>>;
  readonly rewrap: Rewrap;
  keys(): KeyState;
}

export interface Harness {
  readonly store: Store & { hooks: StoreHooks };
  readonly clock: { nowMs: number };
  /** Every line logged so far. */
  readonly lines: string[];
  /** The shares handed out at initialisation. */
  readonly shares: readonly Share[];
  readonly open: Opened;
  /** Opens the stored vault with a quorum of unseal shares, or by the static key. */
  reopen(shares?: readonly Share[]): Promise<Opened>;
  /** Every stored record as text, by path, for comparison. */
  snapshot(): Promise<Readonly<Record<string, string>>>;
}

/** Called before the store is. If a hook throws, the store throws the same. */
export interface StoreHooks {
  commit?: (commit: Commit) => Promise<void> | void;
  wrappedBy?: () => Promise<void> | void;
  scrub?: () => ScrubOutcome;
}

function hookedStore(): Store & { hooks: StoreHooks } {
  const inner = createMemoryStore();
  const hooks: StoreHooks = {};
  return {
    ...inner,
    hooks,
    async commit(commit) {
      await hooks.commit?.(commit);
      return await inner.commit(commit);
    },
    async wrappedBy(...page) {
      await hooks.wrappedBy?.();
      return await inner.wrappedBy(...page);
    },
    async scrub() {
      return hooks.scrub?.() ?? await inner.scrub();
    },
  };
}

export async function createHarness(type: SealKind, counts: ShareCounts): Promise<Harness> {
  const random = seededRandom(`ceremony ${type}`);
  const store = hookedStore();
  const clock = { nowMs: 1_000_000 };
  const lines: string[] = [];
  const log = createLog({
    level: "debug",
    style: "text",
    write: (line) => {
      lines.push(line.replace(/^\S+ /, ""));
      evidence.line("log-in-process", line);
    },
    nowMs: () => clock.nowMs,
  });
  const staticSeal = createStaticSeal(
    { type: "static", current: { id: "static-1", key: random(32) }, previous: null },
    random,
  );

  function open(initial: KeyState, barrier: Barrier): Opened {
    let keys = initial;
    const rewrap = new Rewrap({
      store,
      barrier,
      random,
      log,
      nowMs: () => clock.nowMs,
      seal: () => keys.seal,
      installSeal: (seal) => {
        keys = { ...keys, seal };
        barrier.install({ outer: seal });
      },
    });
    const prepareRewrap = (sealKeyId: string): FollowUp => {
      const change = rewrap.prepareStart("rekey", sealKeyId, null);
      return { change, committed: () => {} };
    };
    const voidGiven = async (except: CeremonyTarget, required: number): Promise<Change> => {
      const other = except === "barrier" ? "recovery" : "barrier";
      return await rekey[other].voided(required) ?? {};
    };
    const ports = {
      store,
      barrier,
      random,
      log,
      metrics: new Metrics(clock.nowMs),
      nowMs: () => clock.nowMs,
      keys: () => keys,
      keysCommitted: (next: KeyState) => {
        keys = next;
      },
      outerOf: (seal: Seal) => seal,
      prepareRewrap,
      voidGiven,
      clearTraces: () => store.scrubKeyRecords(),
    };
    const rekey = { barrier: new Rekey("barrier", ports), recovery: new Rekey("recovery", ports) };
    return { barrier, rekey, rewrap, keys: () => keys };
  }

  async function reopen(shares: readonly Share[] = []): Promise<Opened> {
    const record = await store.get(SEAL_CONFIG_PATH);
    if (record === null) throw new Error("the store has no seal configuration");
    const config = decodeSealConfig(record.bytes);
    const own = config.type === "shamir"
      ? createShamirSeal(unsealKey(joinShares(shares, config.counts.threshold)), [], random)
      : staticSeal;
    const { rootKey: root, keyring, seal } = await readKeyRecords(store, own);
    const barrier = new Barrier({ store, keyring, outer: seal, random, operations: 0 });
    return open({ rootKey: root, seal, config, configRevision: record.revision }, barrier);
  }

  const key = random(32);
  const shares = counts.shares === 0 ? [] : splitKey(key, counts.shares, counts.threshold, random);
  evidence.credential(encodeHex(key), "key of a ceremony test");
  for (const share of shares) evidence.credential(encodeHex(share), "share of a ceremony test");
  const seal: Seal = type === "shamir" ? createShamirSeal(unsealKey(key), [], random) : staticSeal;
  const keyring = createKeyring(random, clock.nowMs);
  const barrier = new Barrier({ store, keyring, outer: seal, random, operations: 0 });
  const target = type === "shamir" ? "barrier" : "recovery";
  const checkKey = (salt: Uint8Array) => barrier.deriveMacKey("share check", salt);
  const checks = encodeShareChecks(createShareChecks(shares, checkKey, random));
  const config = configWrite({ type, sealKeyId: seal.keyId, counts });
  const recovery = type === "static" && counts.shares > 0
    ? [await wrapRecord(seal, RECOVERY_KEY_PATH, key)]
    : [];
  await barrier.commit({
    entries: counts.shares === 0 ? [] : [{ path: shareChecksPath(target), value: checks }],
    writes: [
      ...await keyRecords(rootKey(random(32)), keyring, seal, random),
      ...recovery,
      config,
    ],
  });

  const snapshot = async (): Promise<Record<string, string>> => {
    const records: Record<string, string> = {};
    for (const path of await store.list("", "", 10_000)) {
      records[path] = String((await store.get(path))?.bytes);
    }
    return records;
  };
  const first = await reopen(shares.slice(0, counts.threshold));
  return { store, clock, lines, shares, open: first, reopen, snapshot };
}

export async function putText(barrier: Barrier, path: string, text: string): Promise<void> {
  await barrier.commit({ entries: [{ path, value: encodeUtf8(text), sealWrap: true }] });
}

export async function textAt(barrier: Barrier, path: string): Promise<string | null> {
  const record = await barrier.get(path);
  return record === null ? null : decodeUtf8(record.value);
}

/** The id of the current attempt, or "". */
export async function ceremonyIdOf(rekey: Rekey): Promise<string> {
  const state = await rekey.state();
  return state.phase === "idle" ? "" : state.head.ceremonyId;
}

/** Gives shares one after another under the attempt's own nonce. Returns the last outcome. */
export async function submitAll(rekey: Rekey, shares: readonly Share[]): Promise<RekeyOutcome> {
  let outcome: RekeyOutcome | undefined;
  for (const share of shares) {
    const id = await ceremonyIdOf(rekey);
    outcome = await rekey.submit({ share, id, parametersDigest: null });
  }
  if (outcome === undefined) throw new Error("no share was given");
  return outcome;
}

/** Verifies new shares under the verification's own nonce. Returns the last outcome. */
export async function verifyAll(rekey: Rekey, shares: readonly Share[]): Promise<RekeyOutcome> {
  let outcome: RekeyOutcome | undefined;
  for (const share of shares) {
    const state = await rekey.state();
    const id = state.phase === "verifying" ? state.verificationId : "";
    outcome = await rekey.verify({ share, id, parametersDigest: null });
  }
  if (outcome === undefined) throw new Error("no share was given");
  return outcome;
}

/** The new shares of an outcome, or their PGP messages. Throws if it has none. */
export function sharesOf(outcome: RekeyOutcome): readonly Share[] {
  if (outcome.kind !== "shares") throw new Error(`no shares: ${outcome.kind}`);
  return outcome.result.shares.map((each) => Uint8Array.from(each) as Share);
}

/** Runs a whole rekey without verification. Returns the new shares. */
export async function rekeyWith(
  rekey: Rekey,
  shares: readonly Share[],
  parameters: Partial<CeremonyParameters> = {},
): Promise<readonly Share[]> {
  await rekey.start({ ...PARAMETERS, ...parameters }, null);
  const made = sharesOf(await submitAll(rekey, shares));
  for (const share of made) evidence.credential(encodeHex(share), "share of a ceremony test");
  return made;
}
