/**
 * Generates a root token with a quorum of the shares in force. The rules are those of a rekey: the
 * attempt survives a restart, a wrong share is refused at once, and sealing by request ends it. The
 * token leaves the vault only XOR-ed with a one-time password, or encrypted to a PGP key.
 */

import type { Change, Entry } from "../barrier/change.ts";
import {
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeBase64Unpadded,
  encodeUtf8,
} from "../crypto/bytes.ts";
import { randomBase62, type RandomBytes, randomUuid } from "../crypto/random.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { CEREMONY_TTL_MS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { AttemptEvent, Metrics } from "../metrics.ts";
import type { Write } from "../storage/store.ts";
import { AttemptStore } from "./attempt_store.ts";
import { type AuthorityPorts, ShareAuthority } from "./authority.ts";
import { encryptTo, logRecipients } from "./recipients.ts";
import type { PgpRecipient } from "./state.ts";
import type { Share } from "../crypto/keys.ts";

/** How the token is encoded for the caller. */
export type TokenEncoding =
  | { readonly kind: "otp"; readonly otp: string }
  | { readonly kind: "pgp"; readonly recipient: PgpRecipient };

export type GenerationState =
  | { readonly phase: "idle" }
  | {
    readonly phase: "gathering";
    readonly attemptId: string;
    readonly encoding: TokenEncoding;
    readonly required: number;
    readonly startedAtMs: number;
    /** Accessor of the token that started it; null if none did. */
    readonly startedBy: string | null;
    readonly expiresAtMs: number;
    /** Places of the given shares in share order, each once. The shares are not kept. */
    readonly given: readonly number[];
  };

type Gathering = Extract<GenerationState, { phase: "gathering" }>;

export type GenerationOutcome =
  | { readonly kind: "advanced"; readonly state: Gathering }
  | { readonly kind: "complete"; readonly state: Gathering; readonly encodedToken: string };

export interface GenerateRootPorts extends AuthorityPorts {
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Makes a root token, which exists once its entries are committed. */
  readonly issueRootToken: () => { readonly id: string; readonly entries: readonly Entry[] };
  /** Clears the traces of a finished attempt from the store. */
  readonly clearTraces: () => Promise<void>;
}

const NAME = "generate-root";
const IDLE: GenerationState = { phase: "idle" };
/** The length of a token: "s." and 24 characters. */
export const OTP_CHARACTERS = 26;

export class GenerateRoot {
  readonly #ports: GenerateRootPorts;
  readonly #authority: ShareAuthority;
  readonly #attempts: AttemptStore<GenerationState>;

  constructor(ports: GenerateRootPorts) {
    this.#ports = ports;
    this.#authority = new ShareAuthority(ports);
    const codec = {
      idle: IDLE,
      encode: encodeGeneration,
      decode: decodeGeneration,
      expiresAtMs: (state: GenerationState) => state.phase === "idle" ? null : state.expiresAtMs,
    };
    const expired = () => this.#count("expired");
    this.#attempts = new AttemptStore(NAME, ports.barrier, ports.nowMs, codec, expired);
  }

  async state(): Promise<GenerationState> {
    return (await this.#attempts.read()).state;
  }

  get required(): number {
    return this.#authority.required;
  }

  /** Throws `invalid_request` if an attempt is in progress. */
  async start(encoding: TokenEncoding, startedBy: string | null): Promise<Gathering> {
    const { random, nowMs, log } = this.#ports;
    const stored = await this.#attempts.read();
    if (stored.state.phase !== "idle") {
      throw invalidRequest("root generation already in progress for this namespace");
    }
    const startedAtMs = nowMs();
    const state: Gathering = {
      phase: "gathering",
      attemptId: randomUuid(random),
      encoding,
      required: this.required,
      startedAtMs,
      startedBy,
      expiresAtMs: startedAtMs + CEREMONY_TTL_MS,
      given: [],
    };
    await this.#attempts.write(state, stored.expect);
    if (stored.isLeftover) await this.#ports.clearTraces();
    this.#count("started");
    log.info(`root generation initialized: nonce=${state.attemptId}`);
    logRecipients(log, encoding.kind === "pgp" ? [encoding.recipient] : null);
    return state;
  }

  async cancel(): Promise<void> {
    const stored = await this.#attempts.read();
    if (stored.state.phase === "idle") return;
    await this.#attempts.write(IDLE, stored.expect);
    await this.#ports.clearTraces();
    this.#count("cancelled");
  }

  async expire(): Promise<void> {
    if (await this.#attempts.expire()) await this.#ports.clearTraces();
  }

  endRecords(): readonly Write[] {
    return this.#attempts.endRecords();
  }

  /** The attempt without given shares, for the commit that voids them. Null if idle. */
  async voided(required: number): Promise<Change | null> {
    const { state, expect } = await this.#attempts.read();
    if (state.phase === "idle") return null;
    return { ...this.#attempts.records({ ...state, required, given: [] }), expect: [expect] };
  }

  /** Takes a share of the key in force. The last one needed makes the token. */
  async submit(share: Share, attemptId: string): Promise<GenerationOutcome> {
    const stored = await this.#attempts.read();
    const place = await this.#authority.placeOf(share);
    const { state } = stored;
    if (state.phase === "idle") throw this.#refused("no root generation in progress");
    const problem = shareProblem(state, attemptId, place);
    if (problem !== null || place === null) throw this.#refused(problem ?? UNKNOWN_SHARE);
    const next: Gathering = { ...state, given: [...state.given, place] };
    if (next.given.length < state.required) {
      await this.#attempts.write(next, stored.expect);
      this.#count("share_accepted");
      return { kind: "advanced", state: next };
    }
    const token = this.#ports.issueRootToken();
    const encodedToken = await encodeToken(token.id, state.encoding);
    await this.#attempts.write(IDLE, stored.expect, { entries: token.entries });
    await this.#ports.clearTraces();
    this.#count("share_accepted");
    this.#count("completed");
    this.#ports.log.info(`root generation finished: nonce=${state.attemptId}`);
    return { kind: "complete", state: next, encodedToken };
  }

  #count(event: AttemptEvent): void {
    this.#ports.metrics.countAttempt("generate_root", event);
  }

  #refused(problem: string): VaultError {
    this.#count("share_refused");
    return invalidRequest(problem);
  }
}

/** Deviation D2: the reference notices only when the quorum is complete. */
export const UNKNOWN_SHARE = "given key is not one of the current key shares";

/** Why a share is refused; null if it is not. `place` is null for a share that is not in force. */
function shareProblem(state: Gathering, attemptId: string, place: number | null): string | null {
  if (attemptId !== state.attemptId) {
    return "incorrect nonce supplied; nonce for this root generation operation is " +
      `"${state.attemptId}"`;
  }
  if (place === null) return UNKNOWN_SHARE;
  return state.given.includes(place)
    ? "given key has already been provided during this generation operation"
    : null;
}

/** A new one-time password, as long as a token. */
export function createOtp(random: RandomBytes): string {
  return randomBase62(random, OTP_CHARACTERS);
}

async function encodeToken(token: string, encoding: TokenEncoding): Promise<string> {
  if (encoding.kind === "otp") return encodeBase64Unpadded(xorTexts(token, encoding.otp));
  return encodeBase64(await encryptTo(encoding.recipient, "pgp_key", token));
}

function xorTexts(left: string, right: string): Uint8Array<ArrayBuffer> {
  const bytes = encodeUtf8(left);
  const mask = encodeUtf8(right);
  if (bytes.length !== mask.length) throw new RangeError("token and password differ in length");
  return bytes.map((byte, index) => byte ^ (mask[index] ?? 0));
}

/** Decodes an encoded token. Throws `invalid_request` if the password does not fit it. */
export function decodeGeneratedToken(encoded: string, otp: string): string {
  const bytes = decodeBase64Unpadded(encoded);
  if (bytes === null) {
    const at = firstBadDigit(encoded);
    throw invalidRequest(
      `error decoding base64'd token: illegal base64 data at input byte ${at}`,
    );
  }
  const mask = encodeUtf8(otp);
  if (bytes.length !== mask.length) {
    throw invalidRequest(
      "error xoring token: length of byte slices is not equivalent: " +
        `${bytes.length} != ${mask.length}`,
    );
  }
  const token = bytes.map((byte, index) => byte ^ (mask[index] ?? 0));
  try {
    return decodeUtf8(token);
  } catch {
    throw invalidRequest("the one-time password is not that of the encoded token");
  }
}

/** Like Go's `base64.RawStdEncoding`: refuses padding, ignores line ends. */
function decodeBase64Unpadded(text: string): Uint8Array<ArrayBuffer> | null {
  const digits = text.replace(/[\r\n]+/g, "");
  if (digits.includes("=")) return null;
  return decodeBase64(digits + "=".repeat((4 - digits.length % 4) % 4));
}

/** The byte offset that Go reports for malformed base64. A lone final digit is itself to blame. */
function firstBadDigit(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/\r\n]/);
  return encodeUtf8(at === -1 ? text.slice(0, -1) : text.slice(0, at)).length;
}

const VERSION = 2;

interface GenerationJson {
  readonly version: typeof VERSION;
  readonly attempt: Gathering;
}

function encodeGeneration(state: GenerationState): Uint8Array | null {
  if (state.phase === "idle") return null;
  const json: GenerationJson = { version: VERSION, attempt: state };
  return encodeUtf8(JSON.stringify(json));
}

function decodeGeneration(bytes: Uint8Array): GenerationState {
  const json = JSON.parse(decodeUtf8(bytes)) as GenerationJson;
  if (json.version !== VERSION) {
    throw new VaultError("record_malformed", "a root generation record has an unknown version");
  }
  return json.attempt;
}
