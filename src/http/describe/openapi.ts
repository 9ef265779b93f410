/**
 * The OpenAPI description of the API, made from the tables that serve it: the schemas that check a
 * request also describe it. Written for client generators: operations have their own names, no two
 * paths collide, and every field has one type. Pure; knows no vault.
 */

import type { EndpointRules } from "../request/logical.ts";
import { COMPONENTS } from "./openapi_components.ts";
import { NamedSchemas, Names, pathKey, wordsOf } from "./openapi_names.ts";
import { type PathItem, pathItem, rawPathItem } from "./openapi_paths.ts";
import type { DescribedEndpoint, DescribedPath } from "../../wire/described_path.ts";
import type { JsonObject } from "../../wire/json_value.ts";

/** A table of paths below a mount. */
export interface DescribedMount {
  /** Part of each template; "" for the system's own paths. */
  readonly prefix: string;
  /** Type of the mount, which is part of its schemas' names; "" for the system. */
  readonly kind: string;
  readonly tag: Tag;
  readonly paths: readonly (DescribedPath & Omit<EndpointRules, "alias">)[];
}

/** Groups the operations for readers. */
export type Tag = keyof typeof TAGS;

const TAGS = {
  system: "The vault itself: its seal, keys, mounts, policies and tokens",
  secrets: "Secrets engines, where they are mounted",
  auth: "Auth methods, where they are mounted",
  help: "The path that help was asked for, below its mount",
} as const;

export interface Described {
  readonly version: string;
  readonly raw: readonly DescribedEndpoint[];
  readonly mounts: readonly DescribedMount[];
}

export function describeApi({ version, raw, mounts }: Described): JsonObject {
  const names = new Names();
  const schemas = new NamedSchemas(COMPONENTS.schemas);
  // The system's own paths come first, so that no mount changes their names.
  const paths = pathsOf(raw, mounts, schemas).map(([path, item]) =>
    [path, nameOperations(path, item, names)] as const
  );
  const used = new Set(paths.flatMap(([, item]) => Object.values(item).flatMap(tagsOf)));
  return {
    openapi: "3.1.0",
    info: {
      title: "Sealwright",
      description: "Each field is described in the one form to write it in; others are read too, " +
        'such as `"5"` for a number, `"a,b"` for a list, and null for what is left out. A list ' +
        "is `GET` with `list=true`, or the method `LIST`. With the header `X-Vault-Wrap-TTL` a " +
        "successful answer comes wrapped; it is refused where the answer may hold bare key shares.",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/v1" }],
    tags: Object.entries(TAGS).filter(([name]) => used.has(name))
      .map(([name, description]) => ({ name, description })),
    security: [{ token: [] }, { bearer: [] }],
    paths: Object.fromEntries(paths.sort(([left], [right]) => left < right ? -1 : 1)),
    components: { ...COMPONENTS, schemas: schemas.all() },
  };
}

/** By path. If OpenAPI considers two paths equal, only the first is shown. */
function pathsOf(
  raw: readonly DescribedEndpoint[],
  mounts: readonly DescribedMount[],
  schemas: NamedSchemas,
): readonly (readonly [path: string, item: PathItem])[] {
  const paths: [string, PathItem][] = [];
  const shown = new Set<string>();
  for (const endpoint of raw) paths.push([`/${endpoint.path}`, rawPathItem(endpoint, schemas)]);
  for (const mount of mounts) {
    for (const each of mount.paths) {
      const path = openApiPath(mount.prefix + each.template);
      if (shown.has(pathKey(path))) continue;
      shown.add(pathKey(path));
      paths.push([path, pathItem(mount, each, schemas)]);
    }
  }
  return paths;
}

/** Every path may be written without its trailing slash. */
function openApiPath(template: string): string {
  return `/${template.replace(/\{(\w+)[@~+*]\}/g, "{$1}").replace(/\/$/, "")}`;
}

function tagsOf({ tags }: JsonObject): readonly string[] {
  return tags as readonly string[];
}

function nameOperations(path: string, item: PathItem, names: Names): PathItem {
  const named = Object.entries(item).map(([method, operation]) =>
    [method, { operationId: names.take(method + wordsOf(path)), ...operation }] as const
  );
  return Object.fromEntries(named);
}
