/** The parts that all operations of the OpenAPI description share. */

import { ANY_OBJECT, orNull } from "./openapi_schemas.ts";
import type { JsonObject } from "../../wire/json_value.ts";

const TEXT = { type: "string" };
const BOOLEAN = { type: "boolean" };
const INTEGER = { type: "integer", format: "int64" };
const TEXTS = { type: "array", items: TEXT };

/** The envelope of a logical answer with this `data`. */
export function envelope(data: JsonObject): JsonObject {
  return object({
    request_id: { ...TEXT, description: "a UUID; empty where the answer is wrapped" },
    lease_id: TEXT,
    renewable: BOOLEAN,
    lease_duration: { ...INTEGER, description: "seconds" },
    data,
    wrap_info: orNull(schemaRef("WrapInfo")),
    warnings: orNull(TEXTS),
    auth: orNull(schemaRef("Auth")),
  });
}

/** The token in an answer, as `request/auth_fields.ts` writes it. */
const AUTH = object({
  client_token: TEXT,
  accessor: TEXT,
  policies: TEXTS,
  metadata: orNull({ type: "object", additionalProperties: TEXT }),
  lease_duration: { ...INTEGER, description: "seconds" },
  renewable: BOOLEAN,
  entity_id: TEXT,
  token_type: TEXT,
  orphan: BOOLEAN,
  num_uses: INTEGER,
}, { token_policies: TEXTS, mfa_requirement: orNull(ANY_OBJECT) });

/** A wrapping token, as `request/wrapping.ts` writes it. */
const WRAP_INFO = object({
  token: TEXT,
  accessor: TEXT,
  ttl: { ...INTEGER, description: "seconds" },
  creation_time: TEXT,
  creation_path: TEXT,
}, { wrapped_accessor: TEXT });

const KEYS = {
  description: "empty where there is nothing to list but a warning to give",
  ...object({}, { keys: TEXTS, key_info: ANY_OBJECT }),
};

export const COMPONENTS = {
  securitySchemes: {
    token: { type: "apiKey", in: "header", name: "X-Vault-Token" },
    bearer: { type: "http", scheme: "bearer" },
  },
  schemas: {
    Auth: AUTH,
    Envelope: envelope(orNull(ANY_OBJECT)),
    Errors: object({ errors: TEXTS }),
    Keys: KEYS,
    KeysEnvelope: envelope(orNull(schemaRef("Keys"))),
    NotFound: { anyOf: [schemaRef("Errors"), schemaRef("Envelope")] },
    WrapInfo: WRAP_INFO,
  },
  responses: {
    Refused: json("What is wrong, in words", schemaRef("Errors")),
    NotFound: json("Nothing is there", schemaRef("NotFound")),
    Envelope: json("The answer", schemaRef("Envelope")),
    Keys: json("The names, in order", schemaRef("KeysEnvelope")),
    Document: {
      description: "A document of its own form",
      content: {
        "application/json": { schema: ANY_OBJECT },
        "text/plain": { schema: TEXT },
      },
    },
    RefusedDocument: {
      description: "What is wrong, in words",
      content: {
        "application/json": { schema: schemaRef("Errors") },
        "text/plain": { schema: TEXT },
      },
    },
    Done: { description: "Done, nothing to say" },
  },
};

/** A response with a JSON body of this schema. */
export function json(description: string, schema: JsonObject): JsonObject {
  return { description, content: { "application/json": { schema } } };
}

function object(
  always: Readonly<Record<string, JsonObject>>,
  sometimes: Readonly<Record<string, JsonObject>> = {},
): JsonObject {
  const required = Object.keys(always);
  return {
    type: "object",
    ...(required.length === 0 ? {} : { required }),
    properties: { ...always, ...sometimes },
  };
}

function schemaRef(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}
