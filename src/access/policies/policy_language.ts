/** Code for reading and writing policies, loaded only then. Judging requests does not need it. */

export { DEFAULT_POLICY_TEXT, RESPONSE_WRAPPING_POLICY_TEXT } from "./default_policy.ts";
export { parsePolicy } from "./policy.ts";
export { isTemplated, isVariable, valuesOf } from "./policy_template.ts";
export { policyText } from "./policy_text.ts";
