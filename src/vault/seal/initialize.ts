/**
 * Initialisation. Everything is computed first and stored in one commit, so after a crash the vault
 * is either initialised completely or not at all.
 */

import { defaultPolicyEntry } from "../../access/policies/policies.ts";
import { rootTokenTemplate } from "../../access/tokens/token.ts";
import { TokenStore } from "../../access/tokens/tokens.ts";
import { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import { createKeyring } from "../../barrier/keyring.ts";
import { encodeShareChecks } from "../../ceremony/ceremony_record.ts";
import { configWrite } from "../../ceremony/install.ts";
import { keyRecords, proveKeyRecords } from "../../ceremony/key_records.ts";
import { encryptShares } from "../../ceremony/recipients.ts";
import { createShareChecks, joinShares, splitKey } from "../../ceremony/shares.ts";
import { authorisingTarget, type PgpRecipient } from "../../ceremony/state.ts";
import { encodeBase64, encodeHex, encodeUtf8 } from "../../crypto/bytes.ts";
import { rootKey, unsealKey } from "../../crypto/keys.ts";
import type { PgpKey } from "../../crypto/pgp_key.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { KEY_BYTES } from "../../limits.ts";
import { wrapRecord } from "../../seal/previous_keys.ts";
import type { SealConfig, ShareCounts } from "../../seal/seal_config.ts";
import { openSeal, type SealSettings } from "../../seal/kinds.ts";
import {
  CLUSTER_PATH,
  RECOVERY_KEY_PATH,
  SEAL_CONFIG_PATH,
  shareChecksPath,
} from "../../storage/record_paths.ts";
import { ABSENT, type Store, type Write } from "../../storage/store.ts";
import { initialMountsEntry } from "../mounts/mount_record.ts";
import type { StoredConfig } from "./stored_config.ts";

export interface InitializeRequest {
  /** For the unseal key, or for the recovery key of a static seal (0 of 0 for no recovery key). */
  readonly counts: ShareCounts;
  readonly recipients: readonly PgpRecipient[] | null;
  readonly rootTokenRecipient: PgpKey | null;
}

export interface Initialized {
  readonly stored: StoredConfig;
  /** Plain shares or PGP messages, in share order. */
  readonly shares: readonly Uint8Array[];
  /** The token, or the base64 of a PGP message holding it. */
  readonly rootToken: string;
}

export interface InitializePorts {
  readonly store: Store;
  readonly settings: SealSettings;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
}

export async function initialize(
  ports: InitializePorts,
  request: InitializeRequest,
): Promise<Initialized> {
  const { store, settings, random, nowMs } = ports;
  const { shares: count, threshold } = request.counts;
  const key = random(KEY_BYTES);
  const shares = count === 0 ? [] : splitKey(key, count, threshold, random);
  const seal = openSeal(settings, () => unsealKey(key), random);
  const root = rootKey(random(KEY_BYTES));
  const keyring = createKeyring(random, nowMs());
  const records = await keyRecords(root, keyring, seal, random);
  const joined = () => unsealKey(joinShares(shares.slice(0, threshold), threshold));
  const reopened = openSeal(settings, joined, random);
  await proveKeyRecords(records, reopened, { rootKey: root, keyring, seal });

  const barrier = new Barrier({ store, keyring, outer: seal, random, operations: 0 });
  const tokenPorts = { barrier, random, nowMs, maxLeaseSeconds: () => 0, dueChanged: () => {} };
  const tokens = new TokenStore(tokenPorts);
  const token = tokens.issue(rootTokenTemplate(nowMs()));
  const entries: Entry[] = [
    ...token.entries,
    await defaultPolicyEntry(nowMs()),
    initialMountsEntry(random),
    clusterEntry(random),
  ];
  const config: SealConfig = { type: seal.type, sealKeyId: seal.keyId, counts: request.counts };
  const writes: Write[] = [...records, configWrite(config)];
  if (count > 0) {
    const checkKey = (salt: Uint8Array) => barrier.deriveMacKey("share check", salt);
    const checks = encodeShareChecks(createShareChecks(shares, checkKey, random));
    const target = authorisingTarget(seal.type);
    entries.push({ path: shareChecksPath(target), value: checks });
    if (target === "recovery") writes.push(await wrapRecord(seal, RECOVERY_KEY_PATH, key));
  }

  const { recipients, rootTokenRecipient } = request;
  const returned = recipients === null ? shares : await encryptShares(shares, recipients);
  const rootToken = rootTokenRecipient === null
    ? token.id
    : encodeBase64(await rootTokenRecipient.encrypt(token.id));

  const outcome = await store.commit({
    expect: [{ path: SEAL_CONFIG_PATH, revision: ABSENT }],
    writes: [...await barrier.encrypt(entries), ...writes],
  });
  if (outcome.kind === "conflict") throw invalidRequest("Vault is already initialized");
  return { stored: { config, revision: outcome.revision }, shares: returned, rootToken };
}

function clusterEntry(random: RandomBytes): Entry {
  const name = `vault-cluster-${encodeHex(random(4))}`;
  return {
    path: CLUSTER_PATH,
    value: encodeUtf8(JSON.stringify({ name, id: randomUuid(random) })),
  };
}
