/**
 * JSON merge-patch, RFC 7396, and the shape of a value without its leaves. Pure; the arguments are
 * not changed; names such as `__proto__` are names like any other. Recursion is bounded by
 * JSON_DEPTH_MAX, which http/ checks before it parses.
 */

import { isJsonObject, type JsonObject } from "../../wire/json_value.ts";

/**
 * RFC 7396 section 2: null removes, objects merge, everything else replaces. Where the RFC says
 * nothing we do as the reference: an object within a list keeps no null either, the list does.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) return patch.map((item: unknown) => mergePatch(undefined, item));
  return isJsonObject(patch) ? mergeObject(target, patch) : patch;
}

/** `mergePatch` for a patch that is an object: so is the result. */
export function mergeObject(target: unknown, patch: JsonObject): JsonObject {
  const members = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, mergePatch(members.get(name), value));
  }
  return Object.fromEntries(members);
}

/**
 * The names of `data` with every leaf null; an empty object and a list are leaves. Names deeper than
 * `depthMax` are left out; 0 means no limit.
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
