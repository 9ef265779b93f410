/**
 * Names that can be spelled in several ways and are stored in one. Policies judge a path under the
 * stored spelling, and a rule in another spelling is read as if it used that one. Pure.
 */

import type { Operation } from "./operation.ts";

export interface NameSpelling {
  /** The stored spelling of a name. Idempotent. */
  readonly stored: (name: string, operation: Operation) => string;
  /**
   * The same for the start of a name, as a rule has it before its `*`. The result must be a prefix
   * of the stored name. Omit to read rules as they are written.
   */
  readonly storedStart?: (start: string) => string;
}
