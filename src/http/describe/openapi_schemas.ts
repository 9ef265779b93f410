/** Turns schemas that check requests into schemas to show, with one plain type each. Pure. */

import { toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import type { JsonObject } from "../../wire/json_value.ts";

/** For a request, the form to write it in; for an answer, what it may be. */
export function schemaOf(schema: GenericSchema): JsonObject {
  const { $schema: _dialect, ...described } = toJsonSchema(schema, {
    typeMode: "input",
    target: "draft-2020-12",
    errorMode: "ignore",
  });
  return plain(described);
}

/** An object with any members. Without `additionalProperties`, generators make an empty type. */
export const ANY_OBJECT: JsonObject = { type: "object", additionalProperties: true };

/** The schema, or null. */
export function orNull(schema: JsonObject): JsonObject {
  const { type } = schema;
  return typeof type === "string"
    ? { ...schema, type: [type, "null"] }
    : { anyOf: [schema, { type: "null" }] };
}

/** Defaults are dropped: some clients would send them for fields their caller omitted. */
function plain({ default: _default, ...schema }: JsonObject): JsonObject {
  const { written, description, anyOf, type, properties, required, items } = schema;
  const about = description === undefined ? {} : { description };
  if (written !== undefined) return { ...(written as JsonObject), ...about };
  if (Array.isArray(anyOf)) return { ...plainChoice(anyOf), ...about };
  if ("const" in schema) return { type: typeof schema["const"], ...about };
  switch (type) {
    case "integer":
      return { type, format: "int64", ...about };
    case "array":
      return { ...schema, items: plain(items as JsonObject) };
    case "object": {
      const members = distinct((properties ?? {}) as Record<string, JsonObject>);
      if (members.length === 0) return { ...ANY_OBJECT, ...valuesOf(schema), ...about };
      const all = members.map(([name, member]) => [name, plain(member)] as const);
      const needed = (required ?? []) as readonly string[];
      return {
        type,
        properties: Object.fromEntries(all),
        ...(needed.length === 0 ? {} : { required: needed }),
        ...about,
      };
    }
    default:
      return schema;
  }
}

/** Of two spellings, such as `sha256` and `sha_256`, one is shown: Go and Java would merge them. */
function distinct(members: Readonly<Record<string, JsonObject>>): readonly [string, JsonObject][] {
  const taken = new Set<string>();
  return Object.entries(members).filter(([name]) => {
    const word = name.replaceAll("_", "").toLowerCase();
    return !taken.has(word) && taken.add(word);
  });
}

/** For an object whose members all have one type, whatever their names. */
function valuesOf({ additionalProperties: values }: JsonObject): JsonObject {
  const isDescribed = typeof values === "object" && values !== null &&
    Object.keys(values).length > 0;
  return isDescribed ? { additionalProperties: plain(values as JsonObject) } : {};
}

/** Raw endpoints accept null for "not sent". The description only says to omit the field. */
function plainChoice(choices: readonly JsonObject[]): JsonObject {
  const written = choices.find((choice) => choice["written"] !== undefined);
  if (written !== undefined) return plain(written);
  const others = choices.filter(({ type }) => type !== "null").map(plain);
  const [only] = others;
  const choice = others.length === 1 && only !== undefined ? only : { anyOf: others };
  return others.length === choices.length ? choice : orNull(choice);
}
