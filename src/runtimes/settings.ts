/**
 * What the operator sets, from a flat record of strings: the environment, or a Worker's vars and
 * secrets. Every variable is checked before anything starts, and each wrong one gets one line. Pure:
 * files named by `file://` are read by a function that is passed in; no message contains a key.
 */

import * as v from "valibot";
import { parseAddresses } from "../access/cidr.ts";
import { messageOf } from "../errors.ts";
import type { Rate } from "../http/request/rate_limit.ts";
import { RATE_LIMIT_BURST, RATE_LIMIT_PER_SECOND } from "../limits.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import {
  parseStaticSealSettings,
  type SealSettings,
  type StaticSealInput,
} from "../seal/seal_settings.ts";
import type { AccessMode } from "../http/request/call.ts";

export interface Settings {
  readonly listen: Listen;
  /** A directory, or null for a vault that lives in memory and ends with the process. */
  readonly dataDirectory: string | null;
  readonly seal: SealSettings;
  readonly rekeyAccess: AccessMode;
  readonly generateRootAccess: AccessMode;
  /** Tries of one address that need no token; null: without limit. */
  readonly rateLimit: Rate | null;
  /** Addresses and blocks of proxies whose `X-Forwarded-For` is believed. Not looked at on Workers. */
  readonly trustedProxies: readonly string[];
  /** Paths of PEM files; null for plain HTTP. */
  readonly tls: { readonly certPath: string; readonly keyPath: string } | null;
  /** TLS ends here, or at a proxy that the settings tell of. Not looked at on Workers. */
  readonly isReachedByTls: boolean;
  readonly logLevel: LogLevel;
  readonly audit: AuditDeviceSettings;
}

/** Audit devices that are enabled whenever the vault is unsealed. */
export interface AuditDeviceSettings {
  /** Null for no such device, here and below. */
  readonly filePath: string | null;
  readonly httpUrl: string | null;
  readonly console: boolean;
}

export interface Listen {
  /** A name or an address, without the brackets of IPv6. */
  readonly hostname: string;
  readonly port: number;
}

export type SettingsOutcome =
  | { readonly ok: true; readonly settings: Settings }
  /** One line for each variable that is wrong. */
  | { readonly ok: false; readonly errors: readonly string[] };

export const MEMORY = ":memory:";

/** All variables; the only ones any runtime reads. */
export const SETTING_NAMES = [
  "SEALWRIGHT_LISTEN",
  "SEALWRIGHT_DATA",
  "SEALWRIGHT_SEAL",
  "SEALWRIGHT_STATIC_SEAL_CURRENT_KEY",
  "SEALWRIGHT_STATIC_SEAL_CURRENT_KEY_ID",
  "SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY",
  "SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY_ID",
  "SEALWRIGHT_REKEY_ACCESS",
  "SEALWRIGHT_GENERATE_ROOT_ACCESS",
  "SEALWRIGHT_RATE_LIMIT",
  "SEALWRIGHT_TRUSTED_PROXIES",
  "SEALWRIGHT_TLS_CERT",
  "SEALWRIGHT_TLS_KEY",
  "SEALWRIGHT_INSECURE_LISTEN",
  "SEALWRIGHT_LOG",
  "SEALWRIGHT_AUDIT_FILE",
  "SEALWRIGHT_AUDIT_HTTP",
  "SEALWRIGHT_AUDIT_CONSOLE",
] as const;

export type SettingName = typeof SETTING_NAMES[number];
export type Variables = Readonly<Partial<Record<SettingName, string>>>;

/** Content of the file at a path; throws an Error whose message may be shown. */
export type ReadFile = (path: string) => Uint8Array;

const accessSchema = v.picklist(["token", "token-to-start", "open"]);
const sealSchema = v.picklist(["shamir", "static"]);
const logSchema = v.picklist(LOG_LEVELS);
const flagSchema = v.picklist(["0", "1"]);
const rateLimitSchema = v.pipe(
  v.string(),
  v.regex(/^(off|[1-9][0-9]{0,5}\/[1-9][0-9]{0,5})$/),
  v.transform((text): { readonly rate: Rate | null } => {
    const [perSecond = 0, burst = 0] = text.split("/").map(Number);
    return { rate: text === "off" ? null : { perSecond, burst } };
  }),
);
const listenSchema = v.pipe(
  v.string(),
  v.regex(/^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):[0-9]{1,5}$/),
  v.transform(splitListen),
  v.object({ hostname: v.string(), port: v.pipe(v.number(), v.minValue(1), v.maxValue(65535)) }),
);

/** `readFile` is null where there are no files (Workers). An empty variable counts as not set. */
export function parseSettings(variables: Variables, readFile: ReadFile | null): SettingsOutcome {
  const errors: string[] = [];
  const get = (name: SettingName): string | undefined => variables[name] || undefined;
  const check = <T>(
    name: SettingName,
    schema: v.GenericSchema<unknown, T>,
    fallback: string,
    wanted: string,
  ): T | null => {
    const value = get(name) ?? fallback;
    const outcome = v.safeParse(schema, value);
    if (outcome.success) return outcome.output;
    errors.push(`${name} must be ${wanted}: got ${JSON.stringify(value)}`);
    return null;
  };
  const accessNames = "token, token-to-start or open";

  const listen = check(
    "SEALWRIGHT_LISTEN",
    listenSchema,
    "127.0.0.1:8200",
    "an address and a port, like 127.0.0.1:8200 or [::1]:8200",
  );
  const sealType = check("SEALWRIGHT_SEAL", sealSchema, "shamir", "shamir or static");
  const rekeyAccess = check("SEALWRIGHT_REKEY_ACCESS", accessSchema, "token", accessNames);
  const generateRootAccess = check(
    "SEALWRIGHT_GENERATE_ROOT_ACCESS",
    accessSchema,
    "token",
    accessNames,
  );
  const rateLimit = check(
    "SEALWRIGHT_RATE_LIMIT",
    rateLimitSchema,
    `${RATE_LIMIT_PER_SECOND}/${RATE_LIMIT_BURST}`,
    "tries per second and at once, like 50/1000, or off",
  );
  const logLevel = check("SEALWRIGHT_LOG", logSchema, "info", "debug, info, warn or error");
  const auditConsole = check("SEALWRIGHT_AUDIT_CONSOLE", flagSchema, "0", "1, or not set");
  const insecure = check("SEALWRIGHT_INSECURE_LISTEN", flagSchema, "0", "1, or not set");

  const trustedProxies = parseProxies(get, errors);
  const tls = parseTls(get, errors);
  if (listen !== null && tls === null && insecure === "0" && !isLoopback(listen.hostname)) {
    errors.push(
      `SEALWRIGHT_LISTEN is not a loopback address: ${JSON.stringify(listen.hostname)} without ` +
        "TLS would send shares and tokens in the clear; set SEALWRIGHT_TLS_CERT and " +
        "SEALWRIGHT_TLS_KEY, or SEALWRIGHT_INSECURE_LISTEN=1 behind a proxy that ends TLS",
    );
  }
  const seal = sealType === "static" ? parseStaticSeal(get, readFile, errors) : shamir;

  const audit = parseAudit(get, readFile !== null, auditConsole === "1", errors);

  const complete = { listen, seal, rekeyAccess, generateRootAccess, logLevel };
  if (errors.length > 0 || rateLimit === null || !isComplete(complete)) {
    return { ok: false, errors };
  }
  const data = get("SEALWRIGHT_DATA") ?? "./data";
  return {
    ok: true,
    settings: {
      ...complete,
      rateLimit: rateLimit.rate,
      trustedProxies,
      tls,
      isReachedByTls: tls !== null || insecure === "1" || trustedProxies.length > 0,
      audit,
      dataDirectory: data === MEMORY ? null : data,
    },
  };
}

const shamir: SealSettings = { type: "shamir" };

type Get = (name: SettingName) => string | undefined;

function parseProxies(get: Get, errors: string[]): readonly string[] {
  const name = "SEALWRIGHT_TRUSTED_PROXIES";
  const value = get(name);
  if (value === undefined) return [];
  try {
    return parseAddresses(value.split(","));
  } catch {
    errors.push(
      `${name} must be addresses and blocks with commas, like 127.0.0.1, 10.0.0.0/8: ` +
        `got ${JSON.stringify(value)}`,
    );
    return [];
  }
}

function parseTls(get: Get, errors: string[]): Settings["tls"] {
  const certPath = get("SEALWRIGHT_TLS_CERT");
  const keyPath = get("SEALWRIGHT_TLS_KEY");
  if (certPath !== undefined && keyPath !== undefined) return { certPath, keyPath };
  if (certPath !== undefined) errors.push("SEALWRIGHT_TLS_KEY is missing: SEALWRIGHT_TLS_CERT set");
  if (keyPath !== undefined) errors.push("SEALWRIGHT_TLS_CERT is missing: SEALWRIGHT_TLS_KEY set");
  return null;
}

function parseAudit(
  get: Get,
  hasFiles: boolean,
  console: boolean,
  errors: string[],
): AuditDeviceSettings {
  const filePath = get("SEALWRIGHT_AUDIT_FILE") ?? null;
  if (filePath !== null && !hasFiles) {
    errors.push("SEALWRIGHT_AUDIT_FILE cannot be set: there are no files here");
  }
  const httpUrl = get("SEALWRIGHT_AUDIT_HTTP") ?? null;
  if (httpUrl !== null && !isCollectorUrl(httpUrl)) {
    errors.push(
      "SEALWRIGHT_AUDIT_HTTP must be an http or https URL without user name and password",
    );
  }
  return { filePath, httpUrl, console };
}

/** A user name or password would be shown to everybody who may list the devices. */
export function isCollectorUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

/** Begins a value that names a file which holds the value. */
export const FILE_SCHEME = "file://";

const STATIC_NAMES = {
  currentKey: "SEALWRIGHT_STATIC_SEAL_CURRENT_KEY",
  currentKeyId: "SEALWRIGHT_STATIC_SEAL_CURRENT_KEY_ID",
  previousKey: "SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY",
  previousKeyId: "SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY_ID",
} as const;

function parseStaticSeal(
  get: Get,
  readFile: ReadFile | null,
  errors: string[],
): SealSettings | null {
  const errorsBefore = errors.length;
  const value = (field: keyof StaticSealInput): string | Uint8Array | undefined => {
    const name = STATIC_NAMES[field];
    const literal = get(name);
    if (literal === undefined || !literal.startsWith(FILE_SCHEME)) return literal;
    if (readFile === null) {
      errors.push(`${name} cannot name a file: there are none here; give the value as a secret`);
      return undefined;
    }
    try {
      return readFile(literal.slice(FILE_SCHEME.length));
    } catch (error) {
      errors.push(`${name} cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  };
  const input: StaticSealInput = {
    currentKey: value("currentKey"),
    currentKeyId: value("currentKeyId"),
    previousKey: value("previousKey"),
    previousKeyId: value("previousKeyId"),
  };
  if (errors.length > errorsBefore) return null;
  const outcome = parseStaticSealSettings(input);
  if (outcome.ok) return outcome.settings;
  for (const { field, message } of outcome.errors) {
    errors.push(`${STATIC_NAMES[field]}: ${message}`);
  }
  return null;
}

function splitListen(text: string): Listen {
  const colon = text.lastIndexOf(":");
  const hostname = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return { hostname, port: Number(text.slice(colon + 1)) };
}

/** 127.0.0.0/8, ::1 and the name that every system maps to them. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    /^127(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}$/.test(hostname);
}

function isComplete<T extends object>(
  record: T,
): record is { readonly [Name in keyof T]: NonNullable<T[Name]> } {
  return Object.values(record).every((value) => value !== null);
}
