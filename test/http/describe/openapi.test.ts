/** Checks what client generators need in the OpenAPI description, rule by rule. */

import { beforeAll, describe, expect, it } from "vitest";
import { ENDPOINTS, RAW_ENDPOINTS } from "../../../src/http/endpoints.ts";
import { describeApi } from "../../../src/http/describe/openapi.ts";
import { at } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

type Json = Readonly<Record<string, unknown>>;
interface Operation extends Json {
  readonly operationId: string;
  readonly parameters?: readonly Json[];
}
interface Document extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
  readonly tags: readonly { readonly name: string }[];
}

/** Names that generators, or URLs, could take for one another. */
const MOUNTS: readonly (readonly [path: string, body: Json])[] = [
  ["kv", { type: "kv" }],
  ["k-v", { type: "kv" }],
  ["k_v", { type: "kv" }],
  ["K/v", { type: "kv" }],
  ["1st", { type: "kv" }],
  ["%C3%A9", { type: "kv" }],
  ["%E6%97%A5", { type: "kv" }],
  ["a%20b%3Fc%7Bd%7D%23", { type: "kv" }],
  [`${"long".repeat(100)}`, { type: "kv" }],
  [`${"long".repeat(100)}er`, { type: "kv" }],
  ["secret", { type: "kv", options: { version: "2" } }],
  ["other", { type: "kv", options: { version: "2" } }],
  ["transit", { type: "transit" }],
  ["second/transit", { type: "transit" }],
];

let client: RootClient;
let documents: readonly (readonly [title: string, document: Document])[];

beforeAll(async () => {
  client = await openRootClient();
  for (const [path, body] of MOUNTS) await client.done("POST", `sys/mounts/${path}`, body);
  for (const type of ["userpass", "approle"]) {
    await client.done("POST", `sys/auth/${type}`, { type });
  }
  const read = async (query: string) =>
    (await client.ask("GET", `sys/internal/specs/openapi${query}`)).json as Document;
  documents = [["", await read("")], ["generic", await read("?generic_mount_paths=true")]];
  return async () => await client.api.stop();
});

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation }))
  );

/** All objects of a JSON value, itself included. */
function objectsIn(value: unknown): readonly Json[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? below : [value as Json, ...below];
}

function duplicates(names: readonly string[]): readonly string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}

describe("the OpenAPI description", () => {
  it("every operationId is an identifier, and no two differ only in case", () => {
    for (const [, document] of documents) {
      const names = operationsOf(document).map(({ operation }) => operation.operationId);
      for (const name of names) expect(name).toMatch(/^[a-z][A-Za-z0-9]{0,150}$/);
      expect(duplicates(names.map((name) => name.toLowerCase()))).toEqual([]);
    }
  });

  it("mounts do not change the operationIds of sys endpoints", () => {
    const logical = ENDPOINTS.filter(({ template }) => template.startsWith("sys/"));
    const mounts = [{ prefix: "", kind: "", tag: "system" as const, paths: logical }];
    const alone = describeApi({ version: "1", raw: [], mounts }) as Document;
    const [, everything] = documents[0]!;
    for (const { path, method, operation } of operationsOf(alone)) {
      if (operation.operationId.endsWith("2")) continue;
      expect(everything.paths[path]?.[method]?.operationId).toBe(operation.operationId);
    }
  });

  it("no two OpenAPI paths differ only in the names of their parameters", () => {
    for (const [, document] of documents) {
      const paths = Object.keys(document.paths).map((path) => path.replace(/\{[^}]*\}/g, "{}"));
      expect(duplicates(paths)).toEqual([]);
    }
  });

  it("templates that would give the same OpenAPI path are shown once, with all operations", () => {
    const [, { paths }] = documents[0]!;
    const random = Object.keys(paths).filter((path) => path.startsWith("/sys/tools/random/"));
    expect(random).toEqual(["/sys/tools/random/{source}", "/sys/tools/random/{source}/{urlbytes}"]);
    const methods = new Map<string, string>();
    for (const { template, operations } of ENDPOINTS) {
      const key = template.replace(/\{[^}]*\}/g, "{}").replace(/\/$/, "");
      const offered = Object.keys(operations).sort().join();
      expect(methods.get(key) ?? offered, template).toBe(offered);
      methods.set(key, offered);
    }
    const raw = RAW_ENDPOINTS.map(({ path }) => path).filter((path) => methods.has(path));
    expect(raw).toEqual([]);
  });

  it("OpenAPI paths are escaped URLs without a trailing slash", () => {
    for (const [, document] of documents) {
      for (const path of Object.keys(document.paths)) {
        expect(path).toMatch(/^(\/(\{\w+\}|[\w.!~*'()-]|%[0-9A-F]{2})+)+$/);
      }
    }
    expect(Object.keys(documents[0]![1].paths)).toContain("/a%20b%3Fc%7Bd%7D%23/{path}");
  });

  it("each OpenAPI path declares exactly its parameters, each name once", () => {
    for (const [, document] of documents) {
      for (const { path, method, operation } of operationsOf(document)) {
        const { parameters = [] } = operation;
        const inPath = parameters.filter((each) => each["in"] === "path");
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        expect(inPath.map(({ name }) => name), `${method} ${path}`).toEqual(named);
        expect(inPath.every(({ required }) => required === true)).toBe(true);
        expect(duplicates(parameters.map(({ name }) => String(name)))).toEqual([]);
      }
    }
  });

  it("every OpenAPI object schema is free-form or has properties", () => {
    for (const [, document] of documents) {
      for (const each of objectsIn(document)) {
        const isObject = [each["type"]].flat().includes("object");
        if (!isObject || Object.hasOwn(each, "properties")) continue;
        expect(each["additionalProperties"], JSON.stringify(each)).toBeTruthy();
      }
    }
  });

  it("every request field has one type, never null, and no default", () => {
    for (const [, document] of documents) {
      const bodies = operationsOf(document).flatMap(({ operation }) =>
        Object.values(at(operation, "requestBody", "content") ?? {}) as Json[]
      );
      const schemas = bodies.map(({ schema }) => {
        const { $ref } = schema as { $ref?: string };
        return $ref === undefined ? schema : document.components.schemas[$ref.split("/").at(-1)!];
      });
      const parameters = operationsOf(document).flatMap(({ operation }) =>
        (operation.parameters ?? []).map(({ schema }) => schema)
      );
      const fields = [...parameters, ...schemas]
        .flatMap((schema) => [schema, ...Object.values(at(schema, "properties") ?? {})]);
      expect(fields.length).toBeGreaterThan(500);
      for (const field of fields) {
        expect(at(field, "type"), JSON.stringify(field)).toMatch(
          /^(string|integer|boolean|array|object)$/,
        );
        expect(field).not.toHaveProperty("default");
      }
    }
  });

  it("no two properties of a schema differ only in case and underscores", () => {
    for (const [, document] of documents) {
      for (const { properties } of Object.values(document.components.schemas)) {
        const names = Object.keys(properties ?? {})
          .map((name) => name.replaceAll("_", "").toLowerCase());
        expect(duplicates(names)).toEqual([]);
      }
    }
  });

  it("every named schema is referenced and exists, and no two names differ only in case", () => {
    for (const [, document] of documents) {
      const { schemas } = document.components;
      const references = new Set(objectsIn(document).flatMap(({ $ref }) => $ref ?? []));
      for (const name of Object.keys(schemas)) {
        expect(name).toMatch(/^[A-Z][A-Za-z0-9]*$/);
        expect(references).toContain(`#/components/schemas/${name}`);
      }
      for (const reference of references) {
        expect(at(document, ...String(reference).split("/").slice(1)), `${reference}`)
          .toBeDefined();
      }
      expect(duplicates(Object.keys(schemas).map((name) => name.toLowerCase()))).toEqual([]);
    }
  });

  it("every operation has known tags and a success answer, and 204 has no body", () => {
    for (const [, document] of documents) {
      const tags = document.tags.map(({ name }) => name);
      expect(duplicates(tags)).toEqual([]);
      for (const { path, method, operation } of operationsOf(document)) {
        expect(tags).toEqual(expect.arrayContaining(at(operation, "tags") as string[]));
        const statuses = Object.keys(at(operation, "responses") as Json);
        expect(statuses.some((status) => /^2/.test(status)), `${method} ${path}`).toBe(true);
        expect(at(operation, "responses", "204", "content")).toBeUndefined();
      }
    }
  });

  it("the kv version 2 write requires free-form data", () => {
    const [, { components, paths }] = documents[0]!;
    const body = { $ref: "#/components/schemas/KvDataPathRequest" };
    for (const mount of ["secret", "other"]) {
      const content = at(paths, `/${mount}/data/{path}`, "post", "requestBody", "content");
      expect(content).toEqual({ "application/json": { schema: body } });
    }
    expect(components.schemas["KvDataPathRequest"]).toMatchObject({
      required: ["data"],
      properties: { data: { type: "object", additionalProperties: true } },
    });
    const free = { type: "object", additionalProperties: true };
    expect(at(paths, "/kv/{path}", "post", "requestBody")).toEqual({
      required: true,
      content: { "application/json": { schema: free } },
    });
  });

  it("a field is required only if a request without it is refused", async () => {
    const [, document] = documents[0]!;
    let refused = 0;
    for (const { path, method, operation } of operationsOf(document)) {
      const [[type, media] = []] = Object.entries(at(operation, "requestBody", "content") ?? {});
      const name = String(at(media, "schema", "$ref")).split("/").at(-1)!;
      const schema = document.components.schemas[name];
      const needed = method === "get" ? [] : (schema?.["required"] ?? []) as readonly string[];
      for (const missing of needed) {
        const others = needed.filter((each) => each !== missing).map((each) => [each, "x"]);
        const request = new Request(`http://vault.test/v1${path.replace(/\{\w+\}/g, "0")}`, {
          method: method.toUpperCase(),
          headers: { "X-Vault-Token": client.root, "Content-Type": String(type) },
          body: JSON.stringify(Object.fromEntries(others)),
        });
        const { status } = await client.api.fetch(request);
        expect(status, `${method} ${path} without ${missing}`).toBe(400);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(20);
  });
});
