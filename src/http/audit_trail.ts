/**
 * Writes what a request is and how it ended to the audit devices: one entry before the handler runs,
 * one before the answer leaves. A request that is not audited (no device is enabled, or nothing is
 * open that could hash it) has no trail and costs nothing. Sends nothing to the client.
 */

import { parseDurationSeconds } from "../access/duration.ts";
import type { Token } from "../access/token.ts";
import { type AuditDevices, AuditFailed } from "../audit/devices.ts";
import {
  type AuditedAuth,
  type AuditedDecision,
  type AuditedError,
  type AuditedReply,
  type AuditedRequest,
  AuditEntry,
} from "../audit/entry.ts";
import type { Operation } from "../engines/engine.ts";
import { multiError, VaultError } from "../errors.ts";
import type { OpenVault } from "../vault/open_vault.ts";
import type { Call } from "./call.ts";
import { answerError } from "./errors.ts";
import { type Owner, ownerOf } from "./mount_owner.ts";
import { decodePath } from "./paths.ts";
import type { JsonObject } from "./replies.ts";

export interface Asked {
  readonly path: string;
  readonly operation: Operation;
  readonly data: JsonObject;
}

/** What the policies said, as `access/acl.ts` answers it. */
interface Decision {
  readonly allowed: boolean;
  readonly policyNames?: readonly string[];
}

/** As Vault's own defaults for `sys/config/auditing/request-headers`. */
const SHOWN_HEADERS = ["correlation-id", "x-correlation-id", "user-agent"] as const;
const REFUSED: AuditedDecision = { allowed: false, grantingPolicies: [] };

export class AuditTrail {
  readonly #devices: AuditDevices;
  readonly #call: Call;
  readonly #asked: Asked;
  readonly #owner: Owner | null;
  readonly #answers: boolean;
  #entry: AuditEntry | null = null;
  #release: () => void = () => {};

  constructor(call: Call, open: OpenVault, asked: Asked, answers: boolean) {
    this.#devices = open.audit;
    this.#call = call;
    this.#asked = asked;
    this.#owner = ownerOf(open, asked.path) ?? ownerOf(open, `${asked.path}/`);
    this.#answers = answers;
    // A request that closes the devices itself would wait for its own end.
    if (answers) this.#release = open.audit.beginTrail();
  }

  /** To be called once the request is answered, however it ended. */
  end(): void {
    this.#release();
  }

  /** The entry of a request that will be served. Throws `AuditFailed`: then it must not be. */
  async begin(decision: Decision | null, operation = this.#asked.operation): Promise<void> {
    const entry = this.#open(shownDecision(decision), operation, this.#asked.data);
    await this.#devices.write((hashing, nowMs) => entry.requestLine(hashing, nowMs, null));
  }

  /** The entry of an answer. Throws `AuditFailed`: then it must not be given. */
  async answer(reply: AuditedReply): Promise<void> {
    const entry = this.#entry;
    if (entry === null || !this.#answers) return;
    await this.#devices.write((hashing, nowMs) => entry.responseLine(hashing, nowMs, reply, null));
  }

  /** The same for an answer of which only the body is at hand: bare, or an envelope. */
  async answerBody(response: Response): Promise<void> {
    if (this.#answers) await this.answer(replyOf(await bodyOf(response)));
  }

  /** What is missing when a request was refused, at whichever step. */
  async refused(error: unknown): Promise<void> {
    const shown = shownError(error);
    const begun = this.#entry !== null;
    const decision = isDenial(error) ? REFUSED : null;
    // Hashing much text for somebody whom nothing vouches for would be a way to stop the vault.
    const data = this.#call.token === null ? {} : this.#asked.data;
    const entry = this.#entry ?? this.#open(decision, this.#asked.operation, data);
    if (!begun) {
      await this.#devices.write((hashing, nowMs) => entry.requestLine(hashing, nowMs, shown));
    }
    if (!this.#answers) return;
    await this.#devices.write((hashing, nowMs) => entry.responseLine(hashing, nowMs, null, shown));
  }

  #open(decision: AuditedDecision | null, operation: Operation, data: JsonObject): AuditEntry {
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

/** Gives a call its trail, if anybody keeps one. `answers` is false where nothing stays open. */
export function startTrail(call: Call, open: OpenVault, asked: Asked, answers = true): void {
  if (open.audit.isEnabled) call.trail = new AuditTrail(call, open, asked, answers);
}

/** The same for a raw endpoint, whose body is looked at before the handler reads it. */
export async function startRawTrail(call: Call, answers: boolean): Promise<void> {
  if (call.vault.status().sealed || !call.vault.unsealed().audit.isEnabled) return;
  const data = await call.body().catch(() => ({}));
  const operation = OPERATIONS[call.method] ?? "update";
  const path = decodePath(call.path).replace(/\/$/, "");
  startTrail(call, call.vault.unsealed(), { path, operation, data }, answers);
}

const OPERATIONS: Readonly<Record<string, Operation>> = { GET: "read", DELETE: "delete" };

/**
 * Records a refusal. The answer is to be made from what this resolves with: the same error, or that
 * of the trail, which must not hide behind it.
 */
export async function recordRefusal(call: Call, error: unknown): Promise<unknown> {
  if (call.trail === null || error instanceof AuditFailed) return error;
  try {
    await call.trail.refused(error);
    return error;
  } catch (failure) {
    return failure;
  }
}

function shownMount({ kind, mount }: Owner): AuditedRequest["mount"] {
  const { path, type, accessor } = mount;
  return { path: kind === "login" ? `auth/${path}` : path, type, accessor };
}

/** What the mount says the trail may show. */
function clearNames(owner: Owner | null): Pick<AuditedRequest, "clear"> {
  if (owner === null) return {};
  const { auditNonHmacRequestKeys, auditNonHmacResponseKeys } = owner.mount.config;
  if (auditNonHmacRequestKeys.length + auditNonHmacResponseKeys.length === 0) return {};
  const request = new Set(auditNonHmacRequestKeys);
  return { clear: { request, response: new Set(auditNonHmacResponseKeys) } };
}

/** The same object for the same token, which the lines' makers remember it by. */
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

function shownDecision(decision: Decision | null): AuditedDecision | null {
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

/** A text that is the same for every cause may be read; others may quote the request. */
function shownError(error: unknown): AuditedError {
  const text = answerError(error).errors.join("; ");
  const mayQuote = error instanceof VaultError &&
    (error.code === "invalid_request" || error.code === "not_found" || error.code === "denied");
  const isPublic = !mayQuote || text === multiError(["permission denied"]);
  return { text, isPublic };
}

/** Null for none; what cannot be parsed is refused elsewhere. */
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
