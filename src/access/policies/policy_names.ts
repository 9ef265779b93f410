/** The policies that exist by themselves. */

import { foldCase } from "../../wire/fold.ts";

export const ROOT_POLICY_NAME = "root";
export const DEFAULT_POLICY_NAME = "default";
export const RESPONSE_WRAPPING_POLICY_NAME = "response-wrapping";

/** A policy's name as it is stored: without blanks around it and in lower case. */
export function foldPolicyName(name: string): string {
  return foldCase(name.trim());
}
