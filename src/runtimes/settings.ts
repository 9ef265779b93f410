/**
 * Parses the operator's settings from a flat record of strings: the environment, or a Worker's vars
 * and secrets. Every variable is checked before anything starts, and each wrong one gets one line.
 * Pure: the caller passes a function that reads `file://` values. No message contains a key.
 */

import * as v from "valibot";
import { parseAddresses } from "../access/cidr.ts";
import { messageOf } from "../errors.ts";
import type { Rate } from "../http/request/rate_limit.ts";
import { RATE_LIMIT_BURST, RATE_LIMIT_PER_SECOND } from "../limits.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import { SEAL_KINDS, type SealField, type SealKindRow, type SealSettings } from "../seal/kinds.ts";
import type { AccessMode } from "../http/request/call.ts";
import { SEAL_KIND_NAMES, type SealKind } from "../seal/seal_kind.ts";
import { checkStorage, STORAGE_KINDS, type StorageSettings } from "./storage_settings.ts";

export interface Settings {
  readonly listen: Listen;
  /** A directory, or null for a vault in memory that ends with the process. */
  readonly dataDirectory: string | null;
  readonly storage: StorageSettings;
  readonly seal: SealSettings;
  readonly rekeyAccess: AccessMode;
  readonly generateRootAccess: AccessMode;
  /** Rate of requests without a valid token per address; null for no limit. */
  readonly rateLimit: Rate | null;
  /** Addresses and blocks of proxies whose `X-Forwarded-For` is trusted. Ignored on Workers. */
  readonly trustedProxies: readonly string[];
  /** Paths of PEM files; null for plain HTTP. */
  readonly tls: { readonly certPath: string; readonly keyPath: string } | null;
  /** TLS ends here, or at a proxy implied by the settings. Ignored on Workers. */
  readonly isReachedByTls: boolean;
  readonly logLevel: LogLevel;
  readonly audit: AuditDeviceSettings;
}

/** Audit devices enabled whenever the vault is unsealed. */
export interface AuditDeviceSettings {
  /** Null for no such device, as in `httpUrl`. */
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
  /** One line per wrong variable. */
  | { readonly ok: false; readonly errors: readonly string[] };

export const MEMORY = ":memory:";

/** The only variables that any runtime reads. */
export const SETTING_NAMES = [
  "SEALWRIGHT_LISTEN",
  "SEALWRIGHT_DATA",
  "SEALWRIGHT_STORAGE",
  "SEALWRIGHT_DENO_KV",
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

/** Returns a file's content. Throws an Error whose message is safe to show. */
export type ReadFile = (path: string) => Uint8Array;

const accessSchema = v.picklist(["token", "token-to-start", "open"]);
const storageSchema = v.picklist(STORAGE_KINDS);
const sealSchema = v.picklist(SEAL_KIND_NAMES);
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

/** `readFile` is null if there are no files (Workers). An empty variable counts as not set. */
export function parseSettings(variables: Variables, readFile: ReadFile | null): SettingsOutcome {
  const reader = new Reader(variables);
  const { errors } = reader;
  const { insecure, sealType, storageKind, auditConsole, ...single } = parseSingle(reader);
  const trustedProxies = parseProxies(reader);
  const tls = parseTls(reader);
  const isPlain = tls === null && insecure === "0";
  if (single.listen !== null && isPlain) refuseExposedListen(single.listen, errors);
  const seal = sealType === null ? null : parseSeal(sealType, reader, readFile);
  const location = reader.get("SEALWRIGHT_DENO_KV");
  const storage = storageKind && checkStorage(storageKind, location, readFile !== null, errors);
  const audit = parseAudit(reader, readFile !== null, auditConsole === "1");
  const complete = { ...single, seal, storage };
  if (errors.length > 0 || !isComplete(complete)) return { ok: false, errors };
  const data = reader.get("SEALWRIGHT_DATA") ?? "./data";
  return {
    ok: true,
    settings: {
      ...complete,
      rateLimit: complete.rateLimit.rate,
      trustedProxies,
      tls,
      isReachedByTls: tls !== null || insecure === "1" || trustedProxies.length > 0,
      audit,
      dataDirectory: data === MEMORY ? null : data,
    },
  };
}

/** Reads variables and collects one error line for each wrong one. */
class Reader {
  readonly errors: string[] = [];
  readonly #variables: Variables;

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  get(name: SettingName): string | undefined {
    return this.#variables[name] || undefined;
  }

  /** Null if the value does not fit the schema. */
  check<T>(
    name: SettingName,
    schema: v.GenericSchema<unknown, T>,
    fallback: string,
    wanted: string,
  ): T | null {
    const value = this.get(name) ?? fallback;
    const outcome = v.safeParse(schema, value);
    if (outcome.success) return outcome.output;
    this.errors.push(`${name} must be ${wanted}: got ${JSON.stringify(value)}`);
    return null;
  }
}

/** The settings that depend on one variable each. */
function parseSingle(reader: Reader) {
  const access = (name: SettingName) =>
    reader.check(name, accessSchema, "token", "token, token-to-start or open");
  const flag = (name: SettingName) => reader.check(name, flagSchema, "0", "1, or not set");
  return {
    listen: reader.check(
      "SEALWRIGHT_LISTEN",
      listenSchema,
      "127.0.0.1:8200",
      "an address and a port, like 127.0.0.1:8200 or [::1]:8200",
    ),
    storageKind: reader.check(
      "SEALWRIGHT_STORAGE",
      storageSchema,
      "sqlite",
      STORAGE_KINDS.join(" or "),
    ),
    sealType: reader.check("SEALWRIGHT_SEAL", sealSchema, "shamir", SEAL_KIND_NAMES.join(" or ")),
    rekeyAccess: access("SEALWRIGHT_REKEY_ACCESS"),
    generateRootAccess: access("SEALWRIGHT_GENERATE_ROOT_ACCESS"),
    rateLimit: reader.check(
      "SEALWRIGHT_RATE_LIMIT",
      rateLimitSchema,
      `${RATE_LIMIT_PER_SECOND}/${RATE_LIMIT_BURST}`,
      "tries per second and at once, like 50/1000, or off",
    ),
    logLevel: reader.check("SEALWRIGHT_LOG", logSchema, "info", "debug, info, warn or error"),
    auditConsole: flag("SEALWRIGHT_AUDIT_CONSOLE"),
    insecure: flag("SEALWRIGHT_INSECURE_LISTEN"),
  };
}

function refuseExposedListen({ hostname }: Listen, errors: string[]): void {
  if (isLoopback(hostname)) return;
  errors.push(
    `SEALWRIGHT_LISTEN is not a loopback address: ${JSON.stringify(hostname)} without ` +
      "TLS would send shares and tokens in the clear; set SEALWRIGHT_TLS_CERT and " +
      "SEALWRIGHT_TLS_KEY, or SEALWRIGHT_INSECURE_LISTEN=1 behind a proxy that ends TLS",
  );
}

function parseProxies(reader: Reader): readonly string[] {
  const name = "SEALWRIGHT_TRUSTED_PROXIES";
  const value = reader.get(name);
  if (value === undefined) return [];
  try {
    return parseAddresses(value.split(","));
  } catch {
    reader.errors.push(
      `${name} must be addresses and blocks with commas, like 127.0.0.1, 10.0.0.0/8: ` +
        `got ${JSON.stringify(value)}`,
    );
    return [];
  }
}

function parseTls(reader: Reader): Settings["tls"] {
  const { errors } = reader;
  const certPath = reader.get("SEALWRIGHT_TLS_CERT");
  const keyPath = reader.get("SEALWRIGHT_TLS_KEY");
  if (certPath !== undefined && keyPath !== undefined) return { certPath, keyPath };
  if (certPath !== undefined) errors.push("SEALWRIGHT_TLS_KEY is missing: SEALWRIGHT_TLS_CERT set");
  if (keyPath !== undefined) errors.push("SEALWRIGHT_TLS_CERT is missing: SEALWRIGHT_TLS_KEY set");
  return null;
}

function parseAudit(
  reader: Reader,
  hasFiles: boolean,
  console: boolean,
): AuditDeviceSettings {
  const { errors } = reader;
  const filePath = reader.get("SEALWRIGHT_AUDIT_FILE") ?? null;
  if (filePath !== null && !hasFiles) {
    errors.push("SEALWRIGHT_AUDIT_FILE cannot be set: there are no files here");
  }
  const httpUrl = reader.get("SEALWRIGHT_AUDIT_HTTP") ?? null;
  if (httpUrl !== null && !isCollectorUrl(httpUrl)) {
    errors.push(
      "SEALWRIGHT_AUDIT_HTTP must be an http or https URL without user name and password",
    );
  }
  return { filePath, httpUrl, console };
}

/** Refuses a user name or password: anyone who may list the devices would see it. */
export function isCollectorUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

/** Prefix of a value that names a file holding the actual value. */
export const FILE_SCHEME = "file://";

/** The variable of each value that the settings of a seal are read from. */
const SEAL_VARIABLES: {
  readonly [Kind in SealKind]: Readonly<Record<SealField<Kind>, SettingName>>;
} = {
  shamir: {},
  static: {
    currentKey: "SEALWRIGHT_STATIC_SEAL_CURRENT_KEY",
    currentKeyId: "SEALWRIGHT_STATIC_SEAL_CURRENT_KEY_ID",
    previousKey: "SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY",
    previousKeyId: "SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY_ID",
  },
};

function parseSeal<Kind extends SealKind>(
  kind: Kind,
  reader: Reader,
  readFile: ReadFile | null,
): SealSettings<Kind> | null {
  const row: SealKindRow<Kind> = SEAL_KINDS[kind];
  const names = SEAL_VARIABLES[kind];
  const errorsBefore = reader.errors.length;
  const outcome = row.parseSettings((field) => readValue(reader, names[field], readFile));
  // A value that could not be read is missing to the parser, which need not say so as well.
  if (reader.errors.length > errorsBefore) return null;
  if (outcome.ok) return outcome.settings;
  for (const { field, message } of outcome.errors) {
    reader.errors.push(`${names[field]}: ${message}`);
  }
  return null;
}

/** A literal, or the content of the file that the variable names. */
function readValue(
  reader: Reader,
  name: SettingName,
  readFile: ReadFile | null,
): string | Uint8Array | undefined {
  const literal = reader.get(name);
  if (literal === undefined || !literal.startsWith(FILE_SCHEME)) return literal;
  if (readFile === null) {
    reader.errors.push(
      `${name} cannot name a file: there are none here; give the value as a secret`,
    );
    return undefined;
  }
  try {
    return readFile(literal.slice(FILE_SCHEME.length));
  } catch (error) {
    reader.errors.push(`${name} cannot be read: ${messageOf(error)}`);
    return undefined;
  }
}

function splitListen(text: string): Listen {
  const colon = text.lastIndexOf(":");
  const hostname = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return { hostname, port: Number(text.slice(colon + 1)) };
}

/** Accepts 127.0.0.0/8, ::1 and the name that every system maps to them. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    /^127(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}$/.test(hostname);
}

function isComplete<T extends object>(
  record: T,
): record is { readonly [Name in keyof T]: NonNullable<T[Name]> } {
  return Object.values(record).every((value) => value !== null);
}
