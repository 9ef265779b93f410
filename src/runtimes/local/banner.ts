/** Tells a person who just started the vault what to do next. */

import type { Settings } from "../settings.ts";
import { SEAL_KINDS } from "../../seal/kinds.ts";

export interface VaultSituation {
  readonly initialized: boolean;
  readonly sealed: boolean;
}

export interface BannerInput {
  readonly runtime: string;
  readonly version: string;
  readonly url: string;
  readonly settings: Settings;
  readonly situation: VaultSituation;
}

/** Several lines of text, without a final line break. */
export function describeStart(input: BannerInput): string {
  const { runtime, version, url, settings } = input;
  return [
    `Sealwright ${version} on ${runtime}`,
    "",
    `  address  ${url}`,
    `  data     ${describeData(settings)}`,
    `  seal     ${settings.seal.type}`,
    "",
    ...nextStep(input).map((line) => line === "" ? "" : `  ${line}`),
    "",
    `Clients: export BAO_ADDR=${url} VAULT_ADDR=${url}`,
  ].join("\n");
}

function describeData({ dataDirectory, storage }: Settings): string {
  if (storage.kind === "deno-kv") return `Deno KV at ${storage.location}`;
  return dataDirectory ?? "in memory (gone when it stops)";
}

/** One sentence for the log. */
export function summarizeNextStep({ initialized, sealed }: VaultSituation): string {
  if (!initialized) return "the vault is not initialised: PUT /v1/sys/init";
  if (sealed) return "the vault is sealed: PUT /v1/sys/unseal with each share";
  return "the vault is unsealed and ready";
}

function nextStep({ url, settings, situation }: BannerInput): string[] {
  if (!situation.initialized) {
    const counts = SEAL_KINDS[settings.seal.type].authorisedBy === "unseal"
      ? '{"secret_shares": 5, "secret_threshold": 3}'
      : '{"recovery_shares": 5, "recovery_threshold": 3}';
    return [
      "The vault is not initialised. To make its keys, five shares of which three are needed:",
      "",
      `curl -X PUT ${url}/v1/sys/init -d '${counts}'`,
    ];
  }
  if (!situation.sealed) return ["The vault is unsealed and ready."];
  if (SEAL_KINDS[settings.seal.type].opensByItself) {
    return ["The vault is sealed and tries by itself to unseal; the log says what is missing."];
  }
  return [
    "The vault is sealed. Each holder submits a share, until the threshold is reached:",
    "",
    `curl -X PUT ${url}/v1/sys/unseal -d '{"key": "<share>"}'`,
  ];
}
