/** Names in the OpenAPI description, which must be unique for every client generator. Pure. */

import type { JsonObject } from "../../wire/json_value.ts";
import { OPENAPI_NAME_MAX_CHARS } from "../../limits.ts";

/** Names made of letters and digits, no two of which differ only in case. */
export class Names {
  readonly #taken = new Set<string>();

  /** The wanted name, with a number appended if it is taken. */
  take(wanted: string): string {
    const name = wanted.slice(0, OPENAPI_NAME_MAX_CHARS);
    let unique = name;
    for (let number = 2; this.#taken.has(unique.toLowerCase()); number += 1) {
      unique = `${name}${number}`;
    }
    this.#taken.add(unique.toLowerCase());
    return unique;
  }
}

/** Named schemas, so that a client's names do not depend on what else is mounted. */
export class NamedSchemas {
  readonly #names = new Names();
  readonly #all = new Map<string, JsonObject>();
  /** By wanted name and content: mounts of one type share their schemas. */
  readonly #known = new Map<string, string>();

  constructor(first: Readonly<Record<string, JsonObject>>) {
    for (const [name, schema] of Object.entries(first)) this.reference(name, schema);
  }

  reference(wanted: string, schema: JsonObject): JsonObject {
    const key = wanted + JSON.stringify(schema);
    const name = this.#known.get(key) ?? this.#names.take(wanted);
    this.#known.set(key, name);
    this.#all.set(name, schema);
    return { $ref: `#/components/schemas/${name}` };
  }

  all(): Readonly<Record<string, JsonObject>> {
    return Object.fromEntries(this.#all);
  }
}

/** The words of a path, each capitalised. */
export function wordsOf(path: string): string {
  return path.split(/[^A-Za-z0-9]+/).map(capitalised).join("");
}

export function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Equal for paths that differ only in names of parameters: OpenAPI accepts only one of them. */
export function pathKey(path: string): string {
  return path.replace(/\{[^}]*\}/g, "{}");
}

/** A mount's path as written in a URL. Braces in a template would mean a parameter. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
