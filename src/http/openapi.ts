/**
 * The OpenAPI description of the API, made from the tables that serve it: the schemas that judge a
 * request are the ones that are shown. Pure; knows no vault.
 */

import { toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import type { FieldsSchema } from "../engines/fields.ts";
import type { Answer, ServedOperation, ServedPath } from "../engines/served_path.ts";
import type { EndpointRules } from "./logical.ts";
import type { RawEndpoint, RawOperation } from "./raw.ts";
import { COMPONENTS, json } from "./openapi_components.ts";
import type { JsonObject } from "./replies.ts";

export type DescribedPath = Pick<ServedPath<never, unknown>, "template" | "parameters"> & {
  readonly operations: Partial<Record<string, DescribedOperation>>;
};
type DescribedOperation = Pick<
  ServedOperation<never, unknown>,
  "summary" | "schema" | "takesAnything" | "answers"
>;
type PathItem = Record<string, JsonObject>;

/** A table of paths below a mount. */
export interface DescribedMount {
  /** Part of each template; "" for the system's own. */
  readonly prefix: string;
  /** Groups the operations for readers. */
  readonly tag: string;
  readonly paths: readonly (DescribedPath & Omit<EndpointRules, "alias">)[];
}

export interface Described {
  readonly version: string;
  readonly raw: readonly RawEndpoint[];
  readonly mounts: readonly DescribedMount[];
}

export function describeApi({ version, raw, mounts }: Described): JsonObject {
  const paths: Record<string, PathItem> = {};
  for (const endpoint of raw) paths[`/${endpoint.path}`] = rawPathItem(endpoint);
  for (const { prefix, tag, paths: described } of mounts) {
    for (const each of described) {
      const template = prefix + each.template;
      paths[openApiPath(template)] = pathItem(template, each, tag);
    }
  }
  const sorted = Object.entries(paths).sort(([left], [right]) => left < right ? -1 : 1);
  for (const [path, item] of sorted) nameOperations(path, item);
  return {
    openapi: "3.1.0",
    info: {
      title: "Sealwright",
      description: "Fields are read as loosely as their schemas say. A list is `GET` with " +
        "`list=true`, or the method `LIST`. With the header `X-Vault-Wrap-TTL` a successful " +
        "answer comes wrapped; it is refused where the answer may hold bare key shares.",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/v1" }],
    security: [{ token: [] }, { bearer: [] }],
    paths: Object.fromEntries(sorted),
    components: COMPONENTS,
  };
}

const ERROR_STATUSES = ["400", "403", "404", "405", "413", "415", "429", "500", "503"] as const;
const ERRORS = Object.fromEntries(
  ERROR_STATUSES.map((status) => [status, { $ref: "#/components/responses/Refused" }]),
);
/** kv v2 answers for a deleted version with its metadata, and unknown paths with advice. */
const NOT_FOUND = { 404: { $ref: "#/components/responses/NotFound" } };

function openApiPath(template: string): string {
  return `/${template.replace(/\{(\w+)[@~+*]\}/g, "{$1}")}`;
}

function pathItem(
  template: string,
  path: DescribedPath & Omit<EndpointRules, "alias">,
  tag: string,
): PathItem {
  const { operations } = path;
  const describe = (operation: DescribedOperation, usual: Answer): Record<string, unknown> => ({
    summary: operation.summary,
    tags: [tag],
    ...(path.sudo === true ? { "x-vault-sudo": true } : {}),
    ...(path.token === undefined ? {} : { security: [{}, { token: [] }, { bearer: [] }] }),
    responses: { ...ERRORS, ...NOT_FOUND, ...successes(operation.answers ?? [usual]) },
  });
  const parameters = pathParameters(template);
  const item: PathItem = {};
  const { read, list, delete: remove, patch } = operations;
  const write = operations["update"] ?? operations["create"];
  const query = (operation: DescribedOperation) => [
    ...parameters,
    ...queryParameters(operation.schema),
  ];
  if (read !== undefined) item["get"] = { ...describe(read, "data"), parameters: query(read) };
  if (list !== undefined && list.answers?.length !== 0) {
    item["get"] = listed(item["get"], { ...describe(list, "keys"), parameters: query(list) });
  }
  if (write !== undefined) {
    const described = { ...describe(write, "nothing"), parameters, ...bodyOf(write) };
    item["post"] = described;
    item["put"] = { ...described };
  }
  if (patch !== undefined) {
    const { responses, ...described } = describe(patch, "nothing");
    item["patch"] = {
      ...described,
      responses: { ...responses as JsonObject, 404: { description: "Nothing is there" } },
      parameters,
      ...bodyOf(patch, "application/merge-patch+json"),
    };
  }
  if (remove !== undefined) {
    item["delete"] = { ...describe(remove, "nothing"), parameters: query(remove) };
  }
  return item;
}

/** A list shares its method with a read. */
function listed(read: JsonObject | undefined, list: Record<string, unknown>): JsonObject {
  const choice = (required: boolean) => ({
    name: "list",
    in: "query",
    description: "true: the names below the path",
    required,
    schema: required
      ? { type: "string", enum: ["true"] }
      : { type: "string", enum: ["true", "false"] },
  });
  const listParameters = list["parameters"] as readonly JsonObject[];
  if (read === undefined) return { ...list, parameters: [...listParameters, choice(true)] };
  const readParameters = read["parameters"] as readonly JsonObject[];
  const names = new Set(readParameters.map(({ name }) => name));
  return {
    ...read,
    summary: `${read["summary"]}, or ${lowerFirst(String(list["summary"]))}`,
    parameters: [
      ...readParameters,
      ...listParameters.filter(({ name }) => !names.has(name)),
      choice(false),
    ],
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function successes(answers: readonly Answer[]): Record<string, JsonObject> {
  const described: Record<string, JsonObject> = {};
  for (const answer of answers) {
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
        described["200"] = { $ref: "#/components/responses/Envelope" };
    }
  }
  return described;
}

/** Of a template: each matches one segment, but for those that take the rest of the path. */
const PARAMETER_SCHEMAS: Readonly<Record<string, JsonObject>> = {
  "": { type: "string", pattern: "^\\w(?:[\\w.-]*\\w)?$" },
  "@": { type: "string", pattern: "^\\w(?:[\\w.@-]*\\w)?$" },
  "~": { type: "string", minLength: 1 },
  "+": { type: "string", minLength: 1, description: "may contain slashes" },
  "*": { type: "string", minLength: 1, description: "may contain slashes" },
};

function pathParameters(template: string): readonly JsonObject[] {
  return [...template.matchAll(/\{(\w+)([@~+*])?\}/g)].map(([, name, kind = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: PARAMETER_SCHEMAS[kind],
  }));
}

function queryParameters(schema: FieldsSchema): readonly JsonObject[] {
  const { properties = {} } = schemaOf(schema) as { properties?: Record<string, JsonObject> };
  return Object.entries(properties).map(([name, { description, ...each }]) => ({
    name,
    in: "query",
    ...(description === undefined ? {} : { description }),
    schema: each,
  }));
}

function bodyOf(
  { schema, takesAnything }: Pick<DescribedOperation, "schema" | "takesAnything">,
  type = "application/json",
): JsonObject {
  const described = takesAnything ? { type: "object" } : schemaOf(schema);
  return { requestBody: { content: { [type]: { schema: described } } } };
}

/** What the schema takes, not what it turns that into. */
function schemaOf(schema: GenericSchema): JsonObject {
  const { $schema: _dialect, required = [], ...described } = toJsonSchema(schema, {
    typeMode: "input",
    target: "draft-2020-12",
    errorMode: "ignore",
    // The one predicate in use asks for a JSON object.
    overrideSchema: ({ valibotSchema }) =>
      valibotSchema.type === "custom" ? { type: "object" } : undefined,
  });
  return required.length === 0 ? described : { ...described, required };
}

function rawPathItem({ methods, whileSealed, authorise }: RawEndpoint): PathItem {
  const describe = (operation: RawOperation): JsonObject => ({
    summary: operation.summary,
    tags: ["system"],
    ...(authorise === undefined || whileSealed === true ? { security: [{}] } : {}),
    responses: { ...ERRORS, ...rawSuccesses(operation) },
  });
  const write = (operation: RawOperation): JsonObject => ({
    ...describe(operation),
    ...(Object.keys(operation.schema.entries).length === 0
      ? {}
      : bodyOf({ schema: operation.schema, takesAnything: false })),
  });
  const item: PathItem = {};
  if (methods.GET !== undefined) item["get"] = describe(methods.GET);
  if (methods.HEAD !== undefined) item["head"] = headOnly(describe(methods.HEAD));
  if (methods.PUT !== undefined) {
    item["post"] = write(methods.PUT);
    item["put"] = write(methods.PUT);
  }
  if (methods.DELETE !== undefined) item["delete"] = write(methods.DELETE);
  return item;
}

function rawSuccesses({ answer, statuses }: RawOperation): Record<string, JsonObject> {
  if (answer === null) return { 204: { $ref: "#/components/responses/Done" } };
  const described = json("The answer", schemaOf(answer));
  return Object.fromEntries([200, ...statuses].map((status) => [status, described]));
}

/** The same answers without their bodies. */
function headOnly({ responses, ...rest }: JsonObject): JsonObject {
  const statuses = Object.keys(responses as JsonObject);
  const bare = statuses.map((status) => [status, { description: "As of GET, without a body" }]);
  return { ...rest, responses: Object.fromEntries(bare) };
}

/** An id for each operation, from its method and path. */
function nameOperations(path: string, item: PathItem): void {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "").join("-");
  for (const [method, operation] of Object.entries(item)) {
    item[method] = { operationId: `${method}-${words}`, ...operation };
  }
}
