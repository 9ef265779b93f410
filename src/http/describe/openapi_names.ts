/** Names of the OpenAPI description that must be unique for every generator of clients. Pure. */

import type { JsonObject } from "../../wire/json_value.ts";
import { OPENAPI_NAME_MAX_CHARS } from "../../limits.ts";

/** Names of letters and digits that differ from each other in more than case. */
export class Names {
  readonly #taken = new Set<string>();

  /** The wanted one, with a number where it is taken. */
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

/** Schemas that have names, so that those of a client do not depend on what else is mounted. */
export class NamedSchemas {
  readonly #names = new Names();
  readonly #all = new Map<string, JsonObject>();
  /** By wanted name and content: mounts of one kind have them alike. */
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

/** The words of a path, each beginning with a capital. */
export function wordsOf(path: string): string {
  return path.split(/[^A-Za-z0-9]+/).map(capitalised).join("");
}

export function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** The same for paths that differ in the names of their parameters only: OpenAPI takes one of them. */
export function pathKey(path: string): string {
  return path.replace(/\{[^}]*\}/g, "{}");
}

/** A mount's path as it is written in a URL. In a template, braces would mean a parameter. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
