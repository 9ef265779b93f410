/**
 * Who has failed too often to log in with a user's password or a role's secret ids is kept out for a
 * while, whatever he sends. Only aliases that exist are counted, as in the reference.
 *
 * The count is stored, not kept in memory: a Durable Object that nobody asks is evicted within
 * seconds, and whoever waits for that could go on guessing. It costs little. Each failure is one
 * commit, which is nothing beside the hash of a password, and a locked alias is refused before its
 * record is written again: no more than `threshold` commits for each alias and lockout. A success
 * removes the record, and there is never more than one for an alias. The records of a mount lie
 * among its own and disappear with it.
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
  /** "" for all who do not exist. */
  readonly alias: string;
  readonly count: number;
  readonly lastAtMs: number;
}

/** The reference's (openbao internal/helper/configutil/userlockout.go). */
const DEFAULTS = { threshold: 5, durationSeconds: 15 * 60, counterResetSeconds: 15 * 60 };
const PREFIX = "failures/";
const NOBODY = "";

/** The rules of a mount; 0 there says nothing. */
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
   * Counts a failure; false when the alias was locked meanwhile, by others that ran at the same time.
   * Null stands for who does not exist: the work is the same, so that time tells nobody apart.
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

  /** Forgets the failures of an alias. */
  async forget(alias: string): Promise<void> {
    if (await this.#read(alias) === null) return;
    await this.#storage.commit([{ path: this.#path(alias), value: null }]);
  }

  /** The aliases that are locked now, sorted. */
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

  /** A role id is no name for a path: paths are not encrypted. */
  #path(alias: string): string {
    return PREFIX + encodeHex(hmacSha256(this.#macKey, encodeUtf8(alias)));
  }
}
