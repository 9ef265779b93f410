/**
 * A rekey attempt of one target: reads the stored state, asks `step`, and carries out what follows.
 * The vault calls it under its own lock, one call at a time.
 */

import type { Entry } from "../barrier/barrier.ts";
import { encodeHex, encodeUtf8, equalBytes } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";
import { unsealKey } from "../crypto/keys.ts";
import { randomUuid } from "../crypto/random.ts";
import { invalidRequest, unreachable, VaultError } from "../errors.ts";
import { CEREMONY_TTL_MS, KEY_BYTES } from "../limits.ts";
import type { Log } from "../log.ts";
import { authorisingShares } from "../seal/seal_config.ts";
import { shamirSealKey } from "../seal/shamir_seal.ts";
import { encodeDueTime } from "../storage/due.ts";
import { ceremonyPath, duePath, shareChecksPath } from "../storage/record_paths.ts";
import { ABSENT, type Expectation, type Store, type Write } from "../storage/store.ts";
import { ShareDelivery } from "./delivery.ts";
import {
  decodeCeremony,
  decodeShareChecks,
  encodeCeremony,
  encodeShareChecks,
} from "./ceremony_record.ts";
import {
  type InstallPorts,
  installRecoveryKey,
  installRootKey,
  installUnsealKey,
  type ProvenKey,
} from "./install.ts";
import { readRecoveryKey } from "./key_records.ts";
import { encryptShares } from "./recipients.ts";
import { createShareChecks, isKnownShare, joinShares, splitKey } from "./shares.ts";
import {
  type CeremonyHead,
  type CeremonyParameters,
  type CeremonyState,
  type CeremonyTarget,
  IDLE,
  type PendingKey,
  type ShareChecks,
} from "./state.ts";
import { beginVerification, expireState, type Outcome, type Refusal, step } from "./step.ts";

export interface RekeyPorts extends InstallPorts {
  readonly store: Store;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** New shares for their holders. No shares: the target hands out none. */
export interface NewShares {
  readonly head: CeremonyHead;
  /** Bare shares, or PGP messages where there are recipients; in share order. */
  readonly shares: readonly Uint8Array[];
  /** Not null: nothing is in force before these shares were verified. */
  readonly verificationId: string | null;
}

export type RekeyOutcome =
  | { readonly kind: "advanced"; readonly state: CeremonyState }
  | { readonly kind: "shares"; readonly result: NewShares }
  | { readonly kind: "verified"; readonly verificationId: string }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface ShareSubmission {
  readonly share: Uint8Array<ArrayBuffer>;
  /** The wire's `nonce`; "" when missing. */
  readonly id: string;
  /** Digest of the parameters that the holder has seen; null when not sent. */
  readonly parametersDigest: string | null;
}

interface Stored {
  readonly state: CeremonyState;
  readonly expect: Expectation;
}

/** Lower-case hex SHA-256 over what a holder agrees to by giving a share. */
export function parametersDigest(parameters: CeremonyParameters): string {
  const { shares, threshold, recipients, backup, requireVerification, verifyAll } = parameters;
  const fingerprints = recipients?.map((recipient) => recipient.fingerprint) ?? null;
  const agreed = [shares, threshold, fingerprints, backup, requireVerification, verifyAll];
  return encodeHex(sha256(encodeUtf8(JSON.stringify(agreed))));
}

export class Rekey {
  readonly target: CeremonyTarget;
  readonly delivery: ShareDelivery;
  readonly #ports: RekeyPorts;

  constructor(target: CeremonyTarget, ports: RekeyPorts) {
    this.target = target;
    this.#ports = ports;
    this.delivery = new ShareDelivery(target, ports.barrier);
  }

  async state(): Promise<CeremonyState> {
    return (await this.#read()).state;
  }

  /** Shares of the key in force that authorise a ceremony, of either target. */
  get required(): number {
    return authorisingShares(this.#ports.keys().config).threshold;
  }

  /** Begins an attempt; its parameters were checked by the caller. */
  async start(parameters: CeremonyParameters, startedBy: string | null): Promise<RekeyOutcome> {
    const stored = await this.#read();
    const head = this.#newHead(parameters, startedBy);
    const outcome = step(stored.state, { kind: "start", head });
    if (outcome.kind === "advanced") {
      await this.#store(outcome.state, stored.expect);
      this.#logStart(head);
    }
    return asOutcome(outcome);
  }

  /**
   * Makes the first recovery shares at once, for a vault that has none and so nobody to ask. With
   * `requireVerification` they must be verified as any others.
   */
  async createFirstShares(
    parameters: CeremonyParameters,
    startedBy: string | null,
  ): Promise<RekeyOutcome> {
    if (this.target !== "recovery" || this.required !== 0) {
      throw invalidRequest("recovery key shares exist already");
    }
    const stored = await this.#read();
    const head = this.#newHead(parameters, startedBy);
    const outcome = step(stored.state, { kind: "start", head });
    if (outcome.kind !== "advanced") return asOutcome(outcome);
    this.#logStart(head);
    return { kind: "shares", result: await this.#handOut(stored, head) };
  }

  /** A share of the key in force. The last one needed makes the new shares. */
  async submit(submission: ShareSubmission): Promise<RekeyOutcome> {
    const stored = await this.#read();
    const checks = await this.#checksInForce();
    const outcome = step(stored.state, {
      kind: "submit",
      submission: this.#judge(submission, stored.state, checks),
    });
    if (outcome.kind === "quorum" && stored.state.phase === "gathering") {
      await this.#authorise(outcome.shares, stored.state.head.required);
      return { kind: "shares", result: await this.#handOut(stored, stored.state.head) };
    }
    if (outcome.kind === "advanced") await this.#store(outcome.state, stored.expect);
    return asOutcome(outcome);
  }

  /** A new share, given back. The last one needed puts the new key in force. */
  async verify(submission: ShareSubmission): Promise<RekeyOutcome> {
    const stored = await this.#read();
    const { state } = stored;
    const checks = state.phase === "verifying" ? state.pending.checks : null;
    const judged = this.#judge(submission, state, checks);
    const outcome = step(state, { kind: "verify", submission: judged });
    if (outcome.kind === "verified" && state.phase === "verifying") {
      await this.#install(stored, state.head, state.pending, outcome.shares);
      return { kind: "verified", verificationId: state.verificationId };
    }
    if (outcome.kind === "advanced") await this.#store(outcome.state, stored.expect);
    return asOutcome(outcome);
  }

  /** Forgets the new shares given so far and renews the verification's nonce. */
  async restartVerification(): Promise<RekeyOutcome> {
    const stored = await this.#read();
    const verificationId = randomUuid(this.#ports.random);
    const outcome = step(stored.state, { kind: "restart_verification", verificationId });
    if (outcome.kind === "advanced") await this.#store(outcome.state, stored.expect);
    return asOutcome(outcome);
  }

  /** Ends an attempt; the shares in force stay in force. Nothing happens when there is none. */
  async cancel(): Promise<void> {
    const stored = await this.#read();
    if (stored.state.phase !== "idle") await this.#store(IDLE, stored.expect);
  }

  /** Removes an attempt whose time is over. */
  async expire(): Promise<void> {
    const stored = await this.#read();
    if (stored.state.phase === "idle") await this.#store(IDLE, stored.expect);
  }

  /** Drops a verification's pending backup and the one in force. */
  async deleteBackup(fingerprint: string | null): Promise<void> {
    const stored = await this.#read();
    const entries = await this.delivery.removal(fingerprint);
    const dropped = withoutPendingBackup(stored.state, fingerprint);
    await this.#commit({
      entries: [this.#entry(dropped), ...entries],
      writes: [],
      expect: stored.expect,
    });
  }

  /** The records that end an attempt, for the commit of whoever seals. */
  endRecords(): readonly Write[] {
    return [ceremonyPath(this.target), this.#duePath].map((path) => ({
      path,
      bytes: null,
      sealKeyId: null,
    }));
  }

  get #duePath(): string {
    return duePath(`ceremony-${this.target}`);
  }

  #newHead(parameters: CeremonyParameters, startedBy: string | null): CeremonyHead {
    const startedAtMs = this.#ports.nowMs();
    return {
      ceremonyId: randomUuid(this.#ports.random),
      parameters,
      required: this.required,
      startedAtMs,
      startedBy,
      expiresAtMs: startedAtMs + CEREMONY_TTL_MS,
    };
  }

  #checkKey = (salt: Uint8Array): Uint8Array =>
    this.#ports.barrier.deriveMacKey("share check", salt);

  #judge(submission: ShareSubmission, state: CeremonyState, checks: ShareChecks | null) {
    const { share, id, parametersDigest: seen } = submission;
    const parametersSeen = seen === null || state.phase === "idle" ||
      seen === parametersDigest(state.head.parameters);
    return { share, id, known: isKnownShare(share, checks, this.#checkKey), parametersSeen };
  }

  /** Both targets are authorised by the shares that the seal's holders have. */
  async #checksInForce(): Promise<ShareChecks | null> {
    const kind = this.#ports.keys().seal.type === "shamir" ? "barrier" : "recovery";
    const record = await this.#ports.barrier.get(shareChecksPath(kind));
    return record === null ? null : decodeShareChecks(record.value);
  }

  /** The shares are all known; that they also make the key is what counts. */
  async #authorise(
    shares: readonly Uint8Array<ArrayBuffer>[],
    required: number,
  ): Promise<void> {
    const { store, keys } = this.#ports;
    const joined = joinShares(shares, required);
    const { seal } = keys();
    if (seal.type === "shamir") {
      const key = shamirSealKey(unsealKey(joined));
      if (equalBytes(key.bytes, seal.current.bytes)) return;
      throw invalidRequest("failed to read root key: invalid key: the shares do not make the key");
    }
    const expected = await readRecoveryKey(store, seal);
    if (expected !== null && equalBytes(expected, joined)) return;
    throw invalidRequest(
      "recovery key verification failed: recovery key does not match submitted values",
    );
  }

  /** Makes the new key and its shares; installs them, or keeps them for verification. */
  async #handOut(stored: Stored, head: CeremonyHead): Promise<NewShares> {
    const { keys, random, log } = this.#ports;
    if (this.target === "barrier" && keys().seal.type !== "shamir") {
      await installRootKey(this.#ports, this.#endAttached(stored, []));
      log.info("security barrier rekeyed: root key only");
      return { head, shares: [], verificationId: null };
    }
    const { shares: count, threshold, recipients } = head.parameters;
    const key = random(KEY_BYTES);
    const shares = splitKey(key, count, threshold, random);
    const messages = recipients === null ? null : await encryptShares(shares, recipients);
    const pending: PendingKey = {
      key,
      checks: createShareChecks(shares, this.#checkKey, random),
      encryptedShares: messages?.map(encodeHex) ?? null,
    };
    const returned = messages ?? shares;
    if (!head.parameters.requireVerification) {
      await this.#install(stored, head, pending, shares);
      return { head, shares: returned, verificationId: null };
    }
    const verificationId = randomUuid(random);
    await this.#store(beginVerification(head, verificationId, pending), stored.expect);
    return { head, shares: returned, verificationId };
  }

  async #install(
    stored: Stored,
    head: CeremonyHead,
    pending: PendingKey,
    given: readonly Uint8Array<ArrayBuffer>[],
  ): Promise<void> {
    const { shares, threshold } = head.parameters;
    const next: ProvenKey = {
      key: pending.key,
      shares,
      threshold,
      proof: given.slice(0, threshold),
    };
    const attached = this.#endAttached(stored, [
      { path: shareChecksPath(this.target), value: encodeShareChecks(pending.checks) },
      ...await this.delivery.promotion(head, pending),
    ]);
    switch (this.target) {
      case "barrier":
        await installUnsealKey(this.#ports, next, attached);
        break;
      case "recovery":
        await installRecoveryKey(this.#ports, next, attached);
        break;
      default:
        unreachable(this.target);
    }
    const what = this.target === "barrier" ? "security barrier" : "recovery key";
    this.#ports.log.info(`${what} rekeyed: shares=${shares} threshold=${threshold}`);
  }

  #endAttached(stored: Stored, entries: readonly Entry[]) {
    return { entries, writes: this.endRecords(), expect: [stored.expect] };
  }

  async #read(): Promise<Stored> {
    const path = ceremonyPath(this.target);
    const record = await this.#ports.barrier.get(path);
    if (record === null) return { state: IDLE, expect: { path, revision: ABSENT } };
    return {
      state: expireState(decodeCeremony(record.value), this.#ports.nowMs()),
      expect: { path, revision: record.revision },
    };
  }

  #entry(state: CeremonyState): Entry {
    return { path: ceremonyPath(this.target), value: encodeCeremony(state) };
  }

  async #store(state: CeremonyState, expect: Expectation): Promise<void> {
    const due = state.phase === "idle" ? null : encodeDueTime(state.head.expiresAtMs);
    const writes = [{ path: this.#duePath, bytes: due, sealKeyId: null }];
    await this.#commit({ entries: [this.#entry(state)], writes, expect });
  }

  async #commit(change: {
    readonly entries: readonly Entry[];
    readonly writes: readonly Write[];
    readonly expect: Expectation;
  }): Promise<void> {
    const outcome = await this.#ports.barrier.commit({ ...change, expect: [change.expect] });
    if (outcome.kind === "conflict") {
      throw new VaultError("store_conflict", "the attempt was changed by another writer");
    }
  }

  #logStart(head: CeremonyHead): void {
    const { shares, threshold, requireVerification } = head.parameters;
    this.#ports.log.info(
      `rekey initialized: nonce=${head.ceremonyId} shares=${shares} threshold=${threshold} ` +
        `validation_required=${requireVerification}`,
      { target: this.target },
    );
  }
}

function asOutcome(outcome: Outcome): RekeyOutcome {
  switch (outcome.kind) {
    case "advanced":
    case "refused":
      return outcome;
    case "quorum":
    case "verified":
      throw new TypeError("a quorum was left without its effects");
    default:
      return unreachable(outcome);
  }
}

function withoutPendingBackup(state: CeremonyState, fingerprint: string | null): CeremonyState {
  if (state.phase !== "verifying" || fingerprint !== null) return state;
  const parameters = { ...state.head.parameters, backup: false };
  return { ...state, head: { ...state.head, parameters } };
}
