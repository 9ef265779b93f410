/** Users with passwords. Names ignore letter case. */

import { invalidRequest, VaultError } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { mayComeFrom } from "../../access/cidr.ts";
import type { JsonRecord, JsonRecords } from "../../barrier/mount_records.ts";
import type { Client } from "../method.ts";
import { parseName } from "../names.ts";
import type { PasswordHash, Passwords } from "./passwords.ts";
import {
  type LoginOutcome,
  NO_RULES,
  readRules,
  rulesAt,
  type StoredRules,
  type TokenRules,
} from "../../access/tokens/login_token.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";

interface User {
  readonly version: 1;
  readonly password: PasswordHash;
  readonly rules: TokenRules;
}

/** Runs again for each attempt to write. */
type RulesChange = (rules: TokenRules) => TokenRules;

const PREFIX = "user/";

export class Userpass {
  readonly #storage: JsonRecords;
  readonly #passwords: Passwords;

  constructor(storage: JsonRecords, passwords: Passwords) {
    this.#storage = storage;
    this.#passwords = passwords;
  }

  async list(): Promise<readonly string[]> {
    return await this.#storage.list(PREFIX);
  }

  async exists(name: string): Promise<boolean> {
    return await this.#user(name) !== null;
  }

  /** The rules of the user's tokens; null if there is no such user. */
  async rules(name: string): Promise<TokenRules | null> {
    return (await this.#user(name))?.value.rules ?? null;
  }

  /**
   * Creates or changes a user. A null password keeps the current one. Throws `invalid_request` for
   * a new user without a password.
   */
  async write(
    name: string,
    password: string | null,
    change: RulesChange,
    client?: Client,
  ): Promise<void> {
    await this.#write(name, password, change, true, client);
  }

  /** Like `write`, but throws `invalid_request` if the user does not exist. */
  async update(
    name: string,
    password: string | null,
    change: RulesChange,
    client?: Client,
  ): Promise<void> {
    await this.#write(name, password, change, false, client);
  }

  async remove(name: string): Promise<void> {
    await this.#storage.commit([{ path: PREFIX + parseName(name), value: null }]);
  }

  /** Throws `invalid_request` if there is no such user. */
  async refuseUnknown(name: string): Promise<void> {
    if (!await this.exists(name)) throw noSuchUser();
  }

  /**
   * Refuses an unknown user and a wrong password in the same words. `address` is null if unknown.
   * Throws `unauthenticated` at an address that the user is not bound to.
   */
  async login(
    name: string,
    password: string,
    address: string | null,
    signal: AbortSignal | null = null,
  ): Promise<LoginOutcome> {
    const user = await this.#user(name);
    const username = parseName(name);
    const expected = user?.value.password ?? null;
    const matches = await this.#passwords.matches(password, expected, { address, signal });
    if (!matches || user === null) {
      const alias = user === null ? null : username;
      return { kind: "refused", alias, why: "invalid username or password" };
    }
    const { rules: own } = user.value;
    if (!mayComeFrom(address, own.boundCidrs)) {
      throw new VaultError("unauthenticated", "permission denied");
    }
    const login = {
      path: `login/${username}`,
      displayName: username,
      meta: { username },
      alias: { name: username, meta: null },
      rules: rulesAt(address, own),
    };
    return { kind: "granted", login };
  }

  async #write(
    name: string,
    password: string | null,
    change: RulesChange,
    mayCreate: boolean,
    client: Client | undefined,
  ): Promise<void> {
    const path = PREFIX + parseName(name);
    if (!mayCreate) await this.refuseUnknown(name);
    const hash = password === null ? null : await this.#passwords.hash(password, client);
    await repeatWhileLost(async () => {
      const read = await this.#user(name);
      if (read === null && !mayCreate) throw noSuchUser();
      const kept = hash ?? read?.value.password;
      if (kept === undefined) throw noPassword();
      const user: User = {
        version: 1,
        password: kept,
        rules: change(read?.value.rules ?? NO_RULES),
      };
      return await this.#storage.commit([{ path, value: user, read }]) ? settled(null) : LOST;
    });
  }

  async #user(name: string): Promise<JsonRecord<User> | null> {
    const path = PREFIX + parseName(name);
    const record = await this.#storage.get<Omit<User, "rules"> & { rules: StoredRules }>(path);
    if (record === null) return null;
    const { value, revision } = record;
    return { value: { ...value, rules: readRules(value.rules) }, revision };
  }
}

function noSuchUser(): VaultError {
  return listedMistake("username does not exist");
}

export function noPassword(): VaultError {
  return invalidRequest("must provide either password or password_hash");
}
