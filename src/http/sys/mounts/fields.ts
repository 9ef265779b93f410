/** Fields that `sys/mounts/*` and `sys/auth/*` share. */

import * as v from "valibot";
import { boolean, coerceText, object, type Sent, text, textList } from "../../../wire/fields.ts";
import { isJsonObject, type JsonObject } from "../../../wire/json_value.ts";
import { written } from "../../../wire/written_form.ts";

type Texts = Readonly<Record<string, string>>;

const PAIRS = "expected pairs of a name and a text";
const JSON_OBJECT = v.custom<JsonObject>(isJsonObject);

/** An object, or texts of the form `name=value`; null stays null. */
function pairs(about: string) {
  const accepted = v.union(
    [JSON_OBJECT, v.array(JSON_OBJECT), v.array(v.string()), v.string(), v.null()],
    PAIRS,
  );
  return v.optional(v.pipe(
    accepted,
    written(about, "textsByName"),
    v.check((sent) => pairsOf(sent) !== undefined, PAIRS),
    v.transform((sent): Texts | null => pairsOf(sent) ?? null),
  ));
}

/** Undefined if it cannot be read. */
function pairsOf(
  sent: JsonObject | readonly (JsonObject | string)[] | string | null,
): Texts | null | undefined {
  if (sent === null) return null;
  const items: readonly unknown[] = Array.isArray(sent) ? sent : [sent];
  const entries = items.flatMap((item) =>
    typeof item === "string" ? [splitPair(item)] : Object.entries(item as JsonObject)
  );
  const read = entries.map(([name, value]) => [name, coerceText(value)] as const);
  if (read.some(([name, value]) => name === "" || value === null)) return undefined;
  return Object.fromEntries(read) as Texts;
}

/** The name is "" if there is no "=". */
function splitPair(pair: string): [string, string] {
  const end = pair.indexOf("=");
  return end === -1 ? ["", pair] : [pair.slice(0, end), pair.slice(end + 1)];
}

/** Sent when a mount is made. */
export const ENABLE_FIELDS = {
  type: text("kind of the mount"),
  description: text("what the mount is for"),
  config: object("settings that can be tuned later"),
  options: pairs("settings of the engine itself"),
  local: boolean("as sent; there is one server"),
  seal_wrap: boolean("wrap what is stored once more with the seal key"),
  external_entropy_access: boolean("as sent; randomness is the platform's"),
  plugin_name: text("kind of the mount, when its type is plugin"),
  plugin_version: text("not used: everything is built in"),
};

/** Settings that every mount has, with their defaults. */
export function mountSettings(sent: Sent<typeof ENABLE_FIELDS>) {
  const { options = {} } = sent;
  return {
    description: sent.description ?? "",
    local: sent.local ?? false,
    sealWrap: sent.seal_wrap ?? false,
    externalEntropyAccess: sent.external_entropy_access ?? false,
    options,
  };
}

/** Sent later, for mounts of either kind. */
export const TUNE_FIELDS = {
  default_lease_ttl: text("lease of what is issued, unless it says otherwise; or system"),
  max_lease_ttl: text("longest lease; or system"),
  description: text("what the mount is for"),
  audit_non_hmac_request_keys: textList("names whose texts are readable in the audit trail"),
  audit_non_hmac_response_keys: textList("the same for answers"),
  options: pairs("settings of the engine itself; an empty one is removed"),
  listing_visibility: text("unauth: shown to who has no token; hidden otherwise"),
  passthrough_request_headers: textList("as sent; engines see no headers"),
  allowed_response_headers: textList("as sent; engines set no headers"),
  token_type: text("of auth methods: default-service, default-batch, service or batch"),
  plugin_version: text("only the version that runs can be chosen"),
  user_lockout_config: object(
    "when users and roles are kept out after failures; of approle and userpass",
  ),
};
