/**
 * kv version 2: versions, check-and-set, soft deletion (core-api §7). This file only routes. The
 * data of versions is seal-wrapped; metadata is not (seal §10).
 */

import {
  createEngine,
  type Engine,
  type EngineCall,
  engineOperation,
  type EnginePath,
  enginePath,
  type EngineReply,
  type EngineRequest,
} from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import type { Operation } from "../../wire/operation.ts";
import {
  patchData,
  READ_FIELDS,
  readData,
  readSubkeys,
  SECRET,
  SUBKEYS_FIELDS,
  VERSION,
  WRITE_FIELDS,
  writeData,
} from "./data.ts";
import {
  deleteMetadata,
  METADATA_FIELDS,
  patchMetadata,
  readConfig,
  readMetadata,
  writeConfig,
  writeMetadata,
} from "./metadata.ts";
import { listDetails, scanDetails } from "./details.ts";
import { METADATA_FOLDER, VERSIONS_FOLDER } from "./records.ts";
import { MOUNT_FIELDS } from "./settings.ts";
import { loadKey } from "./store.ts";
import {
  deleteCurrent,
  deleteVersions,
  destroyVersions,
  undeleteVersions,
  VERSIONS_FIELDS,
} from "./versions.ts";
import { listFolder, scanFolder } from "../listing.ts";
import { LIST_FIELDS } from "../../wire/paging.ts";
import { parameter } from "../../wire/served_path.ts";
import type { NameSpelling } from "../../wire/spelling.ts";

const ROOTS: readonly string[] = ["metadata", "data", "delete", "undelete", "destroy"];
const ROOT_WARNING = "Non-listing operations on the root of a K/V v2 mount are not supported.";
const KV_COMMANDS: Readonly<Record<Operation, string>> = {
  create: "put",
  update: "put",
  patch: "patch",
  read: "get",
  delete: "delete",
  list: "list",
  scan: "scan",
};

/**
 * Only a read ignores a slash at the end of a key. A rule that ends in a slash covers the folder.
 */
const METADATA_KEY: NameSpelling = {
  stored: (key, operation) => operation === "read" ? key.replace(/\/$/, "") : key,
};

export function createKv2(storage: MountRecords): Engine {
  const data = dataPath(storage);
  const metadata = metadataPath(storage);
  return createEngine({
    wrapsPath: (path) => path.startsWith(VERSIONS_FOLDER),
    exists: async (path) => {
      const parameters = data.match(path) ?? metadata.match(path);
      return parameters === null || await loadKey(storage, parameter(parameters, "path")) !== null;
    },
    paths: [
      data,
      metadata,
      detailedMetadataPath(storage),
      subkeysPath(storage),
      ...versionsPaths(storage),
      configPath(storage),
    ],
    unknownPath: invalidPath,
  });
}

function dataPath(storage: MountRecords): EnginePath {
  const write = engineOperation(
    {
      summary: "Write the next version of a secret",
      fields: WRITE_FIELDS,
      needs: ["data"],
      answers: ["data"],
      data: VERSION,
    },
    (call, sent) => writeData(storage, keyOf(call), sent, call),
  );
  return enginePath("data/{path*}", {
    read: engineOperation(
      { summary: "Read a version of a secret", fields: READ_FIELDS, data: SECRET },
      (call, sent) => readData(storage, keyOf(call), sent, call.nowMs),
    ),
    create: write,
    update: write,
    patch: engineOperation(
      {
        summary: "Write the next version of a secret by a merge-patch",
        fields: WRITE_FIELDS,
        needs: ["data"],
        answers: ["data"],
        data: VERSION,
      },
      (call, sent) => patchData(storage, keyOf(call), sent, call),
    ),
    delete: engineOperation(
      { summary: "Delete the current version of a secret" },
      (call) => deleteCurrent(storage, keyOf(call), call.nowMs),
    ),
  }, { checksExistence: true });
}

function metadataPath(storage: MountRecords): EnginePath {
  const write = engineOperation(
    { summary: "Set the settings of a secret", fields: METADATA_FIELDS },
    (call, sent) => writeMetadata(storage, keyOf(call), sent, call.nowMs),
  );
  return enginePath("metadata/{path*}", {
    read: engineOperation(
      { summary: "Read the settings and versions of a secret" },
      (call) => readMetadata(storage, keyOf(call)),
    ),
    list: engineOperation(
      { summary: "List secrets", fields: LIST_FIELDS },
      (call, sent) => listFolder(storage, METADATA_FOLDER + keyOf(call), sent),
    ),
    scan: engineOperation(
      { summary: "List secrets at any depth", fields: LIST_FIELDS },
      (call) => scanFolder(storage, METADATA_FOLDER + keyOf(call)),
    ),
    create: write,
    update: write,
    patch: engineOperation(
      { summary: "Change some settings of a secret", fields: METADATA_FIELDS },
      (call, sent) => patchMetadata(storage, keyOf(call), sent, call),
    ),
    delete: engineOperation(
      { summary: "Remove a secret with all its versions" },
      (call) => deleteMetadata(storage, keyOf(call)),
    ),
  }, { checksExistence: true, spellings: { path: METADATA_KEY } });
}

function detailedMetadataPath(storage: MountRecords): EnginePath {
  return enginePath("detailed-metadata/{path*}", {
    list: engineOperation(
      { summary: "List secrets with their settings and versions", fields: LIST_FIELDS },
      (call, sent) => listDetails(storage, keyOf(call), sent),
    ),
    scan: engineOperation(
      {
        summary: "List secrets at any depth with their settings and versions",
        fields: LIST_FIELDS,
      },
      (call) => scanDetails(storage, keyOf(call)),
    ),
  });
}

function subkeysPath(storage: MountRecords): EnginePath {
  return enginePath("subkeys/{path*}", {
    read: engineOperation(
      { summary: "Read the names in a version of a secret", fields: SUBKEYS_FIELDS },
      (call, sent) => readSubkeys(storage, keyOf(call), sent, call.nowMs),
    ),
  });
}

function versionsPaths(storage: MountRecords): readonly EnginePath[] {
  return [
    enginePath("delete/{path*}", {
      update: engineOperation(
        { summary: "Delete versions of a secret", fields: VERSIONS_FIELDS, needs: ["versions"] },
        (call, sent) => deleteVersions(storage, keyOf(call), sent, call.nowMs),
      ),
    }),
    enginePath("undelete/{path*}", {
      update: engineOperation(
        {
          summary: "Restore deleted versions of a secret",
          fields: VERSIONS_FIELDS,
          needs: ["versions"],
        },
        (call, sent) => undeleteVersions(storage, keyOf(call), sent, call.nowMs),
      ),
    }),
    enginePath("destroy/{path*}", {
      update: engineOperation(
        {
          summary: "Destroy versions of a secret for ever",
          fields: VERSIONS_FIELDS,
          needs: ["versions"],
        },
        (call, sent) => destroyVersions(storage, keyOf(call), sent, call.nowMs),
      ),
    }),
  ];
}

function configPath(storage: MountRecords): EnginePath {
  return enginePath("config", {
    read: engineOperation({ summary: "Read the settings of the mount" }, () => readConfig(storage)),
    update: engineOperation(
      { summary: "Set the settings of the mount", fields: MOUNT_FIELDS },
      (_call, sent) => writeConfig(storage, sent),
    ),
  });
}

function keyOf({ parameters }: EngineCall): string {
  return parameter(parameters, "path");
}

/** Points users of version 1 paths to the CLI command that handles version 2. */
function invalidPath({ path, operation }: EngineRequest): EngineReply {
  const warning = ROOTS.includes(path)
    ? ROOT_WARNING
    : "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API " +
      "endpoints to use. If using the OpenBao CLI, use 'bao kv " +
      `${KV_COMMANDS[operation]}' for this operation.`;
  return { kind: "missing", warnings: [warning] };
}
