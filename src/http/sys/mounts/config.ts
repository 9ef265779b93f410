/**
 * The `config` of a new mount. Unlike fields, it is decoded strictly: text is not a boolean, and a
 * list must be a list or text with commas. Pure.
 */

import * as v from "valibot";
import type { AuthMountConfig } from "../../../access/auth_mount.ts";
import type { MountSettings } from "../../../access/mount_settings.ts";
import { hasFewItems } from "../../../wire/fields.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { invalidRequest } from "../../../errors.ts";
import { LEASE_DEFAULT_SECONDS } from "../../../limits.ts";
import { settingSeconds } from "./durations.ts";
import { builtinVersion, canonicalVersion } from "./plugin_versions.ts";

const ITEM = v.pipe(
  v.union([v.string(), v.number(), v.null()]),
  v.transform((sent) => String(sent ?? "")),
);
/** A number counts as its text, null as "". */
export const STRICT_TEXT = v.optional(ITEM);
const FLAG = v.optional(v.pipe(
  v.union([v.boolean(), v.null()]),
  v.transform((sent) => sent ?? false),
));
const TEXTS = v.optional(v.pipe(
  v.union([v.array(ITEM), v.string(), v.null()]),
  v.check((sent) => hasFewItems(sent)),
  v.transform((sent) => typeof sent === "string" ? splitTexts(sent) : sent ?? []),
));
const COUNT = v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0))));

/** Checked but not stored, as in the reference: only tuning sets it. */
const USER_LOCKOUT = v.optional(v.nullable(v.object({
  lockout_threshold: COUNT,
  lockout_duration: COUNT,
  lockout_counter_reset: COUNT,
  disable_lockout: FLAG,
})));

const CONFIG = v.object({
  default_lease_ttl: STRICT_TEXT,
  max_lease_ttl: STRICT_TEXT,
  force_no_cache: FLAG,
  audit_non_hmac_request_keys: TEXTS,
  audit_non_hmac_response_keys: TEXTS,
  listing_visibility: STRICT_TEXT,
  passthrough_request_headers: TEXTS,
  allowed_response_headers: TEXTS,
  token_type: STRICT_TEXT,
  user_lockout_config: USER_LOCKOUT,
  plugin_name: STRICT_TEXT,
  plugin_version: STRICT_TEXT,
});

export type SentConfig = v.InferOutput<typeof CONFIG>;

const TOKEN_TYPES: readonly string[] = ["default-service", "default-batch", "service", "batch"];
const VISIBILITIES: readonly string[] = ["", "hidden", "unauth"];

function splitTexts(text: string): string[] {
  return text === "" ? [] : text.split(",").map((item) => item.trim());
}

/** Throws `invalid_request` in the words for `kind`. */
export function readConfig(sent: JsonObject, kind: "mount" | "auth"): SentConfig {
  const parsed = v.safeParse(CONFIG, sent, { abortEarly: true });
  if (parsed.success) return parsed.output;
  throw invalidRequest(`unable to convert given ${kind} config information`);
}

/** In seconds; 0 if not set. Throws `invalid_request` if the leases contradict each other. */
export function readLeases(
  { default_lease_ttl: sentDefault = "", max_lease_ttl: sentMax = "" }: SentConfig,
): Pick<MountSettings, "defaultLeaseSeconds" | "maxLeaseSeconds"> {
  const leaseOf = (name: string, text: string): number =>
    settingSeconds(text, `unable to parse ${name} TTL of ${text}: `) ?? 0;
  const defaultLeaseSeconds = leaseOf("default", sentDefault);
  const maxLeaseSeconds = leaseOf("max", sentMax);
  if (maxLeaseSeconds !== 0 && defaultLeaseSeconds > maxLeaseSeconds) {
    throw invalidRequest("given default lease TTL greater than given max lease TTL");
  }
  if (maxLeaseSeconds === 0 && defaultLeaseSeconds > LEASE_DEFAULT_SECONDS) {
    throw invalidRequest(
      `given default lease TTL greater than system max lease TTL of ${LEASE_DEFAULT_SECONDS}`,
    );
  }
  return { defaultLeaseSeconds, maxLeaseSeconds };
}

export function settingsOf(
  sent: SentConfig,
  leases: Pick<MountSettings, "defaultLeaseSeconds" | "maxLeaseSeconds">,
): MountSettings {
  return {
    ...leases,
    forceNoCache: sent.force_no_cache ?? false,
    listingVisibility: parseVisibility(sent.listing_visibility ?? ""),
    auditNonHmacRequestKeys: sent.audit_non_hmac_request_keys ?? [],
    auditNonHmacResponseKeys: sent.audit_non_hmac_response_keys ?? [],
    passthroughRequestHeaders: sent.passthrough_request_headers ?? [],
    allowedResponseHeaders: sent.allowed_response_headers ?? [],
  };
}

export function parseTokenType(type: string): AuthMountConfig["tokenType"] {
  if (type === "") return "default-service";
  if (!TOKEN_TYPES.includes(type)) throw invalidRequest("invalid value for 'token_type'");
  return type as AuthMountConfig["tokenType"];
}

export function parseVisibility(visibility: string): MountSettings["listingVisibility"] {
  if (!VISIBILITIES.includes(visibility)) {
    throw invalidRequest(`invalid listing_visibility ${visibility}`);
  }
  return visibility as MountSettings["listingVisibility"];
}

/** Type `plugin` names its type by the plugin's name. Throws `invalid_request` if none is given. */
export function mountType(
  type: string,
  { plugin_name: inner = "" }: SentConfig,
  name: string,
): string {
  if (type === "") throw invalidRequest("backend type must be specified as a string");
  if (type !== "plugin") return type;
  const plugin = inner === "" ? name : inner;
  if (plugin === "") throw invalidRequest("plugin_name must be provided for plugin backend");
  return plugin;
}

/** The canonical version asked for, or null if it is the running one. Throws `invalid_request`. */
export function otherVersion(asked: string, productVersion: string): string | null {
  const builtIn = builtinVersion(productVersion);
  return asked === builtIn || `v${asked}` === builtIn ? null : canonicalVersion(asked);
}
