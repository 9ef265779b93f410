/**
 * Every endpoint, asked without a token, with a bad token, with tokens that have no capability, read,
 * update, or all and `sudo`, and with the root token. The endpoints come from the tables that serve
 * them, so none can be forgotten.
 */

import { describe, expect, it } from "vitest";
import type { AuthMethodType } from "../../src/access/auth_mount.ts";
import { createCubbyhole } from "../../src/engines/cubbyhole.ts";
import type { EngineType } from "../../src/engines/engine_module.ts";
import type { Operation } from "../../src/wire/operation.ts";
import { createKv1 } from "../../src/engines/kv/kv1.ts";
import { createKv2 } from "../../src/engines/kv/kv2.ts";
import { createTransit } from "../../src/engines/transit/transit.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { APPROLE_PATHS } from "../../src/methods/approle/approle.ts";
import { authMethod, isLoginPath } from "../../src/methods/methods.ts";
import { USERPASS_PATHS } from "../../src/methods/userpass/userpass.ts";
import { ENDPOINTS, RAW_ENDPOINTS } from "../../src/http/endpoints.ts";
import { HEALTH_ENDPOINTS } from "../../src/http/sys/server/health.ts";
import { SEAL_ENDPOINTS } from "../../src/http/sys/seal/init_unseal.ts";
import { createMemoryMountRecords } from "../engines/memory_engine_storage.ts";
import { openRootClient, type RootClient } from "./root_client.ts";

/** Callers. Those between `bad token` and `root` have one policy, for exactly the path asked. */
const CALLERS = ["no token", "bad token", "powerless", "read", "update", "sudo", "root"] as const;
type Caller = typeof CALLERS[number];

const ALL_CAPABILITIES = ["create", "read", "update", "delete", "list", "patch", "sudo"];
const GRANTS: Readonly<Partial<Record<Caller, readonly string[]>>> = {
  read: ["read"],
  update: ["update"],
  sudo: ALL_CAPABILITIES,
};

interface Case {
  readonly method: string;
  /** Below `/v1/`. */
  readonly path: string;
  /** The capability that is needed; null if no token is needed. */
  readonly needs: Operation | null;
  /** `judged`: only a bad token is refused. `needed`: a missing one too. `ignored`: neither. */
  readonly token: "judged" | "needed" | "ignored";
  readonly sudo: boolean;
}

const METHODS: Readonly<Partial<Record<Operation, string>>> = {
  read: "GET",
  list: "LIST",
  update: "POST",
  delete: "DELETE",
  patch: "PATCH",
};

/** Paths where a write needs `create` if nothing is there yet. */
const CREATES: readonly RegExp[] = [
  /^(kv1|cubbyhole)\//,
  /^kv2\/(data|metadata)\//,
  /^transit\/encrypt\//,
  /^auth\/userpass\/users\/[^/]+$/,
  /^auth\/approle\/role\/[^/]+$/,
  /^auth\/token\/roles\/[^/]+$/,
];

/** Whether a path below `auth/<type>/` logs in by that method. */
function isLogin(path: string): boolean {
  const [, type = "", rest = ""] = /^auth\/(\w+)\/(.*)$/.exec(path) ?? [];
  const method = authMethod(type);
  return method !== null && isLoginPath(method, rest);
}

interface Table {
  readonly template: string;
  readonly operations: Partial<Record<Operation, unknown>>;
  readonly sudo?: boolean;
  readonly token?: "valid" | "optional" | "ignored";
}

function casesOf(prefix: string, tables: readonly Table[]): readonly Case[] {
  return tables.flatMap(({ template, operations, sudo = false, token }) => {
    const path = (prefix + template.replace(/\{\w+[@~+*]?\}/g, "one")).replace(/\/$/, "");
    return Object.entries(METHODS).flatMap(([operation, method]): readonly Case[] => {
      const served = operation as Operation;
      if (operations[served] === undefined) return [];
      const creates = served === "update" && CREATES.some((each) => each.test(path));
      const isOpen = token !== undefined || isLogin(path);
      const needs = isOpen ? null : creates ? "create" : served;
      return [{ method, path, needs, sudo, token: tokenRule(path, token) }];
    });
  });
}

function tokenRule(path: string, token: Table["token"]): Case["token"] {
  // A caller without a token learns how to get one, and nothing about the mount.
  if (token === "valid" || path === "sys/internal/ui/mounts/one") return "needed";
  return token === "optional" ? "judged" : "ignored";
}

function rawCases(): readonly Case[] {
  return [...SEAL_ENDPOINTS, ...HEALTH_ENDPOINTS, ...RAW_ENDPOINTS].flatMap((endpoint) => {
    const { path, methods, authorise } = endpoint;
    const operations = { GET: "read", PUT: "update", DELETE: "delete" } as const;
    return Object.entries(operations).flatMap(([method, operation]): readonly Case[] => {
      if (methods[method as keyof typeof operations] === undefined) return [];
      // The reference treats every method as an update there.
      const needs = path === "sys/generate-root/update" ? "update" : operation;
      return [{
        method,
        path,
        needs: authorise === undefined ? null : needs,
        sudo: path === "sys/seal",
        token: "ignored",
      }];
    });
  });
}

const storage = createMemoryMountRecords();
/** By the place of the mount. `generic` is kv under its old name. */
const ENGINE_TABLES: Readonly<Record<EngineType, Readonly<Record<string, readonly Table[]>>>> = {
  cubbyhole: { "cubbyhole/": createCubbyhole(storage).paths },
  generic: {},
  kv: { "kv1/": createKv1(storage).paths, "kv2/": createKv2(storage).paths },
  transit: { "transit/": createTransit(storage, randomBytes).paths },
};
const METHOD_TABLES: Readonly<Record<AuthMethodType, readonly Table[]>> = {
  approle: APPROLE_PATHS,
  userpass: USERPASS_PATHS,
};
const CASES: readonly Case[] = [
  ...rawCases(),
  ...casesOf("", ENDPOINTS),
  ...Object.values(ENGINE_TABLES).flatMap(Object.entries)
    .flatMap(([prefix, tables]) => casesOf(prefix, tables)),
  ...Object.entries(METHOD_TABLES)
    .flatMap(([type, tables]) => casesOf(`auth/${type}/`, tables)),
];

const BEFORE_ROUTING = { errors: ["permission denied"] };
const AFTER_POLICIES = { errors: ["1 error occurred:\n\t* permission denied\n\n"] };

async function openSite(): Promise<RootClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/mounts/kv1", { type: "kv" });
  await client.done("POST", "sys/mounts/kv2", { type: "kv", options: { version: "2" } });
  await client.done("POST", "sys/mounts/transit", { type: "transit" });
  for (const type of Object.keys(METHOD_TABLES)) {
    await client.done("POST", `sys/auth/${type}`, { type });
  }
  return client;
}

function mayAsk(caller: Caller, { needs, sudo, token }: Case): boolean {
  if (token !== "ignored" && caller === "bad token") return false;
  if (token === "needed" && caller === "no token") return false;
  if (needs === null || caller === "root" || caller === "sudo") return true;
  return !sudo && (GRANTS[caller] ?? []).includes(needs);
}

async function tokenOf(client: RootClient, caller: Caller, path: string): Promise<string | null> {
  switch (caller) {
    case "no token":
      return null;
    case "bad token":
      return "s.000000000000000000000000";
    case "root":
      return client.root;
    default: {
      const names = GRANTS[caller] ?? [];
      const rules = `path "${path}" { capabilities = ${JSON.stringify(names)} }`;
      return await client.tokenWith(rules, false);
    }
  }
}

async function ask(client: RootClient, { method, path }: Case, token: string | null) {
  const patch = method === "PATCH" ? { "Content-Type": "application/merge-patch+json" } : {};
  return await client.api.request(method, `/v1/${path}`, {
    ...(method === "POST" || method === "PUT" || method === "PATCH" ? { body: {} } : {}),
    ...(token === null ? {} : { token }),
    headers: patch,
  });
}

describe("every endpoint", () => {
  it("the table of endpoints has more than 180 rows", () => {
    expect(CASES.length).toBeGreaterThan(180);
  });

  it.each(CASES.map((each) => [each.method, each.path, each] as const))(
    "%s %s answers only callers that are allowed to ask",
    async (_method, path, each) => {
      const site = await openSite();
      for (const caller of CALLERS) {
        const isAllowed = mayAsk(caller, each);
        // An allowed request may end the token, the mount or the vault, so it gets its own.
        const client = isAllowed ? await openSite() : site;
        const token = await tokenOf(client, caller, path);
        const { status, json } = await ask(client, each, token);
        const text = JSON.stringify(json);
        if (isAllowed) {
          const denials = [BEFORE_ROUTING, AFTER_POLICIES].map((body) => JSON.stringify(body));
          expect(denials, `${caller}: ${status}`).not.toContain(text);
          expect(status, `${caller}: ${text}`).toBeLessThan(500);
          await client.api.stop();
        } else {
          const isKnown = token !== null && caller !== "bad token";
          if (path === "sys/wrapping/rewrap") {
            // The wrapping token is judged before the caller's own.
            expect([400, 403], caller).toContain(status);
            continue;
          }
          const refused = isKnown ? AFTER_POLICIES : BEFORE_ROUTING;
          expect({ caller, status, json }).toEqual({ caller, status: 403, json: refused });
        }
      }
      await site.api.stop();
    },
  );
});
