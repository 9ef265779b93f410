/**
 * The stored ACL policies, and the compiled ACLs that judge requests. Compiled ACLs are cached
 * until any policy changes, or until a policy or rule of theirs expires; this object is the only
 * writer. ACLs whose paths depend on entity data that the next login may change are not cached.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { invalidRequest } from "../../errors.ts";
import { POLICY_MAX_CHARS, POLICY_SETS_CACHED_MAX } from "../../limits.ts";
import { POLICY_PREFIX } from "../../storage/record_paths.ts";
import { type Acl, compileAcl } from "./acl.ts";
import type { Entity } from "../identity/entity.ts";
import type { ParsedPolicy, Policy } from "./policy.ts";
import {
  DEFAULT_POLICY_NAME,
  RESPONSE_WRAPPING_POLICY_NAME,
  ROOT_POLICY_NAME,
} from "./policy_names.ts";
import { ROOT_POLICY } from "./root_policy.ts";
import type { TemplateRules } from "./policy_template.ts";
import { inScanOrder } from "./policy_text.ts";
import type { Entities } from "../identity/entities.ts";

const NEVER_MS = Number.POSITIVE_INFINITY;
const BUILT_IN: readonly string[] = [ROOT_POLICY_NAME, RESPONSE_WRAPPING_POLICY_NAME];

/** What the author of a policy chooses. */
export interface PolicySettings extends TemplateRules {
  readonly text: string;
  /** Whether each later write must name the version it replaces. */
  readonly casRequired: boolean;
  /** Null if never. */
  readonly expiresAtMs: number | null;
}

export interface PolicyText extends PolicySettings {
  readonly name: string;
  /** Grows with each write; 0 for the root policy, which is not stored. */
  readonly version: number;
  /** Null if never written. */
  readonly modifiedAtMs: number | null;
}

/** Defaults for what older records lack. */
const UNSET = {
  casRequired: false,
  expiresAtMs: null,
  allowsSlashesInTemplates: false,
  allowsWildcardsInTemplates: false,
};

interface Compiled {
  readonly acl: Acl;
  readonly untilMs: number;
}

interface Parsed {
  readonly policy: Policy;
  readonly expiresAtMs: number | null;
  /** The source, if its paths depend on the caller; else null. */
  readonly templated: PolicyText | null;
  /** Whether its paths depend on entity data that may change. */
  readonly isVariable: boolean;
}

const ROOT: Parsed = { policy: ROOT_POLICY, expiresAtMs: null, templated: null, isVariable: false };

export class PolicyStore {
  readonly #barrier: Barrier;
  readonly #nowMs: () => number;
  readonly #entities: Pick<Entities, "byId">;
  readonly #parsed = new Map<string, Parsed>();
  readonly #compiled = new Map<string, Compiled>();
  /** Number of changes. What was read before a change is not cached after it. */
  #changes = 0;

  constructor(barrier: Barrier, nowMs: () => number, entities: Pick<Entities, "byId">) {
    this.#entities = entities;
    this.#barrier = barrier;
    this.#nowMs = nowMs;
  }

  /**
   * The ACL of a token with these policies. Names that are not stored grant nothing. `entityId` is
   * the entity of the token, "" if it has none.
   */
  async acl(names: readonly string[], entityId = ""): Promise<Acl> {
    const nowMs = this.#nowMs();
    const key = JSON.stringify([entityId, ...names]);
    const cached = this.#compiled.get(key);
    if (cached !== undefined && !isPast(cached.untilMs, nowMs)) return cached.acl;
    const changes = this.#changes;
    const entity = entityId === "" ? null : await this.#entities.byId(entityId);
    const policies: Policy[] = [];
    let untilMs = NEVER_MS;
    let isVariable = false;
    for (const name of names) {
      const parsed = await this.#policy(name, nowMs);
      if (parsed === null) continue;
      isVariable ||= entity !== null && parsed.isVariable;
      const filled = await filledFor(entity, parsed);
      const rules = filled.rules.filter((rule) => !isPast(rule.expiresAtMs, nowMs));
      policies.push({ name, rules });
      for (const { expiresAtMs } of [parsed, ...rules]) {
        untilMs = Math.min(untilMs, expiresAtMs ?? NEVER_MS);
      }
    }
    const acl = compileAcl(policies);
    if (isVariable) return acl;
    if (this.#compiled.size >= POLICY_SETS_CACHED_MAX) this.#compiled.clear();
    if (changes === this.#changes) this.#compiled.set(key, { acl, untilMs });
    return acl;
  }

  /** Names that begin with `prefix`, without `root`, which is not stored. */
  async list(prefix = ""): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const rest of this.#barrier.each(POLICY_PREFIX + prefix)) names.push(prefix + rest);
    return inScanOrder(names.filter((name) => !BUILT_IN.includes(name)));
  }

  /** The policy; null if it does not exist or has expired. */
  async read(name: string): Promise<PolicyText | null> {
    const builtIn = { ...UNSET, name, modifiedAtMs: null };
    if (name === ROOT_POLICY_NAME) return { ...builtIn, text: "", version: 0 };
    if (name === RESPONSE_WRAPPING_POLICY_NAME) {
      const { RESPONSE_WRAPPING_POLICY_TEXT: text } = await language();
      return { ...builtIn, text, version: 1 };
    }
    const path = POLICY_PREFIX + name;
    const record = await this.#barrier.get(path);
    if (record === null) return null;
    const stored = { ...UNSET, ...JSON.parse(decodeUtf8(record.value)) } as PolicyText;
    if (!isPast(stored.expiresAtMs, this.#nowMs())) return stored;
    // The first reader removes it, unless a new one has been written meanwhile.
    await this.#barrier.commit({
      entries: [{ path, value: null }],
      expect: [{ path, revision: record.revision }],
    });
    return null;
  }

  /**
   * Stores a policy given as HCL, as JSON, or as base64 of either. `cas` is the version it
   * replaces, 0 or -1 if none, null if not given. Returns warnings for the author. Throws
   * `invalid_request`.
   */
  async write(
    name: string,
    given: PolicySettings,
    cas: number | null,
  ): Promise<ParsedPolicy["warnings"]> {
    const { parsePolicy, policyText } = await language();
    const text = policyText(given.text);
    if (given.expiresAtMs !== null && given.expiresAtMs <= this.#nowMs()) {
      throw invalidRequest("refusing to update policy as expiration time has already elapsed");
    }
    if (text.length > POLICY_MAX_CHARS) {
      throw invalidRequest(
        `failed to parse policy: text longer than ${POLICY_MAX_CHARS} characters`,
      );
    }
    const { warnings } = parsePolicy(name, text);
    if (BUILT_IN.includes(name)) throw invalidRequest(`cannot update "${name}" policy`);
    const existing = await this.read(name);
    checkVersion(existing, given.casRequired, cas);
    const version = (existing?.version ?? 0) + 1;
    const value = encodePolicy({ ...given, name, text, version, modifiedAtMs: this.#nowMs() });
    await this.#barrier.commit({ entries: [{ path: POLICY_PREFIX + name, value }] });
    this.#forget();
    return warnings;
  }

  async remove(name: string): Promise<void> {
    if (BUILT_IN.includes(name)) throw invalidRequest(`cannot delete "${name}" policy`);
    if (name === DEFAULT_POLICY_NAME) throw invalidRequest("cannot delete default policy");
    await this.#barrier.commit({ entries: [{ path: POLICY_PREFIX + name, value: null }] });
    this.#forget();
  }

  async #policy(name: string, nowMs: number): Promise<Parsed | null> {
    if (name === ROOT_POLICY_NAME) return ROOT;
    const cached = this.#parsed.get(name);
    if (cached !== undefined && !isPast(cached.expiresAtMs, nowMs)) return cached;
    const changes = this.#changes;
    const stored = await this.read(name);
    if (stored === null) return null;
    const { isTemplated, isVariable, parsePolicy } = await language();
    const parsed = {
      policy: parsePolicy(name, stored.text),
      expiresAtMs: stored.expiresAtMs,
      templated: isTemplated(stored.text) ? stored : null,
      isVariable: isVariable(stored.text),
    };
    if (changes === this.#changes) this.#parsed.set(name, parsed);
    return parsed;
  }

  #forget(): void {
    this.#changes += 1;
    this.#parsed.clear();
    this.#compiled.clear();
  }
}

/** The entry that stores the `default` policy of a new vault. */
export async function defaultPolicyEntry(
  nowMs: number,
): Promise<{ path: string; value: Uint8Array }> {
  const name = DEFAULT_POLICY_NAME;
  const { DEFAULT_POLICY_TEXT: text } = await language();
  const policy = { ...UNSET, name, text, version: 1, modifiedAtMs: nowMs };
  return { path: POLICY_PREFIX + name, value: encodePolicy(policy) };
}

/** Loaded on first use, so that a Worker starts without it. */
function language() {
  return import("./policy_language.ts");
}

async function filledFor(entity: Entity | null, { policy, templated }: Parsed): Promise<Policy> {
  if (entity === null || templated === null) return policy;
  const { parsePolicy, valuesOf } = await language();
  return parsePolicy(policy.name, templated.text, valuesOf(entity, templated));
}

/** A policy still counts in the millisecond of its expiry. */
function isPast(expiresAtMs: number | null, nowMs: number): boolean {
  return expiresAtMs !== null && nowMs > expiresAtMs;
}

function checkVersion(
  existing: PolicyText | null,
  willRequire: boolean,
  cas: number | null,
): void {
  if (cas === null) {
    if (willRequire || existing?.casRequired === true) {
      throw invalidRequest("check-and-set parameter required for this call");
    }
    return;
  }
  if (cas === -1) {
    if (existing === null) return;
    throw invalidRequest("check-and-set parameter set to -1 on existing entry");
  }
  if (cas !== (existing?.version ?? 0)) {
    throw invalidRequest("check-and-set parameter did not match the current version");
  }
}

function encodePolicy(policy: PolicyText): Uint8Array {
  return encodeUtf8(JSON.stringify(policy));
}
