/** Mounts as clients see them. Pure. */

import type { AuthMount } from "../../../access/auth_mount.ts";
import type { UserLockout } from "../../../access/mount_settings.ts";
import { LEASE_DEFAULT_SECONDS } from "../../../limits.ts";
import type { Mount } from "../../../vault/mounts/mount_record.ts";
import { builtinVersion } from "./plugin_versions.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { isInCatalog } from "./plugin_catalog.ts";

/** A mount as every list shows it. */
export function describeEntry(mount: Mount | AuthMount, productVersion: string): JsonObject {
  const { config } = mount;
  const lockout = "userLockout" in config ? config.userLockout : null;
  return {
    accessor: mount.accessor,
    config: {
      default_lease_ttl: config.defaultLeaseSeconds,
      force_no_cache: config.forceNoCache,
      max_lease_ttl: config.maxLeaseSeconds,
      ...shownSettings(mount),
      ...(lockout === null ? {} : { user_lockout_config: describeLockout(lockout) }),
    },
    ...(isInCatalog(mount.type) ? { deprecation_status: "supported" } : {}),
    description: mount.description,
    external_entropy_access: mount.externalEntropyAccess,
    local: mount.local,
    options: mount.options,
    plugin_version: "",
    running_plugin_version: builtinVersion(productVersion),
    running_sha256: "",
    seal_wrap: mount.sealWrap,
    type: mount.type,
    uuid: mount.uuid,
  };
}

/** A mount's settings. A lease that is not set shows the system's. */
export function describeTuning(mount: Mount | AuthMount): JsonObject {
  const { config, options } = mount;
  const lockout = "userLockout" in config ? config.userLockout : null;
  return {
    default_lease_ttl: config.defaultLeaseSeconds || LEASE_DEFAULT_SECONDS,
    description: mount.description,
    force_no_cache: config.forceNoCache,
    max_lease_ttl: config.maxLeaseSeconds || LEASE_DEFAULT_SECONDS,
    ...(mount.externalEntropyAccess ? { external_entropy_access: true } : {}),
    ...shownSettings(mount),
    ...(lockout === null ? {} : describeLockout(lockout)),
    ...(options === null || Object.keys(options).length === 0 ? {} : { options }),
  };
}

/** Settings that are shown only if set. */
function shownSettings(mount: Mount | AuthMount): JsonObject {
  const { config } = mount;
  const passthrough = [...builtInHeaders(mount), ...config.passthroughRequestHeaders];
  return {
    ...unlessEmpty("allowed_response_headers", config.allowedResponseHeaders),
    ...unlessEmpty("audit_non_hmac_request_keys", config.auditNonHmacRequestKeys),
    ...unlessEmpty("audit_non_hmac_response_keys", config.auditNonHmacResponseKeys),
    ...unlessEmpty("listing_visibility", config.listingVisibility),
    ...unlessEmpty("passthrough_request_headers", passthrough),
    ...("tokenType" in config ? { token_type: config.tokenType } : {}),
  };
}

function unlessEmpty(name: string, value: string | readonly string[]): JsonObject {
  return value.length === 0 ? {} : { [name]: value };
}

function builtInHeaders({ type }: Mount | AuthMount): readonly string[] {
  if (type === "system") return ["Accept"];
  return type === "identity" ? ["Authorization"] : [];
}

function describeLockout(lockout: UserLockout): JsonObject {
  return {
    user_lockout_counter_reset_duration: lockout.counterResetSeconds,
    user_lockout_disable: lockout.disabled,
    user_lockout_duration: lockout.durationSeconds,
    user_lockout_threshold: lockout.threshold,
  };
}
