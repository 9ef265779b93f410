/**
 * The table of auth methods and the methods behind it. A method's records live below `auth/<uuid>/`,
 * so its path can change and a new one at an old path sees nothing of the old one. The methods
 * themselves are loaded when they are first asked; the token store is a mount in name only.
 */

import type { Barrier, Entry } from "../../barrier/barrier.ts";
import { decodeUtf8, encodeHex, encodeUtf8 } from "../../crypto/bytes.ts";
import { randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { EXPIRY_BATCH_SECRET_IDS } from "../../limits.ts";
import { LOGIN_DATA_PREFIX, LOGIN_MOUNTS_PATH } from "../../storage/record_paths.ts";
import type { AppRole } from "../../methods/approle/roles.ts";
import { nextExpiryAtMs, removeExpired } from "../../methods/expiry.ts";
import type { JsonRecords } from "../../barrier/mount_records.ts";
import { DEFAULT_SETTINGS, notInCatalog } from "../../access/mount_settings.ts";
import type { Passwords } from "../../methods/userpass/passwords.ts";
import type { Userpass } from "../../methods/userpass/users.ts";
import type { AuthMount, AuthMountConfig } from "../../access/auth_mount.ts";
import type { MethodPorts } from "../../methods/method.ts";
import { removeBelow } from "../../barrier/mount_records.ts";

export type AuthMountRequest =
  & Omit<AuthMount, "type" | "accessor" | "uuid" | "closing">
  & {
    readonly type: string;
    /** Of a plugin; null for what is built in. */
    readonly version: string | null;
  };

export type AuthMountTuning = Pick<AuthMount, "description" | "config" | "options">;

export const TOKEN_MOUNT_PATH = "token/";

const DEFAULT_CONFIG: AuthMountConfig = {
  ...DEFAULT_SETTINGS,
  tokenType: "default-service",
  userLockout: null,
};

export class AuthMounts {
  readonly #ports: MethodPorts;
  #mounts: readonly AuthMount[];
  /** One for all, so that one password at a time is hashed. */
  #passwords: Passwords | null = null;
  readonly #userpasses = new Map<string, Promise<Userpass>>();
  readonly #appRoles = new Map<string, Promise<AppRole>>();

  private constructor(ports: MethodPorts, mounts: readonly AuthMount[]) {
    this.#ports = ports;
    this.#mounts = mounts;
  }

  static async open(ports: MethodPorts): Promise<AuthMounts> {
    const record = await ports.barrier.get(LOGIN_MOUNTS_PATH);
    if (record === null) return new AuthMounts(ports, [tokenMount(ports.barrier)]);
    return new AuthMounts(ports, decodeMounts(record.value));
  }

  list(): readonly AuthMount[] {
    return this.#mounts;
  }

  /** The mount at exactly this path (with its trailing "/", without `auth/`). */
  at(path: string): AuthMount | null {
    return this.#mounts.find((mount) => mount.path === path) ?? null;
  }

  /** What creates and renews the tokens of no login. */
  get token(): AuthMount {
    return this.at(TOKEN_MOUNT_PATH) ?? tokenMount(this.#ports.barrier);
  }

  /** The mount that serves a request path below `auth/`, and the rest of the path. */
  route(path: string): { readonly mount: AuthMount; readonly rest: string } | null {
    const mount = this.#mounts.find((candidate) => path.startsWith(`auth/${candidate.path}`));
    if (mount === undefined) return null;
    return { mount, rest: path.slice("auth/".length + mount.path.length) };
  }

  async mount(request: AuthMountRequest): Promise<void> {
    const { type, version, ...rest } = request;
    if (type === "token" || type === "ns_token") {
      throw invalidRequest("token credential backend cannot be instantiated");
    }
    const conflict = this.conflict(request.path);
    if (conflict !== null) throw invalidRequest(`path is already in use at ${conflict}`);
    if (version !== null) throw notInCatalog(type, version);
    if (type !== "userpass" && type !== "approle") throw notInCatalog(type);
    const uuid = randomUuid(this.#ports.random);
    const accessor = `auth_${type}_${randomUuid(this.#ports.random).slice(0, 8)}`;
    const mount: AuthMount = { ...rest, type, uuid, accessor, closing: false };
    await this.#replace([...this.#mounts, mount]);
  }

  /** The mount that a new one at this path would hide or be hidden by; null for none. */
  conflict(path: string): string | null {
    const other = this.#mounts.find((mount) =>
      path.startsWith(mount.path) || mount.path.startsWith(path)
    );
    return other?.path ?? null;
  }

  async tune(mount: AuthMount, tuning: AuthMountTuning): Promise<void> {
    await this.#change(mount, { ...mount, ...tuning });
  }

  /** Renames a mount, `entries` in the same commit. */
  async move(mount: AuthMount, path: string, entries: readonly Entry[]): Promise<void> {
    await this.#change(mount, { ...mount, path }, entries);
  }

  /** The first step of removing a mount: from here on nobody logs in by it. */
  async close(mount: AuthMount): Promise<void> {
    await this.#change(mount, { ...mount, closing: true });
  }

  /** The last step: what the mount stored, page by page, and then the mount. */
  async remove({ uuid }: AuthMount): Promise<void> {
    const { barrier } = this.#ports;
    await removeBelow(barrier, dataPrefix(uuid));
    await this.#replace(this.#mounts.filter((mount) => mount.uuid !== uuid));
    this.#userpasses.delete(uuid);
    this.#appRoles.delete(uuid);
  }

  /** Whether the mount a login began with is still the one that serves it. */
  isOpen(mount: AuthMount): boolean {
    const now = this.#mounts.find(({ uuid }) => uuid === mount.uuid);
    return now !== undefined && !now.closing && now.path === mount.path;
  }

  async userpass(mount: AuthMount): Promise<Userpass> {
    return await loadOnce(this.#userpasses, mount.uuid, async () => {
      const { JsonRecords, Passwords, Userpass } = await import("../../methods/methods.ts");
      const { barrier, random } = this.#ports;
      // It throws `sealed` once the vault is.
      this.#passwords ??= new Passwords(random, undefined, () => void barrier.keyring);
      return new Userpass(this.#storage(JsonRecords, mount), this.#passwords);
    });
  }

  async appRole(mount: AuthMount): Promise<AppRole> {
    return await loadOnce(this.#appRoles, mount.uuid, async () => {
      const { AppRole, JsonRecords } = await import("../../methods/methods.ts");
      return new AppRole(this.#storage(JsonRecords, mount), this.#ports, mount.uuid);
    });
  }

  /** Ends a bounded number of secret ids whose time is over. */
  async expire(): Promise<void> {
    const { barrier, nowMs } = this.#ports;
    await removeExpired(barrier, nowMs(), EXPIRY_BATCH_SECRET_IDS);
  }

  async nextExpiryAtMs(): Promise<number | null> {
    return await nextExpiryAtMs(this.#ports.barrier);
  }

  #storage(Storage: typeof JsonRecords, { uuid, sealWrap }: AuthMount): JsonRecords {
    return new Storage(this.#ports.barrier, dataPrefix(uuid), sealWrap);
  }

  async #change(
    mount: AuthMount,
    changed: AuthMount,
    entries: readonly Entry[] = [],
  ): Promise<void> {
    const replaced = this.#mounts.map((other) => other.uuid === mount.uuid ? changed : other);
    await this.#replace(replaced, entries);
  }

  async #replace(mounts: readonly AuthMount[], entries: readonly Entry[] = []): Promise<void> {
    const sorted = mounts.toSorted((left, right) => left.path < right.path ? -1 : 1);
    const value = encodeUtf8(JSON.stringify({ version: 1, mounts: sorted }));
    await this.#ports.barrier.commit({ entries: [{ path: LOGIN_MOUNTS_PATH, value }, ...entries] });
    this.#mounts = sorted;
  }
}

/** Its names are derived, so that a vault without a table has the same ones after each unseal. */
function tokenMount(barrier: Barrier): AuthMount {
  const bytes = barrier.deriveMacKey("token mount");
  const uuid = randomUuid((length) => bytes.slice(0, length));
  return {
    path: TOKEN_MOUNT_PATH,
    type: "token",
    description: "token based credentials",
    accessor: `auth_token_${encodeHex(bytes.subarray(16, 20))}`,
    uuid,
    local: false,
    sealWrap: false,
    externalEntropyAccess: false,
    options: null,
    config: DEFAULT_CONFIG,
    closing: false,
  };
}

/** Older records lack settings that were added later. */
function decodeMounts(bytes: Uint8Array): readonly AuthMount[] {
  const { mounts } = JSON.parse(decodeUtf8(bytes)) as { mounts: readonly AuthMount[] };
  return mounts.map((stored) => ({ ...stored, config: { ...DEFAULT_CONFIG, ...stored.config } }));
}

function dataPrefix(uuid: string): string {
  return `${LOGIN_DATA_PREFIX}${uuid}/`;
}

/** A method that could not be loaded is tried again. */
async function loadOnce<T>(
  loaded: Map<string, Promise<T>>,
  uuid: string,
  load: () => Promise<T>,
): Promise<T> {
  const known = loaded.get(uuid);
  if (known !== undefined) return await known;
  const loading = load();
  loaded.set(uuid, loading);
  loading.catch(() => loaded.delete(uuid));
  return await loading;
}
