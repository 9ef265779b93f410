/** The policy that allows everything. */

import type { Policy } from "./policy.ts";
import { ROOT_POLICY_NAME } from "./policy_names.ts";

/** The only policy without text: its name is its power. No policy text can express it. */
export const ROOT_POLICY: Policy = { name: ROOT_POLICY_NAME, rules: [] };
