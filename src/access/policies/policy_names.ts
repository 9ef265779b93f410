/** The names of the built-in policies. */

import { foldCase } from "../../wire/fold.ts";

export const ROOT_POLICY_NAME = "root";
export const DEFAULT_POLICY_NAME = "default";
export const RESPONSE_WRAPPING_POLICY_NAME = "response-wrapping";

/** The stored spelling of a policy's name: lower case, without blanks around it. */
export function foldPolicyName(name: string): string {
  return foldCase(name.trim());
}
