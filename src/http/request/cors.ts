/**
 * Cross-origin requests: which pages of other sites may use this server. None, until an operator
 * names them. Requests without the `Origin` header, which only browsers send, are unaffected.
 */

import type { MiddlewareHandler } from "hono";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import { changeSetting, readSetting } from "../../vault/server_settings.ts";
import type { Vault } from "../../vault/vault.ts";
import { emptyReply, errorReply } from "./replies.ts";

export interface CorsSetting {
  /** A single "*", or the origins. */
  readonly allowedOrigins: readonly string[];
  /** Headers beyond those that every client needs. */
  readonly moreHeaders: readonly string[];
  readonly allowCredentials: boolean;
}

/** Headers that a page must be able to send to act as a client. */
const CLIENT_HEADERS: readonly string[] = [
  "Content-Type",
  "Authorization",
  "X-Vault-Token",
  "X-Vault-MFA",
  "X-Vault-No-Request-Forwarding",
  "X-Vault-Wrap-Format",
  "X-Vault-Wrap-TTL",
  "X-Requested-With",
  "X-Vault-AWS-IAM-Server-ID",
  "X-Vault-Policy-Override",
];
const METHODS: readonly string[] = ["DELETE", "GET", "OPTIONS", "POST", "PUT", "LIST", "SCAN"];
/** How long a browser may cache the answer to a preflight request. */
const PREFLIGHT_AGE_SECONDS = 300;

export function allowedHeaders({ moreHeaders }: CorsSetting): readonly string[] {
  return [...CLIENT_HEADERS, ...moreHeaders];
}

export function allowsOrigin({ allowedOrigins }: CorsSetting, origin: string): boolean {
  return allowedOrigins[0] === "*" || allowedOrigins.includes(origin);
}

interface Known {
  readonly unsealed: UnsealedVault;
  readonly setting: Promise<CorsSetting | null>;
}

/** Settings read since the vault was unsealed. They still hold after it is sealed again. */
const KNOWN = new WeakMap<Vault, Known>();

/** Null if CORS is off, or if the vault is sealed and its settings were never read. */
export async function corsSetting(vault: Vault): Promise<CorsSetting | null> {
  const known = KNOWN.get(vault);
  if (vault.status().sealed) return await known?.setting ?? null;
  const unsealed = vault.unsealed();
  if (known?.unsealed === unsealed) return await known.setting;
  const setting = readSetting<CorsSetting>(unsealed.barrier, "cors");
  KNOWN.set(vault, { unsealed, setting });
  setting.catch(() => KNOWN.delete(vault));
  return await setting;
}

export async function setCors(vault: Vault, setting: CorsSetting | null): Promise<void> {
  await vault.administer(async (unsealed) => {
    await changeSetting(unsealed.barrier, "cors", () => setting);
    KNOWN.set(vault, { unsealed, setting: Promise.resolve(setting) });
  });
}

/** Runs before everything else, so that a forbidden origin learns nothing. */
export function answerOrigins(vault: Vault): MiddlewareHandler {
  return async function judgeOrigin(c, next) {
    const origin = c.req.header("origin") ?? "";
    if (origin === "") return await next();
    const setting = await corsSetting(vault);
    if (setting === null) return await next();
    if (!allowsOrigin(setting, origin)) return errorReply(403, ["origin not allowed"]);
    if (c.req.method !== "OPTIONS") {
      await next();
      allowOrigin(c.res.headers, origin, setting);
      return;
    }
    if (!METHODS.includes(c.req.header("access-control-request-method") ?? "")) {
      return emptyReply(405);
    }
    return preflightReply(origin, setting);
  };
}

function preflightReply(origin: string, setting: CorsSetting): Response {
  const { headers } = emptyReply(200);
  allowOrigin(headers, origin, setting);
  headers.set("Access-Control-Allow-Methods", METHODS.join(","));
  headers.set("Access-Control-Allow-Headers", allowedHeaders(setting).join(","));
  headers.set("Access-Control-Max-Age", String(PREFLIGHT_AGE_SECONDS));
  return new Response(null, { status: 200, headers });
}

function allowOrigin(headers: Headers, origin: string, { allowCredentials }: CorsSetting): void {
  headers.set("Access-Control-Allow-Origin", origin);
  headers.set("Vary", "Origin");
  if (allowCredentials) headers.set("Access-Control-Allow-Credentials", "true");
}
