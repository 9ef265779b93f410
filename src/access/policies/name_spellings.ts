/** The spellings of names in paths; see `wire/spelling.ts`. */

import { foldCase } from "../../wire/fold.ts";
import { foldPolicyName } from "./policy_names.ts";
import type { NameSpelling } from "../../wire/spelling.ts";

/** Users, roles and entities: letter case is ignored. */
export const CASELESS: NameSpelling = { stored: foldCase, storedStart: foldCase };

/** Policies: letter case and blanks around the name are ignored. */
export const POLICY_NAME: NameSpelling = {
  stored: foldPolicyName,
  storedStart: (start) => foldCase(start.trimStart()),
};

/** Mounts and audit devices: slashes at the end of the path are ignored. */
export const MOUNT_PATH: NameSpelling = {
  stored: (path) => path.replace(/\/+$/, ""),
  storedStart: (start) => start,
};

/** Headers, in the letter case that HTTP libraries use: "X-Some-Thing". */
export const HEADER_NAME: NameSpelling = { stored: headerCase, storedStart: headerCase };

function headerCase(text: string): string {
  return text.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
