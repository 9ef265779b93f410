/**
 * The secret ids of roles. Like tokens, only their holders know them: a record is named by a keyed
 * hash. A record and its index entries are written and removed in one commit.
 */

import { randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { SECRET_ID_MAX_CHARS } from "../../limits.ts";
import type { Entry } from "../../barrier/change.ts";
import { expiryEntry, expiryPath } from "../expiry.ts";
import type { MethodPorts } from "../method.ts";
import type { JsonRecord, JsonRecords, JsonWrite } from "../../barrier/mount_records.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";
import type { Revision } from "../../storage/store.ts";

export interface SecretId {
  readonly version: 1;
  /** A public name for the secret id. */
  readonly accessor: string;
  /** Uses left; 0: unlimited. */
  readonly uses: number;
  readonly ttlSeconds: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Null: never. */
  readonly expiresAtMs: number | null;
  readonly meta: Readonly<Record<string, string>>;
  /** Blocks of addresses that may log in with it. Empty: any. */
  readonly cidrs: readonly string[];
  /** Addresses its tokens are bound to, in place of the role's. Empty: the role's. */
  readonly tokenBoundCidrs: readonly string[];
}

type Bounds = Pick<SecretId, "cidrs" | "tokenBoundCidrs">;

export interface SecretIdRequest
  extends Pick<SecretId, "uses" | "ttlSeconds" | "meta" | "cidrs" | "tokenBoundCidrs"> {
  /** Null to generate a random one. */
  readonly secretId: string | null;
}

interface Found extends JsonRecord<SecretId> {
  readonly hash: string;
}

const PREFIX = "secret-id/";
const ACCESSOR_PREFIX = "accessor/";

export class SecretIds {
  readonly #storage: JsonRecords;
  readonly #ports: MethodPorts;
  readonly #hash: (text: string) => string;
  readonly #mountUuid: string;

  constructor(
    storage: JsonRecords,
    ports: MethodPorts,
    hash: (text: string) => string,
    mountUuid: string,
  ) {
    this.#storage = storage;
    this.#ports = ports;
    this.#hash = hash;
    this.#mountUuid = mountUuid;
  }

  /** Stores a new secret id. Throws `invalid_request` if it exists or is too long. */
  async issue(
    key: string,
    request: SecretIdRequest,
  ): Promise<{ readonly secretId: string; readonly stored: SecretId }> {
    const { random, nowMs, dueChanged } = this.#ports;
    const secretId = request.secretId ?? randomUuid(random);
    if (secretId.length > SECRET_ID_MAX_CHARS) {
      throw invalidRequest(`secret_id is longer than ${SECRET_ID_MAX_CHARS} characters`);
    }
    const createdAtMs = nowMs();
    const { uses, ttlSeconds, meta, cidrs, tokenBoundCidrs } = request;
    const stored: SecretId = {
      version: 1,
      accessor: randomUuid(random),
      uses,
      ttlSeconds,
      createdAtMs,
      updatedAtMs: createdAtMs,
      expiresAtMs: ttlSeconds === 0 ? null : createdAtMs + ttlSeconds * 1000,
      meta,
      cidrs,
      tokenBoundCidrs,
    };
    const hash = this.#hash(secretId);
    if (await this.#live(key, hash) !== null) throw alreadyRegistered();
    const ended = await this.#read(key, hash);
    if (ended !== null) await this.#remove(key, { ...ended, hash });
    const writes: JsonWrite[] = [
      { path: path(key, hash), value: stored, read: null },
      { path: this.#accessorPath(stored.accessor), value: { version: 1, key, hash } },
    ];
    const { expiresAtMs } = stored;
    const whole = writes.map((write) => this.#storage.prefix + write.path);
    const expiry = expiresAtMs === null
      ? []
      : [expiryEntry(expiresAtMs, this.#expiryId(stored), whole)];
    if (!await this.#storage.commit(writes, expiry)) throw alreadyRegistered();
    if (expiresAtMs !== null) dueChanged();
    return { secretId, stored };
  }

  /** Counts one use. Returns the metadata, or null if the secret id does not exist or has ended. */
  async spend(key: string, secretId: string): Promise<SecretId["meta"] | null> {
    return await repeatWhileLost(async () => {
      const found = await this.find(key, secretId);
      if (found === null) return settled(null);
      const { uses, meta } = found.value;
      if (uses === 0) return settled(meta);
      const spent = uses === 1 ? await this.#remove(key, found) : await this.#storage.commit([{
        path: path(key, found.hash),
        value: { ...found.value, uses: uses - 1, updatedAtMs: this.#ports.nowMs() },
        read: found,
      }]);
      return spent ? settled(meta) : LOST;
    });
  }

  async find(key: string, secretId: string): Promise<Found | null> {
    if (secretId.length > SECRET_ID_MAX_CHARS) return null;
    return await this.#live(key, this.#hash(secretId));
  }

  /** `elsewhere`: the accessor belongs to another role, or has ended and is not cleared yet. */
  async findByAccessor(key: string, accessor: string): Promise<Found | "elsewhere" | null> {
    if (accessor.length > SECRET_ID_MAX_CHARS) return null;
    const index = await this.#storage.get<{ readonly key: string; readonly hash: string }>(
      this.#accessorPath(accessor),
    );
    if (index === null) return null;
    const { value } = index;
    return (value.key === key ? await this.#live(key, value.hash) : null) ?? "elsewhere";
  }

  async accessors(key: string): Promise<readonly string[]> {
    const accessors: string[] = [];
    for await (const hash of this.#storage.each(`${PREFIX}${key}/`)) {
      const found = await this.#live(key, hash);
      if (found !== null) accessors.push(found.value.accessor);
    }
    return accessors;
  }

  async destroy(key: string, found: Found): Promise<void> {
    await this.#remove(key, { ...found, revision: null });
  }

  /** Removes all secret ids of a deleted role. */
  async removeAll(key: string): Promise<void> {
    for await (const hash of this.#storage.each(`${PREFIX}${key}/`)) {
      const record = await this.#read(key, hash);
      if (record !== null) await this.#remove(key, { hash, value: record.value, revision: null });
    }
  }

  async #read(key: string, hash: string): Promise<JsonRecord<SecretId> | null> {
    const record = await this.#storage.get<Omit<SecretId, keyof Bounds> & Partial<Bounds>>(
      path(key, hash),
    );
    if (record === null) return null;
    const { value, revision } = record;
    return { value: { cidrs: [], tokenBoundCidrs: [], ...value }, revision };
  }

  /** Null if it has ended, though the alarm has not removed it yet. */
  async #live(key: string, hash: string): Promise<Found | null> {
    const record = await this.#read(key, hash);
    if (record === null) return null;
    const { expiresAtMs } = record.value;
    const isOver = expiresAtMs !== null && this.#ports.nowMs() >= expiresAtMs;
    return isOver ? null : { ...record, hash };
  }

  /** False if the record has changed since it was read. A null revision removes any version. */
  async #remove(
    key: string,
    found: { readonly hash: string; readonly value: SecretId; readonly revision: Revision | null },
  ): Promise<boolean> {
    const { hash, value, revision } = found;
    const secret: JsonWrite = { path: path(key, hash), value: null };
    const expiry: readonly Entry[] = value.expiresAtMs === null
      ? []
      : [{ path: expiryPath(value.expiresAtMs, this.#expiryId(value)), value: null }];
    return await this.#storage.commit([
      revision === null ? secret : { ...secret, read: { value, revision } },
      { path: this.#accessorPath(value.accessor), value: null },
    ], expiry);
  }

  #expiryId({ accessor }: SecretId): string {
    return `${this.#mountUuid}/${this.#hash(`accessor ${accessor}`)}`;
  }

  #accessorPath(accessor: string): string {
    return ACCESSOR_PREFIX + this.#hash(`accessor ${accessor}`);
  }
}

function path(key: string, hash: string): string {
  return `${PREFIX}${key}/${hash}`;
}

function alreadyRegistered() {
  return listedMistake("failed to store secret_id: SecretID is already registered");
}
