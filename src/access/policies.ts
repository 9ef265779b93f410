/**
 * The stored ACL policies and the compiled form that requests are judged by. Compiled lists are kept
 * in memory until any policy changes: this object is the only writer.
 */

import type { Barrier } from "../barrier/barrier.ts";
import { decodeBase64, decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { invalidRequest } from "../errors.ts";
import { POLICY_PREFIX } from "../storage/record_paths.ts";
import { type Acl, compileAcl } from "./acl.ts";
import { DEFAULT_POLICY_NAME, DEFAULT_POLICY_TEXT } from "./default_policy.ts";
import { parsePolicy, type Policy, ROOT_POLICY, ROOT_POLICY_NAME } from "./policy.ts";

const PAGE = 256;
const COMPILED_MAX = 1000;

export interface PolicyText {
  readonly name: string;
  readonly text: string;
  /** Grows with each write; 0 for the root policy, which is not stored. */
  readonly version: number;
  readonly modifiedAtMs: number;
}

export class PolicyStore {
  readonly #barrier: Barrier;
  readonly #nowMs: () => number;
  readonly #parsed = new Map<string, Policy | null>();
  readonly #compiled = new Map<string, Acl>();

  constructor(barrier: Barrier, nowMs: () => number) {
    this.#barrier = barrier;
    this.#nowMs = nowMs;
  }

  /** Judges requests of a token with these policies. Names that are not stored grant nothing. */
  async acl(names: readonly string[]): Promise<Acl> {
    const key = names.join("\n");
    const cached = this.#compiled.get(key);
    if (cached !== undefined) return cached;
    const policies: Policy[] = [];
    for (const name of names) {
      const policy = await this.#policy(name);
      if (policy !== null) policies.push(policy);
    }
    const acl = compileAcl(policies);
    if (this.#compiled.size >= COMPILED_MAX) this.#compiled.clear();
    this.#compiled.set(key, acl);
    return acl;
  }

  /** Names in order, with `root` last as Vault lists it. */
  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for (let after = "";;) {
      const paths = await this.#barrier.list(POLICY_PREFIX, after, PAGE);
      names.push(...paths.map((path) => path.slice(POLICY_PREFIX.length)));
      after = paths.at(-1) ?? "";
      if (paths.length < PAGE) break;
    }
    return [...names, ROOT_POLICY_NAME];
  }

  async read(name: string): Promise<PolicyText | null> {
    if (name === ROOT_POLICY_NAME) return { name, text: "", version: 0, modifiedAtMs: 0 };
    const record = await this.#barrier.get(POLICY_PREFIX + name);
    return record === null ? null : JSON.parse(decodeUtf8(record.value)) as PolicyText;
  }

  /** Stores a policy given as HCL, as JSON, or as base64 of either. */
  async write(name: string, given: string): Promise<void> {
    if (name === ROOT_POLICY_NAME) throw invalidRequest('cannot update "root" policy');
    const text = policyText(given);
    parsePolicy(name, text);
    const version = ((await this.read(name))?.version ?? 0) + 1;
    const value = encodePolicy({ name, text, version, modifiedAtMs: this.#nowMs() });
    await this.#barrier.commit({ entries: [{ path: POLICY_PREFIX + name, value }] });
    this.#forget();
  }

  async remove(name: string): Promise<void> {
    if (name === ROOT_POLICY_NAME) throw invalidRequest('cannot delete "root" policy');
    if (name === DEFAULT_POLICY_NAME) throw invalidRequest("cannot delete default policy");
    await this.#barrier.commit({ entries: [{ path: POLICY_PREFIX + name, value: null }] });
    this.#forget();
  }

  async #policy(name: string): Promise<Policy | null> {
    if (name === ROOT_POLICY_NAME) return ROOT_POLICY;
    const cached = this.#parsed.get(name);
    if (cached !== undefined) return cached;
    const stored = await this.read(name);
    const policy = stored === null ? null : parsePolicy(name, stored.text);
    if (policy !== null) this.#parsed.set(name, policy);
    return policy;
  }

  #forget(): void {
    this.#parsed.clear();
    this.#compiled.clear();
  }
}

/** The entry that gives a new vault its `default` policy. */
export function defaultPolicyEntry(nowMs: number): { path: string; value: Uint8Array } {
  const name = DEFAULT_POLICY_NAME;
  const policy = { name, text: DEFAULT_POLICY_TEXT, version: 1, modifiedAtMs: nowMs };
  return { path: POLICY_PREFIX + name, value: encodePolicy(policy) };
}

function encodePolicy(policy: PolicyText): Uint8Array {
  return encodeUtf8(JSON.stringify(policy));
}

/** Policy text has quotes or braces, which base64 has not: the two cannot be confused. */
function policyText(given: string): string {
  const decoded = decodeBase64(given);
  if (decoded === null || decoded.length === 0) return given;
  try {
    return decodeUtf8(decoded);
  } catch {
    return given;
  }
}
