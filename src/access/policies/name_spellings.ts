/** The ways in which names in paths can be written; see `wire/spelling.ts`. */

import { foldCase } from "../../wire/fold.ts";
import { foldPolicyName } from "./policy_names.ts";
import type { NameSpelling } from "../../wire/spelling.ts";

/** Users, roles and entities: a name is the same in upper and in lower case. */
export const CASELESS: NameSpelling = { stored: foldCase, storedStart: foldCase };

/** Policies: the same, and with blanks around the name. */
export const POLICY_NAME: NameSpelling = {
  stored: foldPolicyName,
  storedStart: (start) => foldCase(start.trimStart()),
};

/** Mounts and audit devices: with slashes at the end of the path and without. */
export const MOUNT_PATH: NameSpelling = {
  stored: (path) => path.replace(/\/+$/, ""),
  storedStart: (start) => start,
};

/** Headers, in the letter case in which HTTP libraries write them: "X-Some-Thing". */
export const HEADER_NAME: NameSpelling = { stored: headerCase, storedStart: headerCase };

function headerCase(text: string): string {
  return text.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
