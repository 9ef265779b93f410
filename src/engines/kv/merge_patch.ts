/**
 * JSON merge-patch (RFC 7396), and the shape of a value without its leaves. Pure: arguments are not
 * changed, and names like `__proto__` are ordinary. JSON_DEPTH_MAX, which http/ checks before it
 * parses, bounds the recursion.
 */

import { isJsonObject, type JsonObject } from "../../wire/json_value.ts";

/**
 * RFC 7396 section 2: null removes, objects merge, everything else replaces. Beyond the RFC, as in
 * the reference, objects inside a list lose their nulls; the list keeps its own.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) return patch.map((item: unknown) => mergePatch(undefined, item));
  return isJsonObject(patch) ? mergeObject(target, patch) : patch;
}

/** `mergePatch` for a patch that is an object, so the result is one too. */
export function mergeObject(target: unknown, patch: JsonObject): JsonObject {
  const members = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, mergePatch(members.get(name), value));
  }
  return Object.fromEntries(members);
}

/**
 * The names of `data`, with every leaf replaced by null. Lists and empty objects are leaves. Omits
 * names deeper than `depthMax`; 0 means no limit.
 */
export function namesOnly(data: JsonObject, depthMax: number, depth = 1): JsonObject {
  const descends = depthMax === 0 || depth < depthMax;
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => {
      const inner = descends && isJsonObject(value) && Object.keys(value).length > 0;
      return [name, inner ? namesOnly(value, depthMax, depth + 1) : null];
    }),
  );
}
