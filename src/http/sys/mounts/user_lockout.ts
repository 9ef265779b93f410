/** A mount's `user_lockout_config`, which `access/identity/lockouts.ts` applies. Pure. */

import * as v from "valibot";
import type { UserLockout } from "../../../access/mount_settings.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { invalidRequest } from "../../../errors.ts";
import { STRICT_TEXT } from "./config.ts";
import { settingSeconds } from "./durations.ts";
import type { Owner } from "../../../vault/mounts/owner.ts";
import { hasLockout } from "./plugin_catalog.ts";

const LOCKOUT = v.object({
  lockout_threshold: STRICT_TEXT,
  lockout_duration: STRICT_TEXT,
  lockout_counter_reset_duration: STRICT_TEXT,
  lockout_disable: v.optional(v.nullable(v.boolean())),
});
const UNSET: UserLockout = {
  threshold: 0,
  durationSeconds: 0,
  counterResetSeconds: 0,
  disabled: false,
};

/** Throws `invalid_request` for settings that cannot be read, and for types without lockout. */
export function tunedLockout({ kind, mount }: Owner, sent: JsonObject): UserLockout | null {
  const now = kind === "login" ? mount.config.userLockout : null;
  if (Object.keys(sent).length === 0) return now;
  const parsed = v.safeParse(LOCKOUT, sent, { abortEarly: true });
  if (!parsed.success) {
    throw invalidRequest("unable to convert given user lockout config information");
  }
  if (!hasLockout(mount.type)) {
    throw invalidRequest(
      `tuning of user lockout configuration for auth type "${mount.type}" not allowed`,
    );
  }
  const read = parsed.output;
  const before = now ?? UNSET;
  return {
    threshold: parseThreshold(read.lockout_threshold ?? "") ?? before.threshold,
    durationSeconds: settingSeconds(read.lockout_duration ?? "") ?? before.durationSeconds,
    counterResetSeconds: settingSeconds(read.lockout_counter_reset_duration ?? "") ??
      before.counterResetSeconds,
    disabled: read.lockout_disable ?? before.disabled,
  };
}

/** Null for "". Throws `invalid_request`, unlike the reference also for numbers above 2^53 - 1. */
function parseThreshold(text: string): number | null {
  if (text === "") return null;
  const isNumber = /^[0-9]+$/.test(text);
  if (isNumber && Number.isSafeInteger(Number(text))) return Number(text);
  const reason = isNumber ? "value out of range" : "invalid syntax";
  throw invalidRequest(
    "unable to parse user lockout threshold: strconv.ParseUint: parsing " +
      `${JSON.stringify(text)}: ${reason}`,
  );
}
