/** Every table of endpoints in the source is served, and SECURITY.md knows those without a token. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ENDPOINTS, RAW_ENDPOINTS } from "../../src/http/endpoints.ts";
import { ON_DEMAND_PATHS } from "../../src/http/on_demand.ts";
import { HEALTH_ENDPOINTS } from "../../src/http/sys/server/health.ts";
import { SEAL_ENDPOINTS } from "../../src/http/sys/seal/init_unseal.ts";
import { codeSpans, section, tableRows } from "../docs/markdown.ts";

const SECURITY = new URL("../../SECURITY.md", import.meta.url);
const HTTP = fileURLToPath(new URL("../../src/http", import.meta.url));
const SERVED: ReadonlySet<unknown> = new Set([
  ...SEAL_ENDPOINTS,
  ...HEALTH_ENDPOINTS,
  ...RAW_ENDPOINTS,
  ...ENDPOINTS,
]);

/** Tables of a module, which are its exports named `…_ENDPOINTS`, that have an unserved row. */
async function unserved(file: string): Promise<readonly string[]> {
  const exported = Object.entries(await import(join(HTTP, file)) as Record<string, unknown>);
  const tables = exported.filter(([name]) => name.endsWith("_ENDPOINTS"));
  return tables.filter(([, rows]) => !(rows as readonly unknown[]).every((row) => SERVED.has(row)))
    .map(([name]) => `${name} of src/http/${file.replaceAll("\\", "/")}`);
}

describe("the tables of endpoints", () => {
  it("every table of endpoints in src/http is served", async () => {
    const files = readdirSync(HTTP, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"));
    expect((await Promise.all(files.map(unserved))).flat()).toEqual([]);
  });

  it("every endpoint lies below a path of on_demand.ts, which loads the tables", () => {
    const folders = ON_DEMAND_PATHS.map((path) => path.replace("*", ""));
    const paths = [
      ...ENDPOINTS.map(({ template }) => template),
      ...RAW_ENDPOINTS.map(({ path }) => path),
    ];
    expect(paths.filter((path) => !folders.some((folder) => path.startsWith(folder)))).toEqual([]);
  });

  it("SECURITY.md lists every endpoint that answers without a token", () => {
    const table = section(readFileSync(SECURITY, "utf8"), "Who can do what");
    const listed = codeSpans(tableRows(table, "endpoint").flat().join(" "))
      .filter((name) => name.includes("/"))
      .map((name) => new RegExp(`^${name.replaceAll("*", ".*")}$`));
    const anonymous = [
      ...[...SEAL_ENDPOINTS, ...HEALTH_ENDPOINTS, ...RAW_ENDPOINTS]
        .filter(({ authorise, whileSealed }) => authorise === undefined || whileSealed === true)
        .map(({ path }) => path),
      ...ENDPOINTS.filter(({ token }) => token === "ignored" || token === "optional")
        .map(({ template }) => template),
    ];
    expect(anonymous.length).toBeGreaterThan(10);
    const missing = anonymous.filter((path) => !listed.some((known) => known.test(path)));
    // The handler of seal checks the token itself.
    expect(missing.filter((path) => path !== "sys/seal")).toEqual([]);
  });
});
