/**
 * Roles for machines, which log in with the role's id and one of its secret ids. A role's records
 * hang on a random key, so a new role under an old name sees nothing of the old one.
 */

import { encodeHex, encodeUtf8 } from "../../crypto/bytes.ts";
import { hmacSha256 } from "../../crypto/digest.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { SECRET_ID_MAX_CHARS } from "../../limits.ts";
import { areWithin, mayComeFrom, parseAddresses } from "../../access/cidr.ts";
import { type SecretId, SecretIds } from "./secret_ids.ts";
import type { MethodPorts } from "../method.ts";
import type { JsonRecord, JsonRecords, JsonWrite } from "../../barrier/mount_records.ts";
import { parseName } from "../names.ts";
import {
  type LoginOutcome,
  NO_RULES,
  readRules,
  rulesAt,
  type StoredRules,
  type TokenRules,
} from "../../access/tokens/login_token.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";

/** The settings an operator gives a role. */
export interface RoleSettings {
  readonly roleId: string;
  /** Lifetime of the role's secret ids; 0: unlimited. */
  readonly secretIdTtlSeconds: number;
  /** 0: unlimited. */
  readonly secretIdUses: number;
  readonly localSecretIds: boolean;
  /** False: the role id alone logs in, from addresses the role is bound to. */
  readonly bindSecretId: boolean;
  /** Blocks of addresses that may log in (`cidr.ts`). Empty or null (never set): any. */
  readonly secretIdBoundCidrs: readonly string[] | null;
  readonly rules: TokenRules;
}

export interface Role extends RoleSettings {
  readonly version: 1;
  readonly name: string;
  /** Random name under which the role's records lie. */
  readonly key: string;
}

/** Older records lack the fields of bound addresses. */
type StoredRole =
  & Omit<Role, "bindSecretId" | "secretIdBoundCidrs" | "rules">
  & Partial<Pick<Role, "bindSecretId" | "secretIdBoundCidrs">>
  & { readonly rules: StoredRules };

/** `isNew`: the role did not exist. Runs again for each attempt to write. */
export type RoleChange = (settings: RoleSettings, isNew: boolean) => RoleSettings;

const ROLE_PREFIX = "role/";
const ROLE_ID_PREFIX = "role-id/";
const WRONG_IDS = "invalid role or secret ID";

export class AppRole {
  readonly #storage: JsonRecords;
  readonly #random: RandomBytes;
  readonly #macKey: Uint8Array;
  readonly secretIds: SecretIds;

  constructor(storage: JsonRecords, ports: MethodPorts, mountUuid: string) {
    this.#storage = storage;
    this.#random = ports.random;
    this.#macKey = ports.barrier.deriveMacKey("role and secret ids", encodeUtf8(mountUuid));
    const hash = (text: string) => this.#hash(`secret ${text}`);
    this.secretIds = new SecretIds(storage, ports, hash, mountUuid);
  }

  async list(): Promise<readonly string[]> {
    return await this.#storage.list(ROLE_PREFIX);
  }

  async read(name: string): Promise<Role | null> {
    return (await this.#role(name))?.value ?? null;
  }

  /**
   * Creates or changes a role. Throws `invalid_request` for another role's id, and for a role that
   * would let anyone in.
   */
  async write(name: string, change: RoleChange): Promise<void> {
    const path = ROLE_PREFIX + parseName(name);
    await repeatWhileLost(async () => {
      const read = await this.#role(name);
      const before = read?.value ?? this.#newRole(name);
      const role: Role = { ...before, ...change(before, read === null) };
      refuseUnbound(role);
      if (role.roleId === "" || role.roleId.length > SECRET_ID_MAX_CHARS) {
        throw invalidRequest("invalid role_id supplied, or failed to generate a role_id");
      }
      const index = await this.#index(role.roleId);
      if (index !== null && index.value.role !== role.name) {
        throw listedMistake("role_id already in use");
      }
      const writes: JsonWrite[] = [
        { path, value: role, read },
        { path: this.#indexPath(role.roleId), value: { version: 1, role: role.name }, read: index },
      ];
      if (before.roleId !== role.roleId) {
        writes.push({ path: this.#indexPath(before.roleId), value: null });
      }
      return await this.#storage.commit(writes) ? settled(null) : LOST;
    });
  }

  /** Removes a role, then its secret ids page by page. They are unusable once the role is gone. */
  async remove(name: string): Promise<void> {
    const key = await repeatWhileLost(async () => {
      const read = await this.#role(name);
      if (read === null) return settled(null);
      const removed = await this.#storage.commit([
        { path: ROLE_PREFIX + parseName(name), value: null, read },
        { path: this.#indexPath(read.value.roleId), value: null },
      ]);
      return removed ? settled(read.value.key) : LOST;
    });
    if (key !== null) await this.secretIds.removeAll(key);
  }

  /**
   * Logs in and spends one use of the secret id, which is "" if none was sent. `address` is the
   * client's, or null if unknown. A wrong secret id is refused; throws `invalid_request` in the
   * same words for an unknown role, and in its own for any other fault.
   */
  async login(roleId: string, secretId: string, address: string | null): Promise<LoginOutcome> {
    const role = await this.#byRoleId(roleId);
    if (role === null) throw invalidRequest(WRONG_IDS);
    const wrong = { kind: "refused", alias: roleId, why: WRONG_IDS } as const;
    if (secretId === "" && role.bindSecretId) throw invalidRequest("missing secret_id");
    const secret = role.bindSecretId ? await this.#permitted(role, secretId, address) : null;
    if (secret === "unknown") return wrong;
    const bounds = role.secretIdBoundCidrs ?? [];
    refuseElsewhere(address, bounds, "by CIDR restrictions on the role");
    const own = secret?.tokenBoundCidrs ?? [];
    // Issuing has checked that these lie within the role's.
    const rules = own.length > 0
      ? { ...role.rules, boundCidrs: parseAddresses(own) }
      : rulesAt(address, role.rules);
    if (secret !== null && await this.secretIds.spend(role.key, secretId) === null) return wrong;
    const meta = { ...secret?.meta, role_name: role.name };
    const alias = { name: roleId, meta };
    return { kind: "granted", login: { path: "login", displayName: "", meta, alias, rules } };
  }

  /** The secret id, valid at this address. Counts no use. */
  async #permitted(
    role: Role,
    secretId: string,
    address: string | null,
  ): Promise<SecretId | "unknown"> {
    const found = await this.secretIds.find(role.key, secretId);
    if (found === null) return "unknown";
    const { cidrs } = found.value;
    refuseWider(cidrs, role.secretIdBoundCidrs ?? []);
    refuseElsewhere(address, cidrs, "through CIDR restrictions on the secret ID");
    return found.value;
  }

  #newRole(name: string): Role {
    return {
      version: 1,
      name: parseName(name),
      key: randomUuid(this.#random),
      roleId: randomUuid(this.#random),
      secretIdTtlSeconds: 0,
      secretIdUses: 0,
      localSecretIds: false,
      bindSecretId: true,
      secretIdBoundCidrs: null,
      rules: NO_RULES,
    };
  }

  async #role(name: string): Promise<JsonRecord<Role> | null> {
    const record = await this.#storage.get<StoredRole>(ROLE_PREFIX + parseName(name));
    if (record === null) return null;
    const { value, revision } = record;
    const rules = readRules(value.rules);
    const role: Role = { bindSecretId: true, secretIdBoundCidrs: null, ...value, rules };
    return { value: role, revision };
  }

  async #index(roleId: string): Promise<JsonRecord<{ readonly role: string }> | null> {
    return await this.#storage.get(this.#indexPath(roleId));
  }

  async #byRoleId(roleId: string): Promise<Role | null> {
    if (roleId.length > SECRET_ID_MAX_CHARS) return null;
    const index = await this.#index(roleId);
    const role = index === null ? null : await this.read(index.value.role);
    return role?.roleId === roleId ? role : null;
  }

  #indexPath(roleId: string): string {
    return ROLE_ID_PREFIX + this.#hash(`role ${roleId}`);
  }

  #hash(text: string): string {
    return encodeHex(hmacSha256(this.#macKey, encodeUtf8(text)));
  }
}

/** Throws `invalid_request` if a secret id's blocks reach beyond its role's. */
export function refuseWider(own: readonly string[], roles: readonly string[]): void {
  if (roles.length === 0 || areWithin(own, roles)) return;
  throw invalidRequest(
    "failed to verify subset relationship between CIDR blocks on the role " +
      `${listed(roles)} and CIDR blocks on the secret ID ${listed(own)}`,
  );
}

/** Formats a list of texts as Go does. */
function listed(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(" ")}]`;
}

function refuseElsewhere(address: string | null, bounds: readonly string[], why: string): void {
  if (mayComeFrom(address, bounds)) return;
  if (address === null) throw invalidRequest("failed to get connection information");
  throw invalidRequest(`source address ${JSON.stringify(address)} unauthorized ${why}`);
}

/** A role id is not secret, so a role without secret ids needs another bound. */
function refuseUnbound({ bindSecretId, secretIdBoundCidrs, rules }: RoleSettings): void {
  const isBound = (secretIdBoundCidrs ?? []).length > 0 || rules.boundCidrs.length > 0;
  if (bindSecretId || isBound) return;
  throw listedMistake("at least one constraint should be enabled on the role");
}
