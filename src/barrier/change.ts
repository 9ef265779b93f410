/** What one commit through the barrier holds, and how parts of it from several places are joined. */

import type { Expectation, Write } from "../storage/store.ts";

/** A value to encrypt. */
export interface Entry {
  readonly path: string;
  /** Null removes. */
  readonly value: Uint8Array | null;
  readonly sealWrap?: boolean;
}

/** The entries to encrypt, and the records written as they are, of one commit. */
export interface Change {
  readonly entries?: readonly Entry[];
  readonly writes?: readonly Write[];
  readonly expect?: readonly Expectation[];
}

/** All of the changes, for one commit. A path must be written by one of them only. */
export function joinChanges(...changes: readonly Change[]): Required<Change> {
  return {
    entries: changes.flatMap(({ entries = [] }) => entries),
    writes: changes.flatMap(({ writes = [] }) => writes),
    expect: changes.flatMap(({ expect = [] }) => expect),
  };
}
