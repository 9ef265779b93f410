/**
 * Names that can be written in several ways and are stored in one. What a path reaches is judged by
 * policies under the stored spelling, and a rule that names it in another way is read as if it named
 * it so. Pure.
 */

import type { Operation } from "./operation.ts";

export interface NameSpelling {
  /** The name as it is stored, of which it is itself. */
  readonly stored: (name: string, operation: Operation) => string;
  /**
   * The same for the beginning of a name, as a rule has it before its `*`: of a stored name it is a
   * beginning too. Left out: rules are read as they are written.
   */
  readonly storedStart?: (start: string) => string;
}
