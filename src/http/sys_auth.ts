/** `/sys/auth*`: auth methods. */

import * as v from "valibot";
import type {
  LoginMount,
  LoginMountConfig,
  LoginMountRequest,
} from "../access/logins/login_mounts.ts";
import { leaseLimits } from "../access/logins/lease_limits.ts";
import { boolean, duration, object, readFields, type Sent, text } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { LEASE_DEFAULT_SECONDS } from "../limits.ts";
import { disableLogin } from "../vault/disable_login.ts";
import {
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import { ENABLE_FIELDS, mountPath, textOptions } from "./mount_paths.ts";
import type { JsonObject } from "./replies.ts";

const DONE: LogicalReply = { kind: "done" };
const TOKEN_TYPES: readonly string[] = ["default-service", "default-batch", "service", "batch"];
const VISIBILITIES: readonly string[] = ["", "hidden", "unauth"];

/** A duration, or "system" for what the system has. */
function leaseOrSystem(about: string) {
  const accepted = v.union([v.literal("system"), duration(about)]);
  return v.optional(v.pipe(accepted, v.transform((sent) => sent === "system" ? 0 : sent)));
}

const CONFIG_FIELDS = {
  default_lease_ttl: leaseOrSystem("lease of the tokens that are issued"),
  max_lease_ttl: leaseOrSystem("longest lease"),
  force_no_cache: boolean("as sent; nothing is cached beyond the store"),
  token_type: text("default-service, default-batch, service or batch"),
  listing_visibility: text("unauth: shown to who has no token; hidden otherwise"),
};

const TUNE_FIELDS = {
  ...CONFIG_FIELDS,
  description: text("what the mount is for"),
  options: object("settings of the auth method itself"),
};

const RULES = { copiesData: true, sudo: true };

export const LOGIN_MOUNT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/auth", {
    read: logicalOperation(
      { summary: "List the auth methods" },
      async ({ open }) => ({ kind: "data", data: table(open.logins.list()) }),
    ),
  }, { copiesData: true }),
  logicalEndpoint("sys/auth/{path+}/tune", {
    read: logicalOperation({ summary: "Show the settings of an auth method" }, readTuning),
    update: logicalOperation(
      { summary: "Change the settings of an auth method", fields: TUNE_FIELDS },
      tune,
    ),
  }, RULES),
  logicalEndpoint("sys/auth/{path+}", {
    read: logicalOperation({ summary: "Show an auth method" }, read),
    update: logicalOperation({ summary: "Enable an auth method", fields: ENABLE_FIELDS }, enable),
    delete: logicalOperation(
      { summary: "Disable an auth method and revoke its tokens" },
      remove,
    ),
  }, RULES),
];

function table(mounts: readonly LoginMount[]): JsonObject {
  return Object.fromEntries(mounts.map((mount) => [mount.path, describeLoginMount(mount)]));
}

/** A mount as every list shows it. */
export function describeLoginMount(mount: LoginMount): JsonObject {
  const { config } = mount;
  const visibility = config.listingVisibility;
  return {
    accessor: mount.accessor,
    config: {
      default_lease_ttl: config.defaultLeaseSeconds,
      force_no_cache: config.forceNoCache,
      ...(visibility === "" ? {} : { listing_visibility: visibility }),
      max_lease_ttl: config.maxLeaseSeconds,
      token_type: config.tokenType,
    },
    description: mount.description,
    external_entropy_access: mount.externalEntropyAccess,
    local: mount.local,
    options: mount.options,
    plugin_version: "",
    running_plugin_version: "",
    running_sha256: "",
    seal_wrap: mount.sealWrap,
    type: mount.type,
    uuid: mount.uuid,
  };
}

async function read(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  const mount = request.open.logins.at(path);
  if (mount === null) throw invalidRequest(`No auth engine at ${path}`);
  return { kind: "data", data: describeLoginMount(mount) };
}

async function readTuning(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  const mount = request.open.logins.at(path);
  if (mount === null) throw invalidRequest(`cannot fetch sysview for path "auth/${path}"`);
  return { kind: "data", data: describeTuning(mount) };
}

function describeTuning(mount: LoginMount): JsonObject {
  const { config, options } = mount;
  const { defaultSeconds, maxSeconds } = leaseLimits(mount);
  const visibility = config.listingVisibility;
  return {
    default_lease_ttl: defaultSeconds,
    description: mount.description,
    force_no_cache: config.forceNoCache,
    ...(visibility === "" ? {} : { listing_visibility: visibility }),
    max_lease_ttl: maxSeconds,
    ...(options === null || Object.keys(options).length === 0 ? {} : { options }),
    token_type: config.tokenType,
  };
}

async function enable(
  request: EndpointCall,
  sent: Sent<typeof ENABLE_FIELDS>,
): Promise<LogicalReply> {
  const { type = "" } = sent;
  if (type === "") throw invalidRequest("backend type must be specified as a string");
  const options = textOptions(sent.options ?? {});
  if ((options["version"] ?? "") !== "") {
    throw invalidRequest(`auth method ${JSON.stringify(type)} does not allow setting a version`);
  }
  const mount: LoginMountRequest = {
    path: mountPath(request),
    type,
    description: sent.description ?? "",
    local: sent.local ?? false,
    sealWrap: sent.seal_wrap ?? false,
    externalEntropyAccess: sent.external_entropy_access ?? false,
    options,
    config: mergeConfig(readFields(CONFIG_SCHEMA, sent.config ?? {}), null),
  };
  await request.call.vault.administer((open) => open.logins.mount(mount));
  return DONE;
}

const CONFIG_SCHEMA = v.object(CONFIG_FIELDS);

function mergeConfig(
  sent: Sent<typeof CONFIG_FIELDS>,
  now: LoginMountConfig | null,
): LoginMountConfig {
  const config: LoginMountConfig = {
    defaultLeaseSeconds: sent.default_lease_ttl ?? now?.defaultLeaseSeconds ?? 0,
    maxLeaseSeconds: sent.max_lease_ttl ?? now?.maxLeaseSeconds ?? 0,
    forceNoCache: sent.force_no_cache ?? now?.forceNoCache ?? false,
    tokenType: parseTokenType(sent.token_type ?? "") ?? now?.tokenType ?? "default-service",
    listingVisibility: parseVisibility(sent.listing_visibility) ?? now?.listingVisibility ?? "",
  };
  const { defaultLeaseSeconds, maxLeaseSeconds } = config;
  if (maxLeaseSeconds !== 0 && defaultLeaseSeconds > maxLeaseSeconds) {
    throw invalidRequest("given default lease TTL greater than given max lease TTL");
  }
  if (maxLeaseSeconds === 0 && defaultLeaseSeconds > LEASE_DEFAULT_SECONDS) {
    throw invalidRequest(
      `given default lease TTL greater than system max lease TTL of ${LEASE_DEFAULT_SECONDS}`,
    );
  }
  return config;
}

function parseTokenType(type: string): LoginMountConfig["tokenType"] | undefined {
  if (type === "") return undefined;
  if (!TOKEN_TYPES.includes(type)) throw invalidRequest("invalid value for 'token_type'");
  return type as LoginMountConfig["tokenType"];
}

function parseVisibility(
  visibility: string | undefined,
): LoginMountConfig["listingVisibility"] | undefined {
  if (visibility === undefined) return undefined;
  if (!VISIBILITIES.includes(visibility)) {
    throw invalidRequest(`invalid listing_visibility ${visibility}`);
  }
  return visibility as LoginMountConfig["listingVisibility"];
}

async function tune(
  request: EndpointCall,
  sent: Sent<typeof TUNE_FIELDS>,
): Promise<LogicalReply> {
  const path = mountPath(request);
  await request.call.vault.administer(async ({ logins }) => {
    const mount = logins.at(path);
    if (mount === null) {
      throw invalidRequest(`tune of path "auth/${path}" failed: no mount entry found`);
    }
    const config = mergeConfig(sent, mount.config);
    if (mount.type === "token" && config.tokenType !== mount.config.tokenType) {
      throw invalidRequest("'token_type' cannot be set for the token store");
    }
    await logins.tune(mount, {
      description: sent.description ?? mount.description,
      config,
      options: sent.options === undefined
        ? mount.options
        : { ...mount.options, ...textOptions(sent.options) },
    });
  });
  return DONE;
}

async function remove(request: EndpointCall): Promise<LogicalReply> {
  await disableLogin(request.call.vault, mountPath(request));
  return DONE;
}
