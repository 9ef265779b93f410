/**
 * Locks out an alias, for a while, after too many failed logins with a user's password or a role's
 * secret ids, whatever is sent meanwhile. As in the reference, only existing aliases are counted.
 *
 * The count is stored, not kept in memory: an idle Durable Object is evicted within seconds, and an
 * attacker could wait for that and go on guessing. This costs little. A failure is one commit,
 * which is nothing beside the hash of a password. A locked alias is refused before its record is
 * written again, so there are at most `threshold` commits per alias and lockout. An alias has at
 * most one record, and a success removes it. A mount's records lie among its own and are removed
 * with it.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import { encodeHex, encodeUtf8 } from "../../crypto/bytes.ts";
import { hmacSha256 } from "../../crypto/digest.ts";
import { LOGIN_DATA_PREFIX } from "../../storage/record_paths.ts";
import type { AuthMount } from "../auth_mount.ts";
import { type JsonRecord, JsonRecords } from "../../barrier/mount_records.ts";
import type { UserLockout } from "../mount_settings.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";

interface Failures {
  readonly version: 1;
  /** "" for all aliases that do not exist. */
  readonly alias: string;
  readonly count: number;
  readonly lastAtMs: number;
}

/** The reference's defaults (openbao internal/helper/configutil/userlockout.go). */
const DEFAULTS = { threshold: 5, durationSeconds: 15 * 60, counterResetSeconds: 15 * 60 };
const PREFIX = "failures/";
const NOBODY = "";

/** The rules of a mount; 0 there means the default. */
export function lockoutRules({ userLockout }: AuthMount["config"]): UserLockout {
  return {
    threshold: userLockout?.threshold || DEFAULTS.threshold,
    durationSeconds: userLockout?.durationSeconds || DEFAULTS.durationSeconds,
    counterResetSeconds: userLockout?.counterResetSeconds || DEFAULTS.counterResetSeconds,
    disabled: userLockout?.disabled ?? false,
  };
}

export class Lockouts {
  readonly #storage: JsonRecords;
  readonly #macKey: Uint8Array;
  readonly #rules: UserLockout;
  readonly #nowMs: () => number;

  constructor(barrier: Barrier, mount: AuthMount, nowMs: () => number) {
    this.#storage = new JsonRecords(barrier, `${LOGIN_DATA_PREFIX}${mount.uuid}/`, mount.sealWrap);
    this.#macKey = barrier.deriveMacKey("login failures", encodeUtf8(mount.uuid));
    this.#rules = lockoutRules(mount.config);
    this.#nowMs = nowMs;
  }

  async isLocked(alias: string): Promise<boolean> {
    if (this.#rules.disabled) return false;
    const record = await this.#read(alias);
    return record !== null && this.#locks(record.value);
  }

  /**
   * Counts a failure. False if concurrent failures have locked the alias meanwhile. Null is an
   * alias that does not exist; the work is the same, so timing reveals nothing.
   */
  async fail(alias: string | null): Promise<boolean> {
    if (this.#rules.disabled) return true;
    return await repeatWhileLost(async () => {
      const read = await this.#read(alias ?? NOBODY);
      if (alias !== null && read !== null && this.#locks(read.value)) return settled(false);
      const value: Failures = {
        version: 1,
        alias: alias ?? NOBODY,
        count: this.#countOf(read) + 1,
        lastAtMs: this.#nowMs(),
      };
      const write = { path: this.#path(alias ?? NOBODY), value, read };
      return await this.#storage.commit([write]) ? settled(true) : LOST;
    });
  }

  async forget(alias: string): Promise<void> {
    if (await this.#read(alias) === null) return;
    await this.#storage.commit([{ path: this.#path(alias), value: null }]);
  }

  /** The locked aliases, sorted. */
  async locked(): Promise<readonly string[]> {
    const aliases: string[] = [];
    for await (const hash of this.#storage.each(PREFIX)) {
      const record = await this.#storage.get<Failures>(PREFIX + hash);
      if (record === null || record.value.alias === NOBODY) continue;
      if (!this.#rules.disabled && this.#locks(record.value)) aliases.push(record.value.alias);
    }
    return aliases.sort();
  }

  #locks({ count, lastAtMs }: Failures): boolean {
    const { threshold, durationSeconds } = this.#rules;
    return count >= threshold && this.#nowMs() - lastAtMs < durationSeconds * 1000;
  }

  #countOf(read: JsonRecord<Failures> | null): number {
    if (read === null) return 0;
    const { count, lastAtMs } = read.value;
    return this.#nowMs() - lastAtMs > this.#rules.counterResetSeconds * 1000 ? 0 : count;
  }

  async #read(alias: string): Promise<JsonRecord<Failures> | null> {
    return await this.#storage.get<Failures>(this.#path(alias));
  }

  /** Hashed, because paths are not encrypted and an alias may be a role id. */
  #path(alias: string): string {
    return PREFIX + encodeHex(hmacSha256(this.#macKey, encodeUtf8(alias)));
  }
}
