/**
 * The stored ACL policies and the compiled form that requests are judged by. Compiled lists are kept
 * in memory until any policy changes, or a policy or a rule of theirs expires: this object is the
 * only writer. Not so where a path depends on what the next login may change of an entity.
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

/** What whoever writes a policy decides. */
export interface PolicySettings extends TemplateRules {
  readonly text: string;
  /** Whether each later write must say which version it replaces. */
  readonly casRequired: boolean;
  /** Null: never. */
  readonly expiresAtMs: number | null;
}

export interface PolicyText extends PolicySettings {
  readonly name: string;
  /** Grows with each write; 0 for the root policy, which is not stored. */
  readonly version: number;
  /** Null: it was never written. */
  readonly modifiedAtMs: number | null;
}

/** What older versions did not store. */
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
  /** What it is made of where its paths depend on who asks; else null. */
  readonly templated: PolicyText | null;
  /** Its paths depend on what changes of an entity. */
  readonly isVariable: boolean;
}

const ROOT: Parsed = { policy: ROOT_POLICY, expiresAtMs: null, templated: null, isVariable: false };

export class PolicyStore {
  readonly #barrier: Barrier;
  readonly #nowMs: () => number;
  readonly #entities: Pick<Entities, "byId">;
  readonly #parsed = new Map<string, Parsed>();
  readonly #compiled = new Map<string, Compiled>();
  /** Counts the changes: what was read before one is not kept after it. */
  #changes = 0;

  constructor(barrier: Barrier, nowMs: () => number, entities: Pick<Entities, "byId">) {
    this.#entities = entities;
    this.#barrier = barrier;
    this.#nowMs = nowMs;
  }

  /**
   * Judges requests of a token with these policies. Names that are not stored grant nothing.
   * `entityId`: who holds the token, "" for nobody in particular.
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

  /** Names that begin with `prefix`. `root`, which is not stored, is not among them. */
  async list(prefix = ""): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const rest of this.#barrier.each(POLICY_PREFIX + prefix)) names.push(prefix + rest);
    return inScanOrder(names.filter((name) => !BUILT_IN.includes(name)));
  }

  /** Null also for one that has expired. */
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
    // Who reads it first removes it, unless somebody has written a new one meanwhile.
    await this.#barrier.commit({
      entries: [{ path, value: null }],
      expect: [{ path, revision: record.revision }],
    });
    return null;
  }

  /**
   * Stores a policy given as HCL, as JSON, or as base64 of either. `cas`: the version that it
   * replaces, 0 or -1 for none; null when that was not said. Resolves with what its author should
   * know of the text.
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

/** The entry that gives a new vault its `default` policy. */
export async function defaultPolicyEntry(
  nowMs: number,
): Promise<{ path: string; value: Uint8Array }> {
  const name = DEFAULT_POLICY_NAME;
  const { DEFAULT_POLICY_TEXT: text } = await language();
  const policy = { ...UNSET, name, text, version: 1, modifiedAtMs: nowMs };
  return { path: POLICY_PREFIX + name, value: encodePolicy(policy) };
}

/** A Worker starts without. */
function language() {
  return import("./policy_language.ts");
}

async function filledFor(entity: Entity | null, { policy, templated }: Parsed): Promise<Policy> {
  if (entity === null || templated === null) return policy;
  const { parsePolicy, valuesOf } = await language();
  return parsePolicy(policy.name, templated.text, valuesOf(entity, templated));
}

/** The last millisecond still counts. */
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
