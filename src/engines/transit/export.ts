/**
 * `export/` of transit. Besides backups, the only way for key material to leave, and only that of
 * exportable keys.
 */

import { encodeBase64 } from "../../crypto/bytes.ts";
import { invalidRequest } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import type { EngineReply } from "../engine.ts";
import { type Sent, text } from "../../wire/fields.ts";
import { parameter, type Parameters } from "../../wire/served_path.ts";
import type { NameSpelling } from "../../wire/spelling.ts";
import { type ExportKind, KEY_TYPES } from "./key_types.ts";
import type { TransitKey } from "./records.ts";
import type { TransitStore } from "./store.ts";
import { SOFT_DELETED, usableVersions } from "./versions.ts";

interface ExportKindRow {
  /** Public material may be exported even if the key is not exportable. */
  readonly isPublic: boolean;
  /** The refusal for keys that do not sign; null if this kind needs no signing. */
  readonly withoutSigning: string | null;
}

const EXPORT_KINDS: Readonly<Record<ExportKind, ExportKindRow>> = {
  "encryption-key": { isPublic: false, withoutSigning: null },
  "signing-key": { isPublic: false, withoutSigning: "signing not supported for the key" },
  "hmac-key": { isPublic: false, withoutSigning: null },
  "public-key": { isPublic: true, withoutSigning: null },
  "certificate-chain": {
    isPublic: true,
    withoutSigning: "certificate chain not supported for keys that do not support signing",
  },
};
const EXPORT_FORMATS: readonly string[] = ["", "raw", "der", "pem"];

export const EXPORT_FIELDS = {
  format: text("form of the keys: raw, which is base64, or left out for the same"),
};

const VERSION = /^v?([+-]?\d{1,15})$/;
const LATEST = "latest";

/** `v1`, `01` and `+1` are version 1. */
export const EXPORTED_VERSION: NameSpelling = {
  stored: (version) => {
    const digits = VERSION.exec(version)?.[1];
    return digits === undefined ? version : String(Number(digits));
  },
  storedStart: (start) => start.replace(/^v?\+?0*/, ""),
};

/**
 * The other path to the same version, so that policies on either path hold: `latest` for the number
 * of the latest version, and the number for `latest`.
 */
export async function exportAlias(
  store: TransitStore,
  parameters: Parameters,
): Promise<string | null> {
  const [type, name] = [parameter(parameters, "type"), parameter(parameters, "name")];
  const version = parameter(parameters, "version");
  const loaded = await store.load(name);
  if (loaded === null) return null;
  const latest = String(loaded.key.latestVersion);
  if (version !== LATEST && version !== latest) return null;
  return `export/${type}/${name}/${version === LATEST ? latest : LATEST}`;
}

/** `version`: as `EXPORTED_VERSION` stores it; null: all usable versions. */
export async function exportKey(
  store: TransitStore,
  type: string,
  name: string,
  version: string | null,
  { format = "" }: Sent<typeof EXPORT_FIELDS>,
): Promise<EngineReply> {
  const kind = exportKind(type);
  if (!EXPORT_FORMATS.includes(format)) throw invalidRequest(`invalid format: ${format}`);
  const loaded = await store.load(name);
  if (loaded === null) return { kind: "missing" };
  const { key } = loaded;
  refuseExport(key, kind);
  const versions = version === null ? usableVersions(key) : [exportedVersion(key, version)];
  const member = KEY_TYPES[key.type].exports[kind];
  if (member === null) {
    throw listedMistake(`unknown key type ${key.type} for export type ${type}`);
  }
  if (format === "der" || format === "pem") {
    // The reference uses these words for keys that encrypt, too.
    throw listedMistake("unknown format for HMAC key; supported values are `` or `raw`");
  }
  const complete = member === "hmacKey" ? await store.completeHmacKeys(name, loaded) : loaded;
  const keys = versions.flatMap((number) => {
    const bytes = complete.key.versions.get(number)?.[member] ?? null;
    return bytes === null ? [] : [[String(number), encodeBase64(bytes)]];
  });
  return { kind: "data", data: { keys: Object.fromEntries(keys), name, type: key.type } };
}

function exportKind(name: string): ExportKind {
  const kinds = Object.keys(EXPORT_KINDS) as ExportKind[];
  const kind = kinds.find((known) => known === name);
  if (kind === undefined) throw invalidRequest(`invalid export type: ${name}`);
  return kind;
}

function refuseExport(key: TransitKey, kind: ExportKind): void {
  const { isPublic, withoutSigning } = EXPORT_KINDS[kind];
  if (!key.exportable && !isPublic) throw invalidRequest("private key material is not exportable");
  if (key.softDeleted) throw listedMistake(SOFT_DELETED);
  if (withoutSigning !== null && !KEY_TYPES[key.type].supports.signing) {
    throw invalidRequest(withoutSigning);
  }
}

function exportedVersion(key: TransitKey, text: string): number {
  if (text !== LATEST && !VERSION.test(text)) throw invalidRequest("invalid key version");
  const version = text === LATEST ? key.latestVersion : Number(text);
  if (version < key.minDecryptionVersion) {
    throw invalidRequest("version for export is below minimum decryption version");
  }
  if (!key.versions.has(version)) {
    throw invalidRequest("version does not exist or cannot be found");
  }
  return version;
}
