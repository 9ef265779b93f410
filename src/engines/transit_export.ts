/**
 * `export/` of transit: the one way by which key material leaves, and only that of keys that were
 * made exportable.
 */

import { encodeBase64 } from "../crypto/bytes.ts";
import { invalidRequest } from "../errors.ts";
import type { EngineReply } from "./engine.ts";
import { type Sent, text } from "./fields.ts";
import type { TransitKey } from "./transit_records.ts";
import type { TransitStore } from "./transit_store.ts";
import { usableVersions } from "./transit_versions.ts";

const EXPORT_TYPES: readonly string[] = [
  "encryption-key",
  "signing-key",
  "hmac-key",
  "public-key",
  "certificate-chain",
];
const EXPORT_FORMATS: readonly string[] = ["", "raw", "der", "pem"];

export const EXPORT_FIELDS = {
  format: text("form of the keys: raw, which is base64, or left out for the same"),
};

/** `version` as in the path; null: all that can be used. */
export async function exportKey(
  store: TransitStore,
  type: string,
  name: string,
  version: string | null,
  { format = "" }: Sent<typeof EXPORT_FIELDS>,
): Promise<EngineReply> {
  if (!EXPORT_TYPES.includes(type)) throw invalidRequest(`invalid export type: ${type}`);
  if (!EXPORT_FORMATS.includes(format)) throw invalidRequest(`invalid format: ${format}`);
  const loaded = await store.load(name);
  if (loaded === null) return { kind: "missing" };
  const { key } = loaded;
  refuseExport(key, type, format);
  const versions = version === null ? usableVersions(key) : [exportedVersion(key, version)];
  const keys = versions.flatMap((number) => {
    const bytes = key.versions.get(number)?.bytes;
    return bytes === undefined ? [] : [[String(number), encodeBase64(bytes)]];
  });
  return { kind: "data", data: { keys: Object.fromEntries(keys), name, type: key.type } };
}

function refuseExport(key: TransitKey, type: string, format: string): void {
  const isPublic = type === "public-key" || type === "certificate-chain";
  if (!key.exportable && !isPublic) throw invalidRequest("private key material is not exportable");
  switch (type) {
    case "encryption-key":
      if (format === "" || format === "raw") return;
      throw invalidRequest("unknown format for the key; supported values are `` or `raw`");
    case "signing-key":
      throw invalidRequest("signing not supported for the key");
    case "certificate-chain":
      throw invalidRequest(
        "certificate chain not supported for keys that do not support signing",
      );
    default:
      throw invalidRequest(`unknown key type ${key.type} for export type ${type}`);
  }
}

function exportedVersion(key: TransitKey, text: string): number {
  const digits = text.replace(/^v/, "");
  if (text !== "latest" && !/^[+-]?\d{1,15}$/.test(digits)) {
    throw invalidRequest("invalid key version");
  }
  const version = text === "latest" ? key.latestVersion : Number(digits);
  if (version < key.minDecryptionVersion) {
    throw invalidRequest("version for export is below minimum decryption version");
  }
  if (!key.versions.has(version)) {
    throw invalidRequest("version does not exist or cannot be found");
  }
  return version;
}
