/**
 * Roles for machines: who knows a role's id and one of its secret ids may log in. A role's records
 * hang on a random key of its own, so a new role of an old name sees nothing of the old one.
 */

import { encodeHex, encodeUtf8 } from "../../crypto/bytes.ts";
import { hmacSha256 } from "../../crypto/digest.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { SecretIds } from "./approle_secret_ids.ts";
import type { LoginPorts } from "./login_mounts.ts";
import type { LoginRecord, LoginStorage, LoginWrite } from "./login_storage.ts";
import { parseName } from "./names.ts";
import { type Login, NO_RULES, type TokenRules } from "./token_rules.ts";

/** What an operator says about a role. */
export interface RoleSettings {
  readonly roleId: string;
  /** Of its secret ids; 0: they do not end. */
  readonly secretIdTtlSeconds: number;
  /** 0: unlimited. */
  readonly secretIdUses: number;
  readonly localSecretIds: boolean;
  readonly rules: TokenRules;
}

export interface Role extends RoleSettings {
  readonly version: 1;
  readonly name: string;
  /** Random name of its records. */
  readonly key: string;
}

/** `isNew`: the role did not exist. Runs for each try to write. */
export type RoleChange = (settings: RoleSettings, isNew: boolean) => RoleSettings;

const ROLE_PREFIX = "role/";
const ROLE_ID_PREFIX = "role-id/";
const ID_MAX_CHARS = 4096;

export class AppRole {
  readonly #storage: LoginStorage;
  readonly #random: RandomBytes;
  readonly #macKey: Uint8Array;
  readonly secretIds: SecretIds;

  constructor(storage: LoginStorage, ports: LoginPorts, mountUuid: string) {
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

  /** Makes or changes a role. Throws `invalid_request` for a role id that another role has. */
  async write(name: string, change: RoleChange): Promise<void> {
    const path = ROLE_PREFIX + parseName(name);
    for (;;) {
      const read = await this.#role(name);
      const before = read?.value ?? this.#newRole(name);
      const role: Role = { ...before, ...change(before, read === null) };
      if (role.roleId === "" || role.roleId.length > ID_MAX_CHARS) {
        throw invalidRequest("invalid role_id supplied, or failed to generate a role_id");
      }
      const index = await this.#index(role.roleId);
      if (index !== null && index.value.role !== role.name) {
        throw invalidRequest("role_id already in use");
      }
      const writes: LoginWrite[] = [
        { path, value: role, read },
        { path: this.#indexPath(role.roleId), value: { version: 1, role: role.name }, read: index },
      ];
      if (before.roleId !== role.roleId) {
        writes.push({ path: this.#indexPath(before.roleId), value: null });
      }
      if (await this.#storage.commit(writes)) return;
    }
  }

  /** Removes a role and then, page by page, its secret ids, which nobody can use any more. */
  async remove(name: string): Promise<void> {
    for (;;) {
      const read = await this.#role(name);
      if (read === null) return;
      const { key, roleId } = read.value;
      const removed = await this.#storage.commit([
        { path: ROLE_PREFIX + parseName(name), value: null, read },
        { path: this.#indexPath(roleId), value: null },
      ]);
      if (removed) return await this.secretIds.removeAll(key);
    }
  }

  /** Spends one use of the secret id. Throws `invalid_request`, the same for whatever is wrong. */
  async login(roleId: string, secretId: string): Promise<Login> {
    const role = await this.#byRoleId(roleId);
    const meta = role === null ? null : await this.secretIds.spend(role.key, secretId);
    if (role === null || meta === null) throw invalidRequest("invalid role or secret ID");
    return {
      path: "login",
      displayName: "",
      meta: { ...meta, role_name: role.name },
      rules: role.rules,
    };
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
      rules: NO_RULES,
    };
  }

  async #role(name: string): Promise<LoginRecord<Role> | null> {
    return await this.#storage.get<Role>(ROLE_PREFIX + parseName(name));
  }

  async #index(roleId: string): Promise<LoginRecord<{ readonly role: string }> | null> {
    return await this.#storage.get(this.#indexPath(roleId));
  }

  async #byRoleId(roleId: string): Promise<Role | null> {
    if (roleId.length > ID_MAX_CHARS) return null;
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
