/**
 * Writes a request and its outcome to the audit devices: one entry before the handler runs, one
 * before the answer leaves. `audited.ts` decides which requests have a trail. Never sends anything
 * to the client.
 */

import { parseDurationSeconds } from "../../wire/duration.ts";
import { ROOT_POLICY_NAME } from "../../access/policies/policy_names.ts";
import type { Token } from "../../access/tokens/token.ts";
import { type AuditDevices, AuditFailed } from "../../audit/devices.ts";
import {
  type AuditedAuth,
  type AuditedDecision,
  type AuditedError,
  type AuditedReply,
  type AuditedRequest,
  AuditEntry,
} from "../../audit/entry.ts";
import { causeOf, VaultError } from "../../errors.ts";
import { multiError } from "../../wire/multi_error.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import type { Call, Trail, TrailDecision } from "./call.ts";
import { answerError } from "./errors.ts";
import { UnsupportedMediaType } from "./patch.ts";
import { type Owner, ownerOf } from "../../vault/mounts/owner.ts";
import type { JsonObject } from "../../wire/json_value.ts";

export interface Asked {
  readonly path: string;
  /** An operation of the engines, or `help`. */
  readonly operation: string;
  readonly data: JsonObject;
}

export interface TrailRules {
  /** False if no device will be open to hash the answer. */
  readonly answers: boolean;
  /** The answer must reach the caller even if its lines cannot be written. */
  readonly mustAnswer: boolean;
}

/** Vault's own defaults for `sys/config/auditing/request-headers`. */
const SHOWN_HEADERS = ["correlation-id", "x-correlation-id", "user-agent"] as const;
const REFUSED: AuditedDecision = { allowed: false, grantingPolicies: [] };

type Format = Parameters<AuditDevices["write"]>[0];

export class AuditTrail implements Trail {
  readonly #devices: AuditDevices;
  readonly #call: Call;
  readonly #asked: Asked;
  readonly #owner: Owner | null;
  readonly #rules: TrailRules;
  #entry: AuditEntry | null = null;
  #isMissingLine = false;
  #release: () => void = () => {};

  constructor(call: Call, unsealed: UnsealedVault, asked: Asked, rules: TrailRules) {
    this.#devices = unsealed.audit;
    this.#call = call;
    this.#asked = asked;
    this.#owner = ownerOf(unsealed, asked.path) ?? ownerOf(unsealed, `${asked.path}/`);
    this.#rules = rules;
    // A request that closes the devices would otherwise wait for its own end.
    if (rules.answers) this.#release = unsealed.audit.beginTrail();
  }

  /** Must be called once the request is answered, however it ended. */
  end(): void {
    this.#release();
  }

  /** Writes the request's entry before it is served. If it throws `AuditFailed`, refuse it. */
  async begin(decision: TrailDecision | null, operation = this.#asked.operation): Promise<void> {
    const entry = this.#newEntry(shownDecision(decision), operation, this.#asked.data);
    await this.#write((hashing, nowMs) => entry.requestLine(hashing, nowMs, null));
  }

  /** Writes the answer's entry. If it throws `AuditFailed`, do not send the answer. */
  async answer(reply: AuditedReply): Promise<void> {
    const entry = this.#entry;
    if (entry === null || !this.#rules.answers) return;
    await this.#write((hashing, nowMs) => entry.responseLine(hashing, nowMs, reply, null));
  }

  /** Like `answer`, for a response of which only the body is known: bare, or an envelope. */
  async answerBody(response: Response): Promise<void> {
    if (this.#rules.answers) await this.answer(replyOf(await bodyOf(response)));
  }

  /** Writes the entries that a refused request still lacks. Throws `AuditFailed`. */
  async refused(error: unknown): Promise<void> {
    const shown = shownError(error);
    const begun = this.#entry !== null;
    const decision = isDenial(error) ? REFUSED : null;
    // Hashing long texts for anonymous callers would let them stall the vault.
    const data = this.#call.token === null ? {} : this.#asked.data;
    const entry = this.#entry ?? this.#newEntry(decision, this.#asked.operation, data);
    if (!begun) {
      await this.#write((hashing, nowMs) => entry.requestLine(hashing, nowMs, shown));
    }
    if (!this.#rules.answers) return;
    await this.#write((hashing, nowMs) => entry.responseLine(hashing, nowMs, null, shown));
  }

  /**
   * Throws `AuditFailed` if the request must not go on without this line. If it may go on and has
   * already lost a line, later lines are not awaited: the device may hang.
   */
  async #write(format: Format): Promise<void> {
    const goesOn = this.#goesOnUnwritten();
    const written = goesOn ? this.#tryWrite(format) : this.#devices.write(format);
    if (!goesOn || !this.#isMissingLine) await written;
  }

  async #tryWrite(format: Format): Promise<void> {
    try {
      await this.#devices.write(format);
    } catch (error) {
      this.#isMissingLine = true;
      const { path, operation } = this.#asked;
      const { context, requestId } = this.#call;
      context.log.error("a request goes on without an audit entry", {
        path,
        operation,
        request_id: requestId,
        reason: error instanceof AuditFailed ? error.message : causeOf(error),
      });
    }
  }

  /**
   * Root must be able to remove a failing device or enable a working one. Sealing stops an
   * attacker, who may be the one that filled the disk.
   */
  #goesOnUnwritten(): boolean {
    if (this.#rules.mustAnswer) return true;
    if (this.#asked.path === "sys/seal" && this.#call.token !== null) return true;
    const isRoot = this.#call.token?.token.policies.includes(ROOT_POLICY_NAME) === true;
    return isRoot && /^sys\/audit(\/|$)/.test(this.#asked.path);
  }

  #newEntry(decision: AuditedDecision | null, operation: string, data: JsonObject): AuditEntry {
    const call = this.#call;
    const { path } = this.#asked;
    this.#entry = new AuditEntry(authOf(call), decision, {
      id: call.requestId,
      operation,
      mount: this.#owner === null ? null : shownMount(this.#owner),
      ...clearNames(this.#owner),
      clientToken: call.tokenText,
      path,
      data,
      remoteAddress: call.remoteAddress,
      wrapTtlSeconds: shownWrapTtl(call.request.headers.get("x-vault-wrap-ttl")),
      headers: shownHeaders(call.request.headers),
    });
    return this.#entry;
  }
}

function shownMount({ kind, mount }: Owner): AuditedRequest["mount"] {
  const { path, type, accessor } = mount;
  return { path: kind === "login" ? `auth/${path}` : path, type, accessor };
}

/** The members that the mount's settings allow the trail to show in clear. */
function clearNames(owner: Owner | null): Pick<AuditedRequest, "clear"> {
  if (owner === null) return {};
  const { auditNonHmacRequestKeys, auditNonHmacResponseKeys } = owner.mount.config;
  if (auditNonHmacRequestKeys.length + auditNonHmacResponseKeys.length === 0) return {};
  const request = new Set(auditNonHmacRequestKeys);
  return { clear: { request, response: new Set(auditNonHmacResponseKeys) } };
}

/** One object per token, because `audit/entry.ts` caches by identity. */
const auths = new WeakMap<Token, AuditedAuth>();

function authOf(call: Call): AuditedAuth | null {
  if (call.token === null) return null;
  const { token } = call.token;
  const auth = auths.get(token) ?? formatAuth(token);
  auths.set(token, auth);
  return auth;
}

function formatAuth(token: Token): AuditedAuth {
  return {
    accessor: token.accessor,
    displayName: token.displayName,
    policies: token.policies,
    metadata: token.meta,
    tokenType: token.type,
    ttlSeconds: token.creationTtlSeconds,
    issuedAtMs: token.createdAtMs,
  };
}

function shownDecision(decision: TrailDecision | null): AuditedDecision | null {
  if (decision === null) return null;
  return { allowed: decision.allowed, grantingPolicies: decision.policyNames ?? [] };
}

function shownHeaders(headers: Headers): AuditedRequest["headers"] {
  const shown: Record<string, readonly string[]> = {};
  for (const name of SHOWN_HEADERS) {
    const value = headers.get(name);
    if (value !== null) shown[name] = [value];
  }
  return shown;
}

function isDenial(error: unknown): boolean {
  return error instanceof VaultError &&
    (error.code === "denied" || error.code === "unauthenticated");
}

/** A text that never varies may be shown. Others may quote the request. */
function shownError(error: unknown): AuditedError {
  const text = answerError(error).errors.join("; ") || "refused";
  return { text, isPublic: !mayQuote(error) || text === multiError(["permission denied"]) };
}

function mayQuote(error: unknown): boolean {
  if (error instanceof UnsupportedMediaType) return true;
  return error instanceof VaultError &&
    (error.code === "invalid_request" || error.code === "not_found" || error.code === "denied");
}

/** Null if absent. A value that cannot be parsed is refused elsewhere. */
function shownWrapTtl(header: string | null): number | null {
  const seconds = header === null ? null : parseDurationSeconds(header);
  return seconds === 0 ? null : seconds;
}

async function bodyOf(response: Response): Promise<JsonObject | null> {
  const type = response.headers.get("content-type") ?? "";
  if (response.body === null || !type.startsWith("application/json")) return null;
  const body: unknown = await response.clone().json();
  return typeof body === "object" && body !== null ? body as JsonObject : null;
}

function replyOf(body: JsonObject | null): AuditedReply {
  if (body === null || typeof body["request_id"] !== "string") return { data: body };
  const member = (name: string) => (body[name] ?? null) as JsonObject | null;
  return {
    data: member("data"),
    auth: member("auth"),
    wrapInfo: member("wrap_info"),
    warnings: (body["warnings"] ?? []) as readonly string[],
  };
}
