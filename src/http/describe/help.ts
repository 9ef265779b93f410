/** `?help=1` describes a path in words and as OpenAPI, and does not serve the request. */

import type { FieldsSchema } from "../../wire/fields.ts";
import { describeApi } from "./openapi.ts";
import type { DescribedEndpoint, DescribedPath } from "../../wire/described_path.ts";
import { jsonReply } from "../request/replies.ts";

/** `asked` is the path below the mount. */
export function helpReply(asked: string, path: DescribedPath, version: string): Response {
  const openapi = describeApi({
    version,
    raw: [],
    mounts: [{ prefix: "", kind: "", tag: "help", paths: [path] }],
  });
  const operations = Object.entries(path.operations).flatMap(([name, operation]) =>
    operation === undefined ? [] : [{ name, ...operation }]
  );
  return jsonReply(200, {
    help: helpText(asked, path.template, operations),
    openapi,
    see_also: null,
  });
}

export function rawHelpReply(endpoint: DescribedEndpoint, version: string): Response {
  const openapi = describeApi({ version, raw: [endpoint], mounts: [] });
  const operations = Object.entries(endpoint.methods).flatMap(([name, operation]) =>
    operation === undefined ? [] : [{ name, ...operation }]
  );
  const help = helpText(endpoint.path, endpoint.path, operations);
  return jsonReply(200, { help, openapi, see_also: null });
}

interface Explained {
  readonly name: string;
  readonly summary: string;
  readonly schema: FieldsSchema;
}

function helpText(asked: string, route: string, operations: readonly Explained[]): string {
  const lines = operations.map(({ name, summary, schema }) => {
    const fields = Object.keys(schema.entries);
    const takes = fields.length === 0 ? "" : `\n        takes ${fields.sort().join(", ")}`;
    return `    ${name}\n        ${summary}${takes}`;
  });
  return [`Request:        ${asked}`, `Matching Route: ${route}`, "", "## OPERATIONS", "", ...lines]
    .join("\n");
}
