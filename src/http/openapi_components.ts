/** The parts that all operations of the OpenAPI description share. */

import type { JsonObject } from "./replies.ts";

const ENVELOPE = {
  type: "object",
  required: [
    "request_id",
    "lease_id",
    "renewable",
    "lease_duration",
    "data",
    "wrap_info",
    "warnings",
    "auth",
  ],
  properties: {
    request_id: { type: "string", format: "uuid" },
    lease_id: { type: "string" },
    renewable: { type: "boolean" },
    lease_duration: { type: "integer" },
    data: { type: ["object", "null"] },
    wrap_info: { type: ["object", "null"] },
    warnings: { type: ["array", "null"], items: { type: "string" } },
    auth: { type: ["object", "null"] },
  },
};

export const COMPONENTS: JsonObject = {
  securitySchemes: {
    token: { type: "apiKey", in: "header", name: "X-Vault-Token" },
    bearer: { type: "http", scheme: "bearer" },
  },
  schemas: {
    Envelope: ENVELOPE,
    Errors: {
      type: "object",
      required: ["errors"],
      properties: { errors: { type: "array", items: { type: "string" } } },
    },
    Keys: {
      type: "object",
      description: "Empty where there is nothing to list but a warning to give",
      properties: { keys: { type: "array", items: { type: "string" } } },
    },
  },
  responses: {
    Refused: json("What is wrong, in words", { $ref: "#/components/schemas/Errors" }),
    NotFound: json("Nothing is there", {
      anyOf: [{ $ref: "#/components/schemas/Errors" }, { $ref: "#/components/schemas/Envelope" }],
    }),
    Envelope: json("The answer", { $ref: "#/components/schemas/Envelope" }),
    Keys: json("The names, in order", {
      allOf: [
        { $ref: "#/components/schemas/Envelope" },
        {
          properties: {
            data: { anyOf: [{ $ref: "#/components/schemas/Keys" }, { type: "null" }] },
          },
        },
      ],
    }),
    Document: {
      description: "A document of its own form",
      content: {
        "application/json": { schema: { type: "object" } },
        "text/plain": { schema: { type: "string" } },
      },
    },
    RefusedDocument: {
      description: "What is wrong, in words",
      content: {
        "application/json": { schema: { $ref: "#/components/schemas/Errors" } },
        "text/plain": { schema: { type: "string" } },
      },
    },
    Done: { description: "Done, nothing to say" },
  },
};

/** A response whose body is JSON of a schema. */
export function json(description: string, schema: JsonObject): JsonObject {
  return { description, content: { "application/json": { schema } } };
}
