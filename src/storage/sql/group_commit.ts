/**
 * Gathers commits that arrive together and applies them as one group, in order of arrival, so that
 * many writers share one transaction and one flush to disk. Knows no SQL and does no I/O; `apply`
 * does, synchronously.
 */

import { VaultError } from "../../errors.ts";
import type { Commit, CommitOutcome } from "../store.ts";
import { GROUP_COMMITS_MAX } from "../../limits.ts";

interface Waiting {
  readonly commit: Commit;
  readonly resolve: (outcome: CommitOutcome) => void;
  readonly reject: (error: VaultError) => void;
}

export interface GroupCommit {
  /**
   * Resolves to the outcome of this commit once its group is applied. Rejects with
   * `VaultError("store_failed")` if the group failed; then nothing of the group was written.
   */
  add(commit: Commit): Promise<CommitOutcome>;
  /** Applies the gathered commits now. */
  flush(): void;
}

/**
 * `apply` returns one outcome per commit of the group, in order, or throws after undoing them all.
 * `gather` calls its argument once, at the end of the turn in which a group begins.
 */
export function createGroupCommit(
  apply: (group: readonly Commit[]) => readonly CommitOutcome[],
  gather: (flush: () => void) => void,
): GroupCommit {
  const waiting: Waiting[] = [];
  let gathering = false;

  function flush(): void {
    gathering = false;
    while (waiting.length > 0) settle(waiting.splice(0, GROUP_COMMITS_MAX), apply);
  }

  return {
    add(commit) {
      return new Promise((resolve, reject) => {
        waiting.push({ commit, resolve, reject });
        if (gathering) return;
        gathering = true;
        gather(flush);
      });
    },
    flush,
  };
}

function settle(
  group: readonly Waiting[],
  apply: (group: readonly Commit[]) => readonly CommitOutcome[],
): void {
  try {
    const outcomes = apply(group.map(({ commit }) => commit));
    for (const [index, { resolve }] of group.entries()) resolve(outcomes[index] as CommitOutcome);
  } catch (cause) {
    const error = new VaultError("store_failed", "cannot commit: the database failed", { cause });
    for (const { reject } of group) reject(error);
  }
}
