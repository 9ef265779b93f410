/** A path of a table as OpenAPI shows it: operations with their parameters, bodies and answers. */

import type { Answer } from "../../wire/served_path.ts";
import { ERROR_STATUSES } from "../request/errors.ts";
import type { EndpointRules } from "../request/logical.ts";
import { envelope, json } from "./openapi_components.ts";
import { capitalised, type NamedSchemas, wordsOf } from "./openapi_names.ts";
import { ANY_OBJECT, orNull, schemaOf } from "./openapi_schemas.ts";
import type { JsonObject } from "../../wire/json_value.ts";
import type {
  DescribedEndpoint,
  DescribedMethod,
  DescribedOperation,
  DescribedPath,
} from "../../wire/described_path.ts";

/** Where the schemas of a path are kept, and the start of their names. */
interface Named {
  readonly words: string;
  readonly schemas: NamedSchemas;
}
/** By method. */
export type PathItem = Readonly<Record<string, JsonObject>>;

const ERRORS = Object.fromEntries(
  [...ERROR_STATUSES].map((status) => [status, { $ref: "#/components/responses/Refused" }]),
);
/** kv v2 answers a deleted version with its metadata, and an unknown path with advice. */
const NOT_FOUND = { 404: { $ref: "#/components/responses/NotFound" } };

function ofMethod(method: string, { words, schemas }: Named): Named {
  return { words: capitalised(method) + words, schemas };
}

export function pathItem(
  { prefix, kind, tag }: { readonly prefix: string; readonly kind: string; readonly tag: string },
  path: DescribedPath & Omit<EndpointRules, "alias">,
  schemas: NamedSchemas,
): PathItem {
  const { operations } = path;
  const parameters = pathParameters(prefix + path.template);
  const about: Named = { words: capitalised(kind) + wordsOf(path.template), schemas };
  const describe = (
    method: string,
    operation: DescribedOperation,
    usual: Answer,
  ): JsonObject => ({
    summary: operation.summary,
    tags: [tag],
    ...(path.sudo === true ? { "x-vault-sudo": true } : {}),
    ...(path.token === undefined ? {} : { security: [{}, { token: [] }, { bearer: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: { ...ERRORS, ...NOT_FOUND, ...successes(operation, usual, ofMethod(method, about)) },
  });
  const asked = (method: string, operation: DescribedOperation, usual: Answer): JsonObject =>
    withParameters(describe(method, operation, usual), queryParameters(operation));
  const item: Record<string, JsonObject> = {};
  const { read, list, delete: remove, patch } = operations;
  const write = operations["update"] ?? operations["create"];
  if (read !== undefined) item["get"] = asked("get", read, "data");
  if (list !== undefined && list.answers?.length !== 0) {
    item["get"] = listed(item["get"], asked("get", list, "keys"));
  }
  if (write !== undefined) {
    item["post"] = { ...describe("post", write, "nothing"), ...bodyOf(write, about) };
    item["put"] = item["post"];
  }
  if (patch !== undefined) {
    const { responses, ...described } = describe("patch", patch, "nothing");
    item["patch"] = {
      ...described,
      responses: { ...responses as JsonObject, 404: { description: "Nothing is there" } },
      ...bodyOf(patch, ofMethod("patch", about), "application/merge-patch+json"),
    };
  }
  if (remove !== undefined) item["delete"] = asked("delete", remove, "nothing");
  return item;
}

/** A list shares its method with a read. */
function listed(read: JsonObject | undefined, list: JsonObject): JsonObject {
  const choice = (choices: readonly string[]) => ({
    name: "list",
    in: "query",
    description: "true: the names below the path",
    required: read === undefined,
    schema: { type: "string", enum: choices },
  });
  if (read === undefined) return withParameters(list, [choice(["true"])]);
  const known = parametersOf(read).map(({ name }) => name);
  return withParameters({
    ...read,
    summary: `${read["summary"]}, or ${lowerFirst(String(list["summary"]))}`,
  }, [
    ...parametersOf(list).filter(({ name }) => !known.includes(name)),
    choice(["true", "false"]),
  ]);
}

function parametersOf({ parameters = [] }: JsonObject): readonly JsonObject[] {
  return parameters as readonly JsonObject[];
}

function withParameters(operation: JsonObject, more: readonly JsonObject[]): JsonObject {
  const parameters = [...parametersOf(operation), ...more];
  return parameters.length === 0 ? operation : { ...operation, parameters };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function successes(
  { answers, data }: DescribedOperation,
  usual: Answer,
  { words, schemas }: Named,
): Record<string, JsonObject> {
  const described: Record<string, JsonObject> = {};
  for (const answer of answers ?? [usual]) {
    switch (answer) {
      case "nothing":
        described["204"] = { $ref: "#/components/responses/Done" };
        break;
      case "queued":
        described["202"] = { $ref: "#/components/responses/Done" };
        break;
      case "accepted":
        described["202"] = { $ref: "#/components/responses/Envelope" };
        break;
      case "document":
        described["200"] = { $ref: "#/components/responses/Document" };
        described["400"] = { $ref: "#/components/responses/RefusedDocument" };
        break;
      case "keys":
        described["200"] = { $ref: "#/components/responses/Keys" };
        break;
      default:
        described["200"] = data === null ? { $ref: "#/components/responses/Envelope" } : json(
          "The answer",
          schemas.reference(`${words}Answer`, envelope(orNull(schemaOf(data)))),
        );
    }
  }
  return described;
}

interface ParameterKind {
  readonly schema: JsonObject;
  readonly description?: string;
}

const PATH: ParameterKind = {
  schema: { type: "string", minLength: 1 },
  description: "may contain slashes",
};
/** By the mark after a parameter's name. Each matches one segment, except the last two. */
const PARAMETER_KINDS: Readonly<Record<string, ParameterKind>> = {
  "": { schema: { type: "string", pattern: "^\\w(?:[\\w.-]*\\w)?$" } },
  "@": { schema: { type: "string", pattern: "^\\w(?:[\\w.@-]*\\w)?$" } },
  "~": { schema: { type: "string", minLength: 1 } },
  "+": PATH,
  "*": PATH,
};

function pathParameters(template: string): readonly JsonObject[] {
  return [...template.matchAll(/\{(\w+)([@~+*])?\}/g)].map(([, name, kind = ""]) => ({
    name,
    in: "path",
    required: true,
    ...PARAMETER_KINDS[kind],
  }));
}

function queryParameters({ schema, needs }: DescribedOperation): readonly JsonObject[] {
  const { properties = {} } = schemaOf(schema) as { properties?: Record<string, JsonObject> };
  return Object.entries(properties).map(([name, { description, ...each }]) => ({
    name,
    in: "query",
    ...(description === undefined ? {} : { description }),
    ...(needs.includes(name) ? { required: true } : {}),
    schema: each,
  }));
}

/** Empty if the operation reads no body. */
function bodyOf(
  { schema, needs, takesAnything }: Pick<DescribedOperation, "schema" | "needs" | "takesAnything">,
  { words, schemas }: Named,
  type = "application/json",
): JsonObject {
  const isRead = takesAnything || Object.keys(schema.entries).length > 0;
  if (!isRead) return {};
  const described = takesAnything
    ? ANY_OBJECT
    : schemas.reference(`${words}Request`, needing(schemaOf(schema), needs));
  const required = takesAnything || needs.length > 0 ? { required: true } : {};
  return { requestBody: { ...required, content: { [type]: { schema: described } } } };
}

function needing(fields: JsonObject, needs: readonly string[]): JsonObject {
  return needs.length === 0 ? fields : { ...fields, required: needs };
}

export function rawPathItem(
  { path, methods, whileSealed, authorise }: DescribedEndpoint,
  schemas: NamedSchemas,
): PathItem {
  const about: Named = { words: wordsOf(path), schemas };
  const describe = (method: string, operation: DescribedMethod): JsonObject => ({
    summary: operation.summary,
    tags: ["system"],
    ...(authorise === undefined || whileSealed === true ? { security: [{}] } : {}),
    responses: { ...ERRORS, ...rawSuccesses(operation, ofMethod(method, about)) },
  });
  const write = (method: string, operation: DescribedMethod): JsonObject => ({
    ...describe(method, operation),
    ...bodyOf({ schema: operation.schema, needs: [], takesAnything: false }, about),
  });
  const item: Record<string, JsonObject> = {};
  if (methods.GET !== undefined) item["get"] = describe("get", methods.GET);
  if (methods.HEAD !== undefined) item["head"] = headOnly(describe("get", methods.HEAD));
  if (methods.PUT !== undefined) {
    item["post"] = write("post", methods.PUT);
    item["put"] = item["post"];
  }
  if (methods.DELETE !== undefined) item["delete"] = write("delete", methods.DELETE);
  return item;
}

function rawSuccesses(
  { answer, statuses }: DescribedMethod,
  { words, schemas }: Named,
): Record<string, JsonObject> {
  if (answer === null) return { 204: { $ref: "#/components/responses/Done" } };
  const described = json("The answer", schemas.reference(`${words}Answer`, schemaOf(answer)));
  return Object.fromEntries([200, ...statuses].map((status) => [status, described]));
}

/** The same responses without their bodies. */
function headOnly({ responses, ...rest }: JsonObject): JsonObject {
  const statuses = Object.keys(responses as JsonObject);
  const bare = statuses.map((status) => [status, { description: "As of GET, without a body" }]);
  return { ...rest, responses: Object.fromEntries(bare) };
}
