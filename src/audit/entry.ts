/**
 * Audit lines in Vault's JSON format: one before a request is served, one after. The part both
 * share is made once per device. Secrets pass through the device's hash. Pure: no clock, no I/O.
 */

import {
  carriesShares,
  type ClearNames,
  type DeviceHashing,
  hashData,
  publicMembers,
} from "./hashing.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** The caller, as known from a valid token. Each object must stand for one token id. */
export interface AuditedAuth {
  readonly accessor: string;
  readonly displayName: string;
  readonly policies: readonly string[];
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly tokenType: string;
  /** 0 if the token never expires. */
  readonly ttlSeconds: number;
  readonly issuedAtMs: number;
}

/** The policies' decision; entries have null if none were consulted. */
export interface AuditedDecision {
  readonly allowed: boolean;
  readonly grantingPolicies: readonly string[];
}

export interface AuditedRequest {
  readonly id: string;
  readonly operation: string;
  readonly mount:
    | { readonly type: string; readonly accessor: string; readonly path: string }
    | null;
  /** As sent, valid or not; "" if absent. */
  readonly clientToken: string;
  readonly path: string;
  readonly data: JsonObject;
  /** Names whose values the mount lets the trail show, in the request and in the response. */
  readonly clear?: { readonly request: ClearNames; readonly response: ClearNames };
  readonly remoteAddress: string | null;
  readonly wrapTtlSeconds: number | null;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

export interface AuditedReply {
  readonly data?: JsonObject | null;
  readonly auth?: JsonObject | null;
  readonly wrapInfo?: JsonObject | null;
  readonly warnings?: readonly string[] | undefined;
}

export interface AuditedError {
  readonly text: string;
  /** The text is a fixed sentence that cannot quote the request. */
  readonly isPublic: boolean;
}

/** The audit entry of one request. */
export class AuditEntry {
  readonly #auth: AuditedAuth | null;
  readonly #decision: AuditedDecision | null;
  readonly #request: AuditedRequest;
  readonly #common = new WeakMap<DeviceHashing, string>();

  constructor(
    auth: AuditedAuth | null,
    decision: AuditedDecision | null,
    request: AuditedRequest,
  ) {
    this.#auth = auth;
    this.#decision = decision;
    this.#request = request;
  }

  requestLine(hashing: DeviceHashing, nowMs: number, error: AuditedError | null): string {
    return `${opening(nowMs, "request")}${this.#commonOf(hashing)}${closing(hashing, error)}`;
  }

  responseLine(
    hashing: DeviceHashing,
    nowMs: number,
    reply: AuditedReply | null,
    error: AuditedError | null,
  ): string {
    const response = formatReply(reply ?? {}, this.#request, hashing);
    return `${opening(nowMs, "response")}${this.#commonOf(hashing)},"response":${response}` +
      closing(hashing, error);
  }

  #commonOf(hashing: DeviceHashing): string {
    const known = this.#common.get(hashing);
    if (known !== undefined) return known;
    const made = formatCommon(this.#auth, this.#decision, this.#request, hashing);
    this.#common.set(hashing, made);
    return made;
  }
}

function opening(nowMs: number, type: "request" | "response"): string {
  return `{"time":"${new Date(nowMs).toISOString()}","type":"${type}"`;
}

function closing(hashing: DeviceHashing, error: AuditedError | null): string {
  if (error === null) return "}";
  const text = error.isPublic ? error.text : hashing.text(error.text);
  return `,"error":${JSON.stringify(text)}}`;
}

function formatCommon(
  auth: AuditedAuth | null,
  decision: AuditedDecision | null,
  request: AuditedRequest,
  hashing: DeviceHashing,
): string {
  const { token, accessor, authJson } = shownToken(auth, request.clientToken, hashing);
  const policyResults = results(decision);
  const resultsMember = policyResults === undefined
    ? ""
    : `,"policy_results":${JSON.stringify(policyResults)}`;
  const { id, operation, mount, path, data, remoteAddress, wrapTtlSeconds, headers } = request;
  const head = JSON.stringify({
    id,
    client_token: token,
    client_token_accessor: accessor,
    operation,
    mount_point: mount?.path,
    mount_type: mount?.type,
    mount_accessor: mount?.accessor || undefined,
    namespace: { id: "root" },
    path,
    remote_address: remoteAddress ?? undefined,
    wrap_ttl: wrapTtlSeconds ?? undefined,
    headers: isEmpty(headers) ? undefined : headers,
  });
  const dataMember = isEmpty(data) ? "" : `,"data":${shownData(data, request, "request", hashing)}`;
  return `,"auth":${authJson.slice(0, -1)}${resultsMember}},"request":${head.slice(0, -1)}` +
    `${dataMember}}`;
}

/** The part shared by all lines of one token. */
interface ShownToken {
  readonly token: string | undefined;
  readonly accessor: string | undefined;
  /** Never an empty object: it always has `token_type`. */
  readonly authJson: string;
}

/** Cached because tokens are reused, and hashing costs more than the rest of a line. */
const shownTokens = new WeakMap<AuditedAuth, WeakMap<DeviceHashing, ShownToken>>();

function shownToken(
  auth: AuditedAuth | null,
  clientToken: string,
  hashing: DeviceHashing,
): ShownToken {
  if (auth === null) return formatToken(auth, clientToken, hashing);
  const ofDevices = shownTokens.get(auth) ?? new WeakMap<DeviceHashing, ShownToken>();
  shownTokens.set(auth, ofDevices);
  const shown = ofDevices.get(hashing) ?? formatToken(auth, clientToken, hashing);
  ofDevices.set(hashing, shown);
  return shown;
}

function formatToken(
  auth: AuditedAuth | null,
  clientToken: string,
  hashing: DeviceHashing,
): ShownToken {
  const accessor = auth === null || auth.accessor === ""
    ? undefined
    : hashing.accessor(auth.accessor);
  const token = clientToken === "" ? undefined : hashing.text(clientToken);
  return { token, accessor, authJson: JSON.stringify(formatAuth(auth, token, accessor)) };
}

function formatAuth(
  auth: AuditedAuth | null,
  token: string | undefined,
  accessor: string | undefined,
): JsonObject {
  if (auth === null) return { client_token: token, token_type: "default" };
  return {
    client_token: token,
    accessor,
    display_name: auth.displayName,
    policies: auth.policies,
    token_policies: auth.policies,
    metadata: auth.metadata ?? undefined,
    token_type: auth.tokenType,
    token_ttl: auth.ttlSeconds === 0 ? undefined : auth.ttlSeconds,
    token_issue_time: new Date(auth.issuedAtMs).toISOString(),
  };
}

function results(decision: AuditedDecision | null): JsonObject | undefined {
  if (decision === null) return undefined;
  const granting = decision.grantingPolicies.map((name) => ({
    name,
    namespace_id: "root",
    type: "acl",
  }));
  return {
    allowed: decision.allowed,
    granting_policies: granting.length === 0 ? undefined : granting,
  };
}

function shownData(
  data: JsonObject,
  { path, clear }: AuditedRequest,
  of: "request" | "response",
  hashing: DeviceHashing,
): string {
  const clearNames = clear === undefined || carriesShares(path) ? undefined : clear[of];
  return hashData(data, hashing.text, publicMembers(path), clearNames);
}

function formatReply(
  reply: AuditedReply,
  request: AuditedRequest,
  hashing: DeviceHashing,
): string {
  const { data, auth, wrapInfo, warnings } = reply;
  const members: string[] = [];
  if (auth !== undefined && auth !== null) {
    members.push(`"auth":${JSON.stringify(formatIssued(auth, hashing))}`);
  }
  if (data !== undefined && data !== null) {
    members.push(`"data":${shownData(data, request, "response", hashing)}`);
  }
  if (wrapInfo !== undefined && wrapInfo !== null) {
    members.push(`"wrap_info":${JSON.stringify(formatWrapInfo(wrapInfo, hashing))}`);
  }
  if (warnings !== undefined && warnings.length > 0) {
    members.push(`"warnings":${JSON.stringify(warnings.map(hashing.text))}`);
  }
  return `{${members.join(",")}}`;
}

/** An issued or renewed token. Lists only members known to be harmless. */
function formatIssued(auth: JsonObject, hashing: DeviceHashing): JsonObject {
  return {
    client_token: hashText(auth["client_token"], hashing.text),
    accessor: hashText(auth["accessor"], hashing.accessor),
    policies: auth["policies"],
    token_policies: auth["token_policies"],
    metadata: auth["metadata"] ?? undefined,
    num_uses: auth["num_uses"],
    orphan: auth["orphan"],
    renewable: auth["renewable"],
    token_type: auth["token_type"],
    token_ttl: auth["lease_duration"],
  };
}

function formatWrapInfo(info: JsonObject, hashing: DeviceHashing): JsonObject {
  return {
    ttl: info["ttl"],
    token: hashText(info["token"], hashing.text),
    accessor: hashText(info["accessor"], hashing.accessor),
    creation_time: info["creation_time"],
    creation_path: info["creation_path"],
    wrapped_accessor: hashText(info["wrapped_accessor"], hashing.accessor),
  };
}

function hashText(value: unknown, hash: (text: string) => string): string | undefined {
  return typeof value === "string" && value !== "" ? hash(value) : undefined;
}

function isEmpty(value: object): boolean {
  for (const name in value) if (Object.hasOwn(value, name)) return false;
  return true;
}
