/**
 * `/identity/*`, read-only: the entities that logins have made, and their aliases. There are no
 * groups, and no request writes anything.
 */

import { Entities } from "../../../access/identity/entities.ts";
import type { Alias, Entity } from "../../../access/identity/entity.ts";
import { type Sent, text } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
  MISSING,
} from "../../request/logical.ts";
import { CASELESS } from "../../../access/policies/name_spellings.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

const LOOKUP_FIELDS = {
  id: text("the id of what is looked for"),
  name: text("or its name"),
  alias_id: text("or the id of an alias of it"),
  alias_name: text("or the name of an alias of it, with alias_mount_accessor"),
  alias_mount_accessor: text("the accessor of the mount of that alias"),
};

/** For things that no request can make. */
function alwaysMissing(template: string, summary: string): LogicalEndpoint {
  return logicalEndpoint(template, {
    read: logicalOperation({ summary }, async () => MISSING),
  });
}

/** For paths that the reference only writes. They exist, without an operation. */
function withoutOperations(template: string): LogicalEndpoint {
  return logicalEndpoint(template, {});
}

function emptyList(template: string, summary: string): LogicalEndpoint {
  return logicalEndpoint(template, {
    list: logicalOperation({ summary }, async () => MISSING),
  });
}

export const IDENTITY_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("identity/entity/id", {
    list: logicalOperation({ summary: "List the entities by id" }, listIds),
  }),
  logicalEndpoint("identity/entity/id/{id}", {
    read: logicalOperation(
      { summary: "Show an entity" },
      async (request) =>
        entityReply(request, await request.unsealed.entities.byId(request.parameter("id"))),
    ),
  }),
  logicalEndpoint("identity/entity/name", {
    list: logicalOperation({ summary: "List the entities by name" }, listNames),
  }),
  logicalEndpoint(
    "identity/entity/name/{name+}",
    {
      read: logicalOperation(
        { summary: "Show an entity" },
        async (request) =>
          entityReply(request, await request.unsealed.entities.byName(request.parameter("name"))),
      ),
    },
    {},
    { name: CASELESS },
  ),
  logicalEndpoint("identity/entity-alias/id", {
    list: logicalOperation({ summary: "List the aliases of entities" }, listAliases),
  }),
  logicalEndpoint("identity/entity-alias/id/{id}", {
    read: logicalOperation({ summary: "Show an alias of an entity" }, readAlias),
  }),
  ...["entity", "entity-alias", "entity/batch-delete", "entity/merge", "group", "group-alias"]
    .map((path) => withoutOperations(`identity/${path}`)),
  emptyList("identity/group/id", "List the groups by id: there are none"),
  alwaysMissing("identity/group/id/{id}", "Show a group: there are none"),
  emptyList("identity/group/name", "List the groups by name: there are none"),
  alwaysMissing("identity/group/name/{name+}", "Show a group: there are none"),
  emptyList("identity/group-alias/id", "List the aliases of groups: there are none"),
  alwaysMissing("identity/group-alias/id/{id}", "Show an alias of a group: there are none"),
  logicalEndpoint("identity/lookup/entity", {
    update: logicalOperation(
      { summary: "Find an entity", fields: LOOKUP_FIELDS, answers: ["data", "nothing"] },
      lookupEntity,
    ),
  }),
  logicalEndpoint("identity/lookup/group", {
    update: logicalOperation(
      { summary: "Find a group: there are none", fields: LOOKUP_FIELDS },
      async (_request, sent) => {
        refuseUnclear(sent);
        return DONE;
      },
    ),
  }),
];

function entityReply(request: EndpointCall, entity: Entity | null): LogicalReply {
  return entity === null ? MISSING : { kind: "data", data: describeEntity(request, entity) };
}

/** Many members are constant, because nothing can set them. */
function describeEntity(request: EndpointCall, entity: Entity): JsonObject {
  const createdAt = new Date(entity.createdAtMs).toISOString();
  return {
    aliases: [describeAlias(request, entity)],
    creation_time: createdAt,
    direct_group_ids: [],
    disabled: false,
    group_ids: [],
    id: entity.id,
    inherited_group_ids: [],
    last_update_time: createdAt,
    merged_entity_ids: null,
    metadata: null,
    name: entity.name,
    namespace_id: "root",
    policies: [],
  };
}

function describeAlias(request: EndpointCall, { id: entityId, alias }: Entity): JsonObject {
  return {
    canonical_id: entityId,
    creation_time: new Date(alias.createdAtMs).toISOString(),
    custom_metadata: null,
    id: alias.id,
    last_update_time: new Date(alias.updatedAtMs).toISOString(),
    local: alias.local,
    merged_from_canonical_ids: null,
    metadata: alias.meta,
    mount_accessor: alias.accessor,
    ...mountOf(request, alias),
    name: alias.name,
  };
}

/** Omitted if the mount is gone. */
function mountOf({ unsealed }: EndpointCall, { accessor }: Alias): JsonObject {
  const mount = unsealed.logins.list().find((candidate) => candidate.accessor === accessor);
  return mount === undefined ? {} : { mount_path: `auth/${mount.path}`, mount_type: mount.type };
}

async function listIds(request: EndpointCall): Promise<LogicalReply> {
  const entities = await sortedBy(request, ({ id }) => id);
  if (entities.length === 0) return MISSING;
  const info = entities.map(({ id, name, alias }) => {
    const { id: aliasId, accessor, name: aliasName } = alias;
    const shown = { id: aliasId, mount_accessor: accessor, name: aliasName };
    return [id, { aliases: [{ ...shown, ...mountOf(request, alias) }], name }] as const;
  });
  const keys = entities.map(({ id }) => id);
  return { kind: "data", data: { key_info: Object.fromEntries(info), keys } };
}

async function listNames(request: EndpointCall): Promise<LogicalReply> {
  const entities = await sortedBy(request, ({ name }) => name);
  if (entities.length === 0) return MISSING;
  return { kind: "data", data: { keys: entities.map(({ name }) => name) } };
}

async function listAliases(request: EndpointCall): Promise<LogicalReply> {
  const entities = await sortedBy(request, ({ alias }) => alias.id);
  if (entities.length === 0) return MISSING;
  const info = entities.map((entity) => {
    const {
      creation_time: _created,
      id: _id,
      last_update_time: _updated,
      merged_from_canonical_ids: _merged,
      ...shown
    } = describeAlias(request, entity);
    return [entity.alias.id, shown] as const;
  });
  const keys = entities.map(({ alias }) => alias.id);
  return { kind: "data", data: { key_info: Object.fromEntries(info), keys } };
}

async function sortedBy(
  request: EndpointCall,
  key: (entity: Entity) => string,
): Promise<readonly Entity[]> {
  const entities: Entity[] = [];
  for await (const entity of request.unsealed.entities.each()) entities.push(entity);
  return entities.sort((left, right) => key(left) < key(right) ? -1 : 1);
}

async function readAlias(request: EndpointCall): Promise<LogicalReply> {
  const entity = await request.unsealed.entities.byAliasId(request.parameter("id"));
  if (entity === null) return MISSING;
  return { kind: "data", data: { ...describeAlias(request, entity), namespace_id: "root" } };
}

async function lookupEntity(
  request: EndpointCall,
  sent: Sent<typeof LOOKUP_FIELDS>,
): Promise<LogicalReply> {
  refuseUnclear(sent);
  const entity = await findEntity(request.unsealed.entities, sent);
  return entity === null ? DONE : entityReply(request, entity);
}

async function findEntity(
  entities: Entities,
  { id = "", name = "", ...alias }: Sent<typeof LOOKUP_FIELDS>,
): Promise<Entity | null> {
  const { alias_id: aliasId = "", alias_name: aliasName = "" } = alias;
  const { alias_mount_accessor: accessor = "" } = alias;
  if (id !== "") return await entities.byId(id);
  if (name !== "") return await entities.byName(name);
  if (aliasId !== "") return await entities.byAliasId(aliasId);
  return await entities.byAlias(accessor, aliasName);
}

/** Throws `invalid_request` unless exactly one key is given. An alias takes two fields. */
function refuseUnclear(sent: Sent<typeof LOOKUP_FIELDS>): void {
  const count = Object.values(sent).filter((value) => value !== undefined).length;
  if (count === 0) throw invalidRequest("query parameter not supplied");
  const { alias_name: name = "", alias_mount_accessor: accessor = "" } = sent;
  if (count > 1 && !(count === 2 && name !== "" && accessor !== "")) {
    throw invalidRequest(
      "query parameter conflict; please supply distinct set of query parameters",
    );
  }
  if (count === 1 && (name !== "" || accessor !== "")) {
    throw invalidRequest("both 'alias_name' and 'alias_mount_accessor' needs to be set");
  }
}
