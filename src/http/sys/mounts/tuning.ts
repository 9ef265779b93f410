/**
 * Changes the settings of a mount of either kind: by `sys/auth/*`, or by `sys/mounts/*`, which also
 * takes paths below `auth/`. The checks are in the order in which a client can observe them.
 */

import { describeTuning } from "./view.ts";
import type { AuthMountConfig } from "../../../access/auth_mount.ts";
import { type MountSettings, notInCatalog } from "../../../access/mount_settings.ts";
import type { Sent } from "../../../wire/fields.ts";
import { causeOf, invalidRequest } from "../../../errors.ts";
import type { Mount } from "../../../vault/mounts/mount_record.ts";
import type { MountOptions } from "../../../engines/engine_module.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import type { AppContext } from "../../request/call.ts";
import type { EndpointCall, LogicalReply } from "../../request/logical.ts";
import { otherVersion, parseTokenType, parseVisibility } from "./config.ts";
import { settingSeconds } from "./durations.ts";
import { type Owner, ownerOf } from "../../../vault/mounts/owner.ts";
import { TUNE_FIELDS } from "./fields.ts";
import { tunedLockout } from "./user_lockout.ts";

type SentTuning = Sent<typeof TUNE_FIELDS>;

const UNTUNABLE: readonly string[] = ["cubbyhole/", "sys/", "audit/", "identity/"];
/** Fields that can be set even on those. */
const ALWAYS_TUNABLE: readonly string[] = [
  "audit_non_hmac_request_keys",
  "audit_non_hmac_response_keys",
];
/** Sic: the reference prints both versions before it has read them. */
const UPGRADE_WARNING = "Upgrading mount from version 0 to version 0. This mount will be " +
  "unavailable for a brief period and will resume service shortly.";

/** `path` ends in "/", and starts with `auth/` for an auth method. Throws `invalid_request`. */
export async function tuneMount(
  request: EndpointCall,
  sent: SentTuning,
  path: string,
): Promise<LogicalReply> {
  refuseUntunable(path, sent);
  const { vault, context } = request.call;
  const { owner, changesVersion } = await vault.administer(async (unsealed) => {
    const owner = ownerOf(unsealed, path);
    if (owner === null) {
      throw invalidRequest(`tune of path "${path}" failed: no mount entry found`);
    }
    return { owner, changesVersion: await tuneOwner(unsealed, owner, sent, context) };
  });
  if (!changesVersion) return { kind: "done" };
  if (owner.kind === "engine") await upgradeAll(request, owner.mount);
  return { kind: "data", data: null, warnings: [UPGRADE_WARNING] };
}

/** The settings of the mount at or above `path`, which has the form that `tuneMount` takes. */
export function readTuning(unsealed: UnsealedVault, path: string): LogicalReply {
  const owner = ownerOf(unsealed, path);
  if (owner === null) throw invalidRequest(`cannot fetch sysview for path "${path}"`);
  return { kind: "data", data: describeTuning(owner.mount) };
}

/** Resolves with whether the kv version changes. */
async function tuneOwner(
  unsealed: UnsealedVault,
  owner: Owner,
  sent: SentTuning,
  context: AppContext,
): Promise<boolean> {
  const { mount } = owner;
  const leases = tunedLeases(mount.config, sent);
  const lockout = tunedLockout(owner, sent.user_lockout_config ?? {});
  refuseOtherVersion(mount.type, sent.plugin_version, context.options.version);
  const settings = { ...tunedSettings(mount.config, sent), ...leases };
  const tokenType = tunedTokenType(owner, sent.token_type);
  const { options, changesVersion } = tunedOptions(owner, sent.options ?? {});
  const description = sent.description ?? mount.description;
  if (owner.kind === "login") {
    const config = { ...owner.mount.config, ...settings, tokenType, userLockout: lockout };
    await unsealed.logins.tune(owner.mount, { description, config, options });
  } else {
    const config = { ...owner.mount.config, ...settings };
    await unsealed.mounts.tune(owner.mount, { description, config, options }, context.nowMs());
  }
  return changesVersion;
}

function refuseUntunable(path: string, sent: SentTuning): void {
  if (!UNTUNABLE.some((prefix) => path.startsWith(prefix))) return;
  const refused = Object.keys(sent).find((name) => !ALWAYS_TUNABLE.includes(name));
  if (refused !== undefined) throw invalidRequest(`cannot tune parameter ${refused} of ${path}`);
}

/** Unlike for a new mount, a default above the system's maximum is accepted. */
function tunedLeases(
  now: MountSettings,
  sent: SentTuning,
): Pick<MountSettings, "defaultLeaseSeconds" | "maxLeaseSeconds"> {
  const defaultLeaseSeconds = settingSeconds(sent.default_lease_ttl ?? "") ??
    now.defaultLeaseSeconds;
  const maxLeaseSeconds = settingSeconds(sent.max_lease_ttl ?? "") ?? now.maxLeaseSeconds;
  if (maxLeaseSeconds !== 0 && maxLeaseSeconds < defaultLeaseSeconds) {
    throw invalidRequest(
      `backend max lease TTL of ${maxLeaseSeconds} would be less than backend default lease TTL ` +
        `of ${defaultLeaseSeconds}`,
    );
  }
  return { defaultLeaseSeconds, maxLeaseSeconds };
}

function refuseOtherVersion(type: string, asked: string | undefined, running: string): void {
  if (asked === undefined) return;
  const other = otherVersion(asked, running);
  if (other !== null) throw notInCatalog(type, other);
}

function tunedSettings(
  now: MountSettings,
  sent: SentTuning,
): Omit<MountSettings, "defaultLeaseSeconds" | "maxLeaseSeconds" | "forceNoCache"> {
  const visibility = sent.listing_visibility;
  return {
    listingVisibility: visibility === undefined
      ? now.listingVisibility
      : parseVisibility(visibility),
    auditNonHmacRequestKeys: sent.audit_non_hmac_request_keys ?? now.auditNonHmacRequestKeys,
    auditNonHmacResponseKeys: sent.audit_non_hmac_response_keys ?? now.auditNonHmacResponseKeys,
    passthroughRequestHeaders: sent.passthrough_request_headers ?? now.passthroughRequestHeaders,
    allowedResponseHeaders: sent.allowed_response_headers ?? now.allowedResponseHeaders,
  };
}

function tunedTokenType(
  owner: Owner,
  sent: string | undefined,
): AuthMountConfig["tokenType"] {
  const now = owner.kind === "login" ? owner.mount.config.tokenType : "default-service";
  if (sent === undefined) return now;
  if (owner.kind === "engine") {
    throw invalidRequest("'token_type' can only be modified on auth mounts");
  }
  if (owner.mount.type === "token") {
    throw invalidRequest("'token_type' cannot be set for 'token' or 'ns_token' auth mounts");
  }
  return parseTokenType(sent);
}

/** An empty value removes an option, except the version, which never goes back. */
function tunedOptions(
  { kind, mount }: Owner,
  sent: NonNullable<MountOptions>,
): { readonly options: MountOptions; readonly changesVersion: boolean } {
  if (Object.keys(sent).length === 0) return { options: mount.options, changesVersion: false };
  const from = Number(mount.options?.["version"] ?? "");
  const asksVersion = Object.hasOwn(sent, "version");
  const to = asksVersion ? parseVersion(sent["version"] ?? "", from) : from;
  if (to !== from && mount.type !== "kv" && mount.type !== "generic") {
    // The reference accepts it, although these types have no versions.
    const what = kind === "login" ? "auth method" : "secrets engine";
    throw invalidRequest(`${what} "${mount.type}" does not allow setting a version`);
  }
  // Never stored as sent: "02" and "+2" are also accepted as numbers.
  const version = asksVersion ? { version: String(to) } : {};
  const kept = Object.entries({ ...mount.options, ...sent, ...version })
    .filter(([name]) => sent[name] !== "");
  return { options: Object.fromEntries(kept), changesVersion: to !== from };
}

/** Throws `invalid_request` for an unknown version, or one below the current version. */
function parseVersion(text: string, from: number): number {
  if (!/^([+-]?[0-9]+)?$/.test(text)) {
    throw invalidRequest(
      `unable to parse options: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  const to = Number(text);
  if (to !== 1 && to !== 2) throw invalidRequest(`invalid version provided: ${to}`);
  if (from > to) throw invalidRequest(`cannot downgrade mount from version ${from}`);
  return to;
}

/** Runs outside `administer`: a large mount takes a while. Later requests make up for a failure. */
async function upgradeAll({ call }: EndpointCall, mount: Mount): Promise<void> {
  try {
    while (!await call.vault.unsealed().mounts.upgrade(mount));
  } catch (error) {
    const reason = causeOf(error);
    call.vault.log.warn("the upgrade of a kv mount goes on with its next request", {
      path: mount.path,
      reason,
    });
  }
}
