/** The mounted auth methods. The token store is listed with them but is not one. */

import { type AuthMount, type AuthMountConfig, TOKEN_MOUNT_PATH } from "../../access/auth_mount.ts";
import { DEFAULT_SETTINGS, notInCatalog } from "../../access/mount_settings.ts";
import type { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import { JsonRecords } from "../../barrier/mount_records.ts";
import { encodeHex } from "../../crypto/bytes.ts";
import { randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { EXPIRY_BATCH_SECRET_IDS } from "../../limits.ts";
import { nextExpiryAtMs, removeExpired } from "../../methods/expiry.ts";
import type {
  AuthMethod,
  AuthMethodModule,
  MethodPorts,
  OpenMethod,
} from "../../methods/method.ts";
import { authMethod } from "../../methods/methods.ts";
import { LOGIN_DATA_PREFIX, LOGIN_MOUNTS_PATH } from "../../storage/record_paths.ts";
import { MountTable } from "./mount_table.ts";

export type AuthMountRequest =
  & Omit<AuthMount, "type" | "accessor" | "uuid" | "closing">
  & {
    readonly type: string;
    /** Version of a plugin; null for a built-in method. */
    readonly version: string | null;
  };

export type AuthMountTuning = Pick<AuthMount, "description" | "config" | "options">;

const DEFAULT_CONFIG: AuthMountConfig = {
  ...DEFAULT_SETTINGS,
  tokenType: "default-service",
  userLockout: null,
};

export class AuthMounts {
  readonly #ports: MethodPorts;
  readonly #table: MountTable<AuthMount>;
  /** Factories of this vault's methods, by type. */
  readonly #opened = new Map<string, Promise<ReturnType<OpenMethod>>>();
  /** By mount uuid. */
  readonly #methods = new Map<string, Promise<AuthMethod>>();

  private constructor(ports: MethodPorts, table: MountTable<AuthMount>) {
    this.#ports = ports;
    this.#table = table;
  }

  static async open(ports: MethodPorts): Promise<AuthMounts> {
    const { barrier } = ports;
    const table = await MountTable.open<AuthMount>(
      {
        recordPath: LOGIN_MOUNTS_PATH,
        dataPrefix,
        dataIds: ({ uuid }) => [uuid],
        // Older records lack newer settings.
        read: (stored) => ({ ...stored, config: { ...DEFAULT_CONFIG, ...stored.config } }),
      },
      barrier,
      () => [tokenMount(barrier)],
    );
    // The vault must still open; the next removal or unseal tries again.
    await table.finishRemovals().catch(() => undefined);
    return new AuthMounts(ports, table);
  }

  list(): readonly AuthMount[] {
    return this.#table.list();
  }

  /** The mount at exactly this path, which ends in "/" and excludes `auth/`. */
  at(path: string): AuthMount | null {
    return this.#table.at(path);
  }

  /** The token store, which issues and renews tokens that no login made. */
  get token(): AuthMount {
    return this.at(TOKEN_MOUNT_PATH) ?? tokenMount(this.#ports.barrier);
  }

  /** The mount serving a request path below `auth/`, and the rest of the path; null if none. */
  route(path: string): { readonly mount: AuthMount; readonly rest: string } | null {
    return path.startsWith("auth/") ? this.#table.route(path.slice("auth/".length)) : null;
  }

  async mount(request: AuthMountRequest): Promise<void> {
    const { type, version, ...rest } = request;
    if (type === "token" || type === "ns_token") {
      throw invalidRequest("token credential backend cannot be instantiated");
    }
    const conflict = this.conflict(request.path);
    if (conflict !== null) throw invalidRequest(`path is already in use at ${conflict}`);
    if (version !== null) throw notInCatalog(type, version);
    const method = authMethod(type);
    if (method === null) throw notInCatalog(type);
    const uuid = randomUuid(this.#ports.random);
    const accessor = `auth_${type}_${randomUuid(this.#ports.random).slice(0, 8)}`;
    await this.#table.add({ ...rest, type: method.type, uuid, accessor, closing: false });
  }

  /** The path of a mount that overlaps `path`; null if none. */
  conflict(path: string): string | null {
    return this.#table.conflict(path)?.path ?? null;
  }

  async tune(mount: AuthMount, tuning: AuthMountTuning): Promise<void> {
    await this.#table.change({ ...mount, ...tuning });
  }

  /** Renames a mount and commits `entries` with it. */
  async move(mount: AuthMount, path: string, entries: readonly Entry[]): Promise<void> {
    await this.#table.change({ ...mount, path }, entries);
  }

  /** First step of a removal: stops logins through the mount. */
  async close(mount: AuthMount): Promise<void> {
    await this.#table.change({ ...mount, closing: true });
  }

  /** Last step of a removal: deletes the mount, then its records page by page. */
  async remove(mount: AuthMount): Promise<void> {
    await this.#table.forget(mount);
    this.#methods.delete(mount.uuid);
    await this.#table.finishRemovals();
  }

  /** Removes what an interrupted removal left. */
  async finishRemovals(): Promise<void> {
    await this.#table.finishRemovals();
  }

  /** Whether the mount is still at its path and accepts logins. */
  isOpen({ uuid, path }: AuthMount): boolean {
    const current = this.#table.byUuid(uuid);
    return current !== null && !current.closing && current.path === path;
  }

  /** The mount's method. `row` is the registry row of its type. */
  async method({ uuid, sealWrap }: AuthMount, row: AuthMethodModule): Promise<AuthMethod> {
    return await loadOnce(this.#methods, uuid, async () => {
      const create = await this.#open(row);
      return create(uuid, new JsonRecords(this.#ports.barrier, dataPrefix(uuid), sealWrap));
    });
  }

  /** Like `method`; null for the token store, which has none. */
  async methodOf(mount: AuthMount): Promise<AuthMethod | null> {
    const row = authMethod(mount.type);
    return row === null ? null : await this.method(mount, row);
  }

  async #open({ type, load }: AuthMethodModule): Promise<ReturnType<OpenMethod>> {
    return await loadOnce(this.#opened, type, async () => (await load())(this.#ports));
  }

  /** Removes a bounded number of expired secret ids. */
  async expire(): Promise<void> {
    const { barrier, nowMs } = this.#ports;
    await removeExpired(barrier, nowMs(), EXPIRY_BATCH_SECRET_IDS);
  }

  async nextExpiryAtMs(): Promise<number | null> {
    return await nextExpiryAtMs(this.#ports.barrier);
  }
}

/** The ids are derived, so a vault without a table has the same ones after each unseal. */
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

function dataPrefix(uuid: string): string {
  return `${LOGIN_DATA_PREFIX}${uuid}/`;
}

/** Caches a load by key. A failed load is not cached. */
async function loadOnce<T>(
  loaded: Map<string, Promise<T>>,
  key: string,
  load: () => Promise<T>,
): Promise<T> {
  const known = loaded.get(key);
  if (known !== undefined) return await known;
  const loading = load();
  loaded.set(key, loading);
  loading.catch(() => loaded.delete(key));
  return await loading;
}
