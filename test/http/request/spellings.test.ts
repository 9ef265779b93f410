/**
 * Names in paths that can be spelled in several ways. However a path is spelled, policies judge it by
 * what it reaches. The endpoints come from the tables that serve them, so none can be forgotten.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomBytes } from "../../../src/crypto/random.ts";
import { createCubbyhole } from "../../../src/engines/cubbyhole.ts";
import type { Operation } from "../../../src/wire/operation.ts";
import { createKv1 } from "../../../src/engines/kv/kv1.ts";
import { createKv2 } from "../../../src/engines/kv/kv2.ts";
import type { Spellings } from "../../../src/wire/served_path.ts";
import { createTransit } from "../../../src/engines/transit/transit.ts";
import { APPROLE_PATHS } from "../../../src/methods/approle/approle.ts";
import { USERPASS_PATHS } from "../../../src/methods/userpass/userpass.ts";
import { ENDPOINTS } from "../../../src/http/endpoints.ts";
import { type ApiResponse, textAt } from "../../contract/api.contract.ts";
import { createMemoryMountRecords } from "../../engines/memory_engine_storage.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

const METHODS: Readonly<Partial<Record<Operation, string>>> = {
  read: "GET",
  list: "LIST",
  scan: "SCAN",
  update: "POST",
  patch: "PATCH",
  delete: "DELETE",
};
const ALL = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"];
const EVERYTHING = `path "*" { capabilities = ${JSON.stringify(ALL)} }\n`;
const POLICY = 'path "a" { capabilities = ["read"] }';

/** Valid bodies by path, so that the answer shows what was reached. */
const BODIES: readonly (readonly [RegExp, object])[] = [
  [/^sys\/polic(y|ies\/acl)\//, { policy: POLICY }],
  [/^sys\/policies\/password\//, { policy: 'length = 8\nrule "charset" { charset = "abc" }' }],
  [/^sys\/mounts\/.*\/tune$/, { description: "tuned" }],
  [/^sys\/auth\/.*\/tune$/, { description: "tuned" }],
  [/^sys\/config\/ui\//, { values: ["v"] }],
  [/^auth\/userpass\//, { password: "secret" }],
  [/^kv2\/data\//, { data: { a: "b" } }],
  [/^kv2\/metadata\//, { custom_metadata: { a: "b" } }],
  [/^kv2\/(delete|undelete|destroy)\//, { versions: [1] }],
  [/^(kv1|cubbyhole)\//, { a: "b" }],
  [/^transit\/(encrypt|datakey)\//, { plaintext: "YQ==" }],
];

interface Table {
  readonly template: string;
  readonly operations: Partial<Record<Operation, unknown>>;
  readonly spellings: Spellings;
  readonly token?: unknown;
}

interface Case {
  readonly operation: Operation;
  readonly method: string;
  /** Below `/v1/`; `{}` stands for the one name that is spelled in other ways. */
  readonly pattern: string;
  /** Rules fold its spelling as well. */
  readonly foldsRules: boolean;
}

const LOGINS = /^auth\/(userpass\/login\/|approle\/login$)/;

function casesOf(prefix: string, tables: readonly Table[]): readonly Case[] {
  return tables.filter(({ token }) => token === undefined).flatMap((table) => {
    const { template, operations, spellings } = table;
    const names = [...template.matchAll(/\{(\w+)[@~+*]?\}/g)].map(([, name = ""]) => name);
    return names.flatMap((name) =>
      Object.entries(METHODS).flatMap(([operation, method]): readonly Case[] => {
        const pattern = prefix +
          template.replace(
            /\{(\w+)[@~+*]?\}/g,
            (_whole, each) => each === name ? "{}" : nameOf(each),
          )
            .replace(/\/$/, "");
        if (operations[operation as Operation] === undefined || LOGINS.test(pattern)) return [];
        const foldsRules = spellings[name]?.storedStart !== undefined;
        return [{ operation: operation as Operation, method, pattern, foldsRules }];
      })
    );
  });
}

function nameOf(parameter: string): string {
  const fixed: Readonly<Record<string, string>> = {
    type: "encryption-key",
    plaintext: "plaintext",
    version: "1",
    urlalgorithm: "sha2-256",
    source: "platform",
    urlbytes: "8",
  };
  return fixed[parameter] ?? "one";
}

const storage = createMemoryMountRecords();
const CASES: readonly Case[] = [
  ...casesOf("", ENDPOINTS),
  ...casesOf("kv1/", createKv1(storage).paths),
  ...casesOf("kv2/", createKv2(storage).paths),
  ...casesOf("cubbyhole/", createCubbyhole(storage).paths),
  ...casesOf("transit/", createTransit(storage, randomBytes).paths),
  ...casesOf("auth/userpass/", USERPASS_PATHS),
  ...casesOf("auth/approle/", APPROLE_PATHS),
];

interface Site {
  readonly client: RootClient;
  readonly token: string;
  /** The stored name of what the path reaches and the token is denied. */
  readonly name: string;
}

/** What must exist, by the beginning of the paths that need it. Everything is called "one". */
const THINGS: readonly (readonly [RegExp, (client: RootClient) => Promise<unknown>])[] = [
  [/^(sys\/mounts|sys\/internal)/, ({ done }) => done("POST", "sys/mounts/one", { type: "kv" })],
  [/^sys\/(auth|mounts)/, ({ done }) => done("POST", "sys/auth/one", { type: "userpass" })],
  [/^sys\/audit/, ({ done }) => done("POST", "sys/audit/one", { type: "evidence" })],
  [/^sys\/config\/ui/, ({ ask }) => ask("POST", "sys/config/ui/headers/One", { values: ["v"] })],
  [/^auth\/token/, ({ ask }) => ask("POST", "auth/token/roles/one", {})],
  [/^sys\/polic/, async ({ ask }) => {
    await ask("PUT", "sys/policies/acl/one", { policy: POLICY });
    await ask("PUT", "sys/policies/acl/one/one", { policy: POLICY });
    const policy = 'length = 8\nrule "charset" { charset = "abc" }';
    await ask("POST", "sys/policies/password/one", { policy });
  }],
  [/^kv1/, async ({ ask, done }) => {
    await done("POST", "sys/mounts/kv1", { type: "kv" });
    await ask("POST", "kv1/one", { a: "b" });
    await ask("POST", "kv1/one/one", { a: "b" });
  }],
  [/^kv2/, async ({ ask, done }) => {
    await done("POST", "sys/mounts/kv2", { type: "kv", options: { version: "2" } });
    await ask("POST", "kv2/data/one", { data: { a: "b" } });
    await ask("POST", "kv2/data/one/one", { data: { a: "b" } });
  }],
  [/^transit/, async ({ ask, done }) => {
    await done("POST", "sys/mounts/transit", { type: "transit" });
    await ask("POST", "transit/keys/one", { exportable: true, allow_plaintext_backup: true });
  }],
  [/^auth\/userpass/, async ({ ask, done }) => {
    await done("POST", "sys/auth/userpass", { type: "userpass" });
    await ask("POST", "auth/userpass/users/one", { password: "secret" });
  }],
  [/^auth\/approle/, async ({ ask, done }) => {
    await done("POST", "sys/auth/approle", { type: "approle" });
    await ask("POST", "auth/approle/role/one", {});
  }],
];

/** Paths of entities use the name of an entity that a login has made. */
async function openSite(each: Case): Promise<Site> {
  const client = await openRootClient();
  for (const [needs, make] of THINGS) if (needs.test(each.pattern)) await make(client);
  const name = each.pattern.startsWith("identity/entity/name/")
    ? await entityName(client)
    : storedName(each);
  const denial = `path "${judgedPath(each, name)}" { capabilities = ["deny"] }`;
  return { client, name, token: await client.tokenWith(EVERYTHING + denial, false) };
}

async function entityName({ ask, done }: RootClient): Promise<string> {
  await done("POST", "sys/auth/approle", { type: "approle" });
  const role = { bind_secret_id: false, role_id: "r", token_bound_cidrs: ["0.0.0.0/0"] };
  await ask("POST", "auth/approle/role/one", role);
  const { json } = await ask("POST", "auth/approle/login", { role_id: "r" }, null);
  const id = textAt(json, "auth", "entity_id");
  return textAt((await ask("GET", `identity/entity/id/${id}`)).json, "data", "name");
}

/** U+0000 in a name stands for a slash that is sent as "%2F". */
function wholePath({ pattern }: Case, name: string): string {
  return pattern.replace("{}", name);
}

function storedName({ pattern }: Case): string {
  if (pattern.startsWith("sys/config/ui/headers/")) return "One";
  if (pattern.startsWith("transit/export/{}/")) return nameOf("type");
  return /^transit\/export\/.*\/one\/\{\}$/.test(pattern) ? "1" : "one";
}

/** The path as policies see it: a list has a slash at the end. */
function judgedPath(each: Case, name: string): string {
  const isListing = each.operation === "list" || each.operation === "scan";
  const path = wholePath(each, name).replaceAll("\u0000", "/");
  return isListing && !path.endsWith("/") ? `${path}/` : path;
}

function bodyOf(path: string): object {
  return BODIES.find(([pattern]) => pattern.test(path))?.[1] ?? {};
}

async function ask(
  { client }: Site,
  { method, operation }: Case,
  path: string,
  token: string,
): Promise<ApiResponse> {
  const takesBody = method === "POST" || method === "PATCH";
  const encoded = path.split("/").map(encodeURIComponent).join("/").replaceAll("%00", "%2F");
  return await client.api.request(method, `/v1/${encoded}`, {
    token,
    ...(takesBody ? { body: bodyOf(path) } : {}),
    headers: operation === "patch" ? { "Content-Type": "application/merge-patch+json" } : {},
  });
}

/** What a request changed and answered, without what differs each time. */
async function effectOf(site: Site, request: () => Promise<ApiResponse>): Promise<string> {
  const before = new Set((await site.client.api.snapshot()).split("\n"));
  const { status, json } = await request();
  const after = new Set((await site.client.api.snapshot()).split("\n"));
  const pathsIn = (lines: Set<string>, others: Set<string>) =>
    [...lines].filter((line) => !others.has(line)).map((line) => line.replace(/ \S+ \S+ \S+$/, ""));
  const answered = status < 300 ? Reflect.get(Object(json), "data") ?? null : [status, json];
  return JSON.stringify([answered, pathsIn(after, before), pathsIn(before, after)])
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<uuid>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/(?<![\w/])[\w+/=:.-]{22,}/g, "<drawn>");
}

/** Spellings of a name, most of which some code might take for the same name. */
function waysToWrite(name: string): fc.Arbitrary<string> {
  const flips = fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length });
  const cased = flips.map((flip) =>
    [...name].map((character, index) => flip[index] === true ? swapCase(character) : character)
      .join("")
  );
  const start = fc.constantFrom(" ", "\u3000", "v", "0", "+", "/", "\u0000");
  const end = fc.constantFrom(" ", "\u00a0", "/", "\u0000", "\u0000/", "/x", ".", ",");
  const same = fc.constant(name);
  const none = fc.constant("");
  return fc.oneof(
    fc.tuple(none, cased, none),
    fc.tuple(start, same, none),
    fc.tuple(none, same, end),
    fc.tuple(start, cased, end),
  ).map((parts) => parts.join(""))
    .filter((written) => written !== name && !written.startsWith("/"));
}

function usualWays(name: string): readonly string[] {
  const shouted = name.toUpperCase();
  const cased = shouted === name ? name.toLowerCase() : shouted;
  const ways = [
    cased,
    ` ${name}`,
    `${name} `,
    `${name}/`,
    `${name}\u0000`,
    `v${name}`,
    `${name}/x`,
  ];
  return ways.filter((written) => written !== name);
}

function swapCase(character: string): string {
  const lower = character.toLowerCase();
  return lower === character ? character.toUpperCase() : lower;
}

const DENIED = 403;
/** The usual spellings come first and count among these. */
const RUNS = 14;

/** What root's request did on a site of its own, without what differs each time. */
async function rootEffect(each: Case, choose: (site: Site) => string): Promise<string> {
  const site = await openSite(each);
  const { client } = site;
  const effect = await effectOf(
    site,
    () => ask(site, each, wholePath(each, choose(site)), client.root),
  );
  await client.api.stop();
  return effect;
}

async function capabilitiesOf({ client, token }: Site, path: string): Promise<unknown> {
  const { json } = await client.ask("POST", "sys/capabilities-self", { paths: [path] }, token);
  return Reflect.get(Object(json), "capabilities");
}

describe("exact denials", () => {
  it("the cases cover every endpoint with a name in its path", () => {
    expect(CASES.length).toBeGreaterThan(120);
    expect(CASES.filter(({ foldsRules }) => foldsRules).length).toBeGreaterThan(50);
  });

  it.each(CASES.map((each) => [each.method, each.pattern, each] as const))(
    "a denial of the stored name holds for every spelling in a request: %s %s",
    async (_method, _pattern, each) => {
      const reached = await rootEffect(each, ({ name }) => name);
      const absent = await rootEffect(each, () => "absent");
      let site = await openSite(each);
      expect((await ask(site, each, wholePath(each, site.name), site.token)).status).toBe(DENIED);
      await fc.assert(
        fc.asyncProperty(waysToWrite(site.name), async (written) => {
          const path = wholePath(each, written);
          let status = 0;
          const effect = await effectOf(site, async () => {
            const response = await ask(site, each, path, site.token);
            status = response.status;
            return response;
          });
          const capabilities = await capabilitiesOf(site, judgedPath(each, written));
          if (status === DENIED) {
            expect(capabilities).not.toContain(each.operation);
            return;
          }
          // Policies are not asked if a path is not clean or a write names a folder.
          if (status !== 307 && status !== 400) expect(capabilities).toContain(each.operation);
          expect(effect === absent ? "" : effect).not.toBe(reached);
          if (each.method === "GET") return;
          await site.client.api.stop();
          site = await openSite(each);
        }),
        { numRuns: RUNS, examples: usualWays(site.name).map((written) => [written]) },
      );
      await site.client.api.stop();
    },
  );
});

describe("spelled denials", () => {
  it.each(
    CASES.filter(({ foldsRules }) => foldsRules).map((each) =>
      [each.method, each.pattern, each] as const
    ),
  )("a denial holds for every spelling in the rule: %s %s", async (_method, _pattern, each) => {
    const site = await openSite(each);
    const { client, name } = site;
    const isVersion = name === "1";
    const isListing = each.operation === "list";
    const spelled = each.pattern.startsWith("sys/polic") && !isListing
      ? [name.toUpperCase(), ` ${name}`, `${name} `]
      : /^sys\/(mounts|auth|audit)/.test(each.pattern)
      ? [`${name}/`]
      : [isVersion ? "v1" : name.toUpperCase()];
    for (const written of spelled) {
      const rule = `path "${judgedPath(each, written)}" { capabilities = ["deny"] }`;
      const token = await client.tokenWith(EVERYTHING + rule, false);
      expect([written, (await ask(site, each, wholePath(each, name), token)).status])
        .toEqual([written, DENIED]);
    }
    await client.api.stop();
  });
});
