/**
 * A rekey of one target: reads the stored attempt, asks `step`, and carries out the outcome. The
 * vault calls it under its own lock, one call at a time.
 */

import { type Change, type Entry, joinChanges } from "../barrier/change.ts";
import { encodeHex } from "../crypto/bytes.ts";
import { randomUuid } from "../crypto/random.ts";
import { invalidRequest, unreachable } from "../errors.ts";
import { CEREMONY_TTL_MS, KEY_BYTES } from "../limits.ts";
import type { Log } from "../log.ts";
import type { AttemptEvent, Metrics } from "../metrics.ts";
import { shareChecksPath } from "../storage/record_paths.ts";
import type { Write } from "../storage/store.ts";
import { AttemptStore, type StoredAttempt } from "./attempt_store.ts";
import { type AuthorityPorts, ShareAuthority } from "./authority.ts";
import { decodeCeremony, encodeCeremony, encodeShareChecks } from "./ceremony_record.ts";
import { ShareDelivery } from "./delivery.ts";
import {
  type InstallPorts,
  installRecoveryKey,
  installRootKey,
  installUnsealKey,
  type ProvenKey,
} from "./install.ts";
import { encryptShares, logRecipients } from "./recipients.ts";
import {
  createKeyCheck,
  createShareChecks,
  joinCheckedKey,
  placeOfShare,
  splitKey,
} from "./shares.ts";
import {
  type CeremonyHead,
  type CeremonyParameters,
  type CeremonyState,
  type CeremonyTarget,
  IDLE,
  type PendingKey,
} from "./state.ts";
import { beginVerification, type Outcome, step, withoutGiven } from "./step.ts";
import {
  asOutcome,
  judge,
  type NewShares,
  type RekeyOutcome,
  type ShareSubmission,
} from "./rekey_outcome.ts";
import { SEAL_KINDS } from "../seal/kinds.ts";

export interface RekeyPorts extends InstallPorts, AuthorityPorts {
  readonly nowMs: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Records that void the shares given to other attempts, for when the shares in force change. */
  readonly voidGiven: (except: CeremonyTarget, required: number) => Promise<Change>;
  /** Clears the traces of a finished attempt, or of a restarted verification, from the store. */
  readonly clearTraces: () => Promise<void>;
}

type Stored = StoredAttempt<CeremonyState>;

export class Rekey {
  readonly target: CeremonyTarget;
  readonly delivery: ShareDelivery;
  readonly #ports: RekeyPorts;
  readonly #attempts: AttemptStore<CeremonyState>;
  readonly #authority: ShareAuthority;
  readonly #keyCheckKey = (salt: Uint8Array): Uint8Array =>
    this.#ports.barrier.deriveMacKey("pending key check", salt);

  constructor(target: CeremonyTarget, ports: RekeyPorts) {
    this.target = target;
    this.#ports = ports;
    this.delivery = new ShareDelivery(target, ports.store);
    this.#authority = new ShareAuthority(ports);
    const codec = {
      idle: IDLE,
      encode: encodeCeremony,
      decode: decodeCeremony,
      expiresAtMs: (state: CeremonyState) => state.phase === "idle" ? null : state.head.expiresAtMs,
    };
    const expired = () => this.#count("expired");
    this.#attempts = new AttemptStore(target, ports.barrier, ports.nowMs, codec, expired);
  }

  async state(): Promise<CeremonyState> {
    return (await this.#attempts.read()).state;
  }

  /** Number of shares in force that authorise a ceremony, of either target. */
  get required(): number {
    return this.#authority.required;
  }

  /** Begins an attempt. The caller has checked the parameters. */
  async start(parameters: CeremonyParameters, startedBy: string | null): Promise<RekeyOutcome> {
    const stored = await this.#attempts.read();
    const head = this.#newHead(parameters, startedBy);
    const outcome = step(stored.state, { kind: "start", head });
    if (outcome.kind === "advanced") {
      await this.#attempts.write(outcome.state, stored.expect);
      if (stored.isLeftover) await this.#ports.clearTraces();
      this.#noteStart(head);
    }
    return asOutcome(outcome);
  }

  /**
   * Makes the first recovery shares at once, because a vault without any has no holders to ask.
   * With `requireVerification` they must be verified like any others. Throws `invalid_request` if
   * recovery shares exist.
   */
  async createFirstShares(
    parameters: CeremonyParameters,
    startedBy: string | null,
  ): Promise<RekeyOutcome> {
    if (this.target !== "recovery" || this.required !== 0) {
      throw invalidRequest("recovery key shares exist already");
    }
    const stored = await this.#attempts.read();
    const head = this.#newHead(parameters, startedBy);
    const outcome = step(stored.state, { kind: "start", head });
    if (outcome.kind !== "advanced") return asOutcome(outcome);
    this.#noteStart(head);
    return { kind: "shares", result: await this.#handOut(stored, head) };
  }

  /** Takes a share of the key in force. The last one needed makes the new shares. */
  async submit(submission: ShareSubmission): Promise<RekeyOutcome> {
    const stored = await this.#attempts.read();
    const place = await this.#authority.placeOf(submission.share);
    const judged = judge(submission, stored.state, place);
    const outcome = step(stored.state, { kind: "submit", submission: judged });
    if (outcome.kind === "quorum" && stored.state.phase === "gathering") {
      const result = await this.#handOut(stored, stored.state.head);
      this.#count("share_accepted");
      return { kind: "shares", result };
    }
    return await this.#afterShare(outcome, stored);
  }

  /** Takes back a new share. The last one needed puts the new key in force. */
  async verify(submission: ShareSubmission): Promise<RekeyOutcome> {
    const stored = await this.#attempts.read();
    const { state } = stored;
    const checks = state.phase === "verifying" ? state.pending.checks : null;
    const place = placeOfShare(submission.share, checks, this.#authority.checkKey);
    const judged = { ...judge(submission, state, place), share: submission.share };
    const outcome = step(state, { kind: "verify", submission: judged });
    if (outcome.kind === "verified" && state.phase === "verifying") {
      const { head, pending } = state;
      const { shares, threshold } = head.parameters;
      const proof = outcome.shares;
      const key = joinCheckedKey(proof, threshold, pending.keyCheck, this.#keyCheckKey);
      await this.#install(stored, head, pending, { key, shares, threshold, proof });
      this.#count("share_accepted");
      return { kind: "verified", verificationId: state.verificationId };
    }
    return await this.#afterShare(outcome, stored);
  }

  /** Forgets the new shares given back so far and renews the verification's nonce. */
  async restartVerification(): Promise<RekeyOutcome> {
    const stored = await this.#attempts.read();
    const verificationId = randomUuid(this.#ports.random);
    const outcome = step(stored.state, { kind: "restart_verification", verificationId });
    if (outcome.kind === "advanced") {
      await this.#attempts.write(outcome.state, stored.expect);
      await this.#ports.clearTraces();
    }
    return asOutcome(outcome);
  }

  /** Ends the attempt, if any. The shares in force stay in force. */
  async cancel(): Promise<void> {
    const stored = await this.#attempts.read();
    if (stored.state.phase === "idle") return;
    const outcome = step(stored.state, { kind: "cancel" });
    if (outcome.kind === "advanced") await this.#attempts.write(outcome.state, stored.expect);
    await this.#ports.clearTraces();
    this.#count("cancelled");
  }

  /** Removes an expired attempt. */
  async expire(): Promise<void> {
    if (await this.#attempts.expire()) await this.#ports.clearTraces();
  }

  /** Deletes the backup or, with a fingerprint, the copy of the holder who confirms it. */
  async deleteBackup(fingerprint: string | null): Promise<void> {
    const stored = await this.#attempts.read();
    const { state, writes } = await this.delivery.removal(stored.state, fingerprint);
    await this.#attempts.write(state, stored.expect, { writes });
    await this.#ports.clearTraces();
  }

  /** Writes that end the attempt, for the commit of sealing. */
  endRecords(): readonly Write[] {
    return this.#attempts.endRecords();
  }

  /** The attempt without given shares, for the commit that voids them. Null unless gathering. */
  async voided(required: number): Promise<Change | null> {
    const { state, expect } = await this.#attempts.read();
    if (state.phase !== "gathering") return null;
    return { ...this.#attempts.records(withoutGiven(state, required)), expect: [expect] };
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

  /** Handles the outcome of a share that was not the last one needed. */
  async #afterShare(outcome: Outcome, stored: Stored): Promise<RekeyOutcome> {
    const next = asOutcome(outcome);
    if (next.kind === "advanced") await this.#attempts.write(next.state, stored.expect);
    this.#count(next.kind === "refused" ? "share_refused" : "share_accepted");
    return next;
  }

  /** Makes the new key and its shares, and installs them or stores what a verification needs. */
  async #handOut(stored: Stored, head: CeremonyHead): Promise<NewShares> {
    const { keys, random, log } = this.#ports;
    const { type } = keys().seal;
    if (this.target === "barrier" && SEAL_KINDS[type].authorisedBy !== "unseal") {
      await installRootKey(this.#ports, this.#endAttached(stored, []));
      await this.#ports.clearTraces();
      this.#count("completed");
      log.info("security barrier rekeyed: root key only");
      return { head, shares: [], verificationId: null };
    }
    const { shares: count, threshold, recipients } = head.parameters;
    const key = random(KEY_BYTES);
    const shares = splitKey(key, count, threshold, random);
    const messages = recipients === null ? null : await encryptShares(shares, recipients);
    const pending: PendingKey = {
      checks: createShareChecks(shares, this.#authority.checkKey, random),
      keyCheck: createKeyCheck(key, this.#keyCheckKey, random),
      encryptedShares: messages?.map(encodeHex) ?? null,
      backup: head.parameters.backup,
      confirmed: [],
    };
    const returned = messages ?? shares;
    if (!head.parameters.requireVerification) {
      const proof = shares.slice(0, threshold);
      await this.#install(stored, head, pending, { key, shares: count, threshold, proof });
      return { head, shares: returned, verificationId: null };
    }
    const verificationId = randomUuid(random);
    await this.#attempts.write(beginVerification(head, verificationId, pending), stored.expect);
    if (stored.isLeftover) await this.#ports.clearTraces();
    return { head, shares: returned, verificationId };
  }

  async #install(
    stored: Stored,
    head: CeremonyHead,
    pending: PendingKey,
    next: ProvenKey,
  ): Promise<void> {
    const { shares, threshold } = next;
    const voided = await this.#ports.voidGiven(this.target, threshold);
    const ended = this.#endAttached(stored, [
      { path: shareChecksPath(this.target), value: encodeShareChecks(pending.checks) },
    ]);
    const delivered = await this.delivery.promotion(head, pending);
    const attached = joinChanges(ended, voided, { writes: delivered });
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
    await this.#ports.clearTraces();
    this.#count("completed");
    const what = this.target === "barrier" ? "security barrier" : "recovery key";
    this.#ports.log.info(`${what} rekeyed: shares=${shares} threshold=${threshold}`);
  }

  #endAttached(stored: Stored, entries: readonly Entry[]): Change {
    return { entries, writes: this.endRecords(), expect: [stored.expect] };
  }

  #count(event: AttemptEvent): void {
    this.#ports.metrics.countAttempt(this.target, event);
  }

  #noteStart(head: CeremonyHead): void {
    this.#count("started");
    const { shares, threshold, requireVerification, recipients } = head.parameters;
    this.#ports.log.info(
      `rekey initialized: nonce=${head.ceremonyId} shares=${shares} threshold=${threshold} ` +
        `validation_required=${requireVerification}`,
      { target: this.target },
    );
    logRecipients(this.#ports.log, recipients);
  }
}
