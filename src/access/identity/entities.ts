/**
 * Entities identify who logs in across logins. There is one for each alias, which is a user or role
 * id of one mount. It is created at the first login, and survives the deletion and re-creation of
 * the user. Entities cannot be created or changed in any other way.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import { decodeUtf8, encodeHex, encodeUtf8 } from "../../crypto/bytes.ts";
import { hmacSha256 } from "../../crypto/digest.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { ENTITY_PREFIX } from "../../storage/record_paths.ts";
import { ABSENT, type Expectation, type Revision } from "../../storage/store.ts";
import type { AuthMount } from "../auth_mount.ts";
import type { Alias, AliasMeta, Entity, LoginAlias } from "./entity.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";

export interface EntityPorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
}

/** An entity is stored under its alias's id. Its own id and name point to that. */
const ALIAS_PREFIX = `${ENTITY_PREFIX}alias/`;
const ID_PREFIX = `${ENTITY_PREFIX}id/`;
const NAME_PREFIX = `${ENTITY_PREFIX}name/`;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NAME = /^entity_[0-9a-f]{8}\.root$/;
interface Stored {
  readonly entity: Entity;
  readonly revision: Revision;
}

export class Entities {
  readonly #ports: EntityPorts;
  readonly #macKey: Uint8Array;

  constructor(ports: EntityPorts) {
    this.#ports = ports;
    this.#macKey = ports.barrier.deriveMacKey("entity aliases");
  }

  /** The entity of a successful login, created if it does not exist. */
  async atLogin(
    { accessor, local }: Pick<AuthMount, "accessor" | "local">,
    { name, meta }: LoginAlias,
  ): Promise<Entity> {
    const id = this.#aliasId(accessor, name);
    return await repeatWhileLost<Entity>(async () => {
      const stored = await this.#read(id);
      const nowMs = this.#ports.nowMs();
      if (stored === null) {
        const times = { createdAtMs: nowMs, updatedAtMs: nowMs };
        const entity = this.#newEntity({ id, accessor, local, name, meta, ...times });
        return await this.#add(entity) ? settled(entity) : LOST;
      }
      const { entity, revision } = stored;
      if (isSameMeta(entity.alias.meta, meta)) return settled(entity);
      const changed = { ...entity, alias: { ...entity.alias, meta, updatedAtMs: nowMs } };
      const expect = [{ path: ALIAS_PREFIX + id, revision }];
      return await this.#commit([entry(changed)], expect) ? settled(changed) : LOST;
    });
  }

  async byAliasId(id: string): Promise<Entity | null> {
    return UUID.test(id) ? (await this.#read(id))?.entity ?? null : null;
  }

  async byAlias(accessor: string, name: string): Promise<Entity | null> {
    return await this.byAliasId(this.#aliasId(accessor, name));
  }

  async byId(id: string): Promise<Entity | null> {
    return UUID.test(id) ? await this.#byIndex(ID_PREFIX + id) : null;
  }

  /** Names ignore letter case. */
  async byName(name: string): Promise<Entity | null> {
    const lower = name.toLowerCase();
    return NAME.test(lower) ? await this.#byIndex(NAME_PREFIX + lower) : null;
  }

  /** All entities, sorted by the ids of their aliases. */
  async *each(): AsyncGenerator<Entity> {
    for await (const id of this.#ports.barrier.each(ALIAS_PREFIX)) {
      const stored = await this.#read(id);
      if (stored !== null) yield stored.entity;
    }
  }

  /** Keyed, so that nobody can guess a role id from it. Names differ in more than case. */
  #aliasId(accessor: string, name: string): string {
    const text = encodeUtf8(`${accessor}/${name.toLowerCase()}`);
    const bytes = Uint8Array.from(hmacSha256(this.#macKey, text));
    return randomUuid((length) => bytes.slice(0, length));
  }

  #newEntity(alias: Alias): Entity {
    const { random } = this.#ports;
    return {
      version: 1,
      id: randomUuid(random),
      name: `entity_${encodeHex(random(4))}.root`,
      createdAtMs: alias.createdAtMs,
      alias,
    };
  }

  /** False if the alias has an entity by now, or if another entity has the new one's id or name. */
  async #add(entity: Entity): Promise<boolean> {
    const { id, name, alias } = entity;
    const value = encodeUtf8(JSON.stringify({ version: 1, alias: alias.id }));
    const indexes = [ID_PREFIX + id, NAME_PREFIX + name];
    const entries = [entry(entity), ...indexes.map((path) => ({ path, value }))];
    return await this.#commit(entries, entries.map(({ path }) => ({ path, revision: ABSENT })));
  }

  async #commit(entries: readonly Entry[], expect: readonly Expectation[]): Promise<boolean> {
    return (await this.#ports.barrier.commit({ entries, expect })).kind === "committed";
  }

  async #byIndex(path: string): Promise<Entity | null> {
    const record = await this.#ports.barrier.get(path);
    if (record === null) return null;
    const { alias } = JSON.parse(decodeUtf8(record.value)) as { readonly alias: string };
    return (await this.#read(alias))?.entity ?? null;
  }

  async #read(aliasId: string): Promise<Stored | null> {
    const record = await this.#ports.barrier.get(ALIAS_PREFIX + aliasId);
    if (record === null) return null;
    return { entity: JSON.parse(decodeUtf8(record.value)) as Entity, revision: record.revision };
  }
}

function entry(entity: Entity): Entry {
  return { path: ALIAS_PREFIX + entity.alias.id, value: encodeUtf8(JSON.stringify(entity)) };
}

function isSameMeta(left: AliasMeta, right: AliasMeta): boolean {
  const flat = (meta: AliasMeta) => JSON.stringify(Object.entries(meta ?? {}).sort());
  return flat(left) === flat(right);
}
