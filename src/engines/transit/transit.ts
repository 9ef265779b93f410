/**
 * transit: encryption as a service. This file only routes. Keys never leave unless they are
 * exportable, and data encrypted here is never stored. Derived keys and signing are not served.
 */

import type { RandomBytes } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import {
  createEngine,
  type Engine,
  type EngineCall,
  engineOperation,
  type EnginePath,
  enginePath,
} from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { listFolder } from "../listing.ts";
import { LIST_FIELDS } from "../../wire/paging.ts";
import { parameter } from "../../wire/served_path.ts";
import { backUpKey, RESTORE_FIELDS, restoreKey } from "./backup.ts";
import { CONFIG_FIELDS } from "./config.ts";
import { decrypt, DECRYPT_FIELDS, rewrap, REWRAP_FIELDS } from "./decrypt.ts";
import { DATA_KEY_FIELDS, encrypt, ENCRYPT_FIELDS, generateDataKey } from "./encrypt.ts";
import { EXPORT_FIELDS, exportAlias, EXPORTED_VERSION, exportKey } from "./export.ts";
import {
  authenticate,
  HMAC_FIELDS,
  refuseSign,
  SIGN_FIELDS,
  verify,
  VERIFY_FIELDS,
} from "./hmac.ts";
import {
  configureKey,
  CREATE_FIELDS,
  createKey,
  deleteKey,
  READ_KEY_FIELDS,
  readKey,
  rotate,
  setSoftDeleted,
  trim,
  TRIM_FIELDS,
} from "./keys.ts";
import { mountConfigPaths } from "./mount_config.ts";
import { ARCHIVE_FOLDER, POLICY_FOLDER } from "./records.ts";
import { TransitStore } from "./store.ts";
import {
  drawRandom,
  HASH_CAPTURES,
  HASH_FIELDS,
  HASH_PATHS,
  hashInput,
  RANDOM_CAPTURES,
  RANDOM_FIELDS,
  RANDOM_PATHS,
} from "./tools.ts";

export function createTransit(storage: MountRecords, random: RandomBytes): Engine {
  const store = new TransitStore(storage, random);
  const encryption = encryptPath(store);
  return createEngine({
    wrapsPath: (path) => path.startsWith(POLICY_FOLDER) || path.startsWith(ARCHIVE_FOLDER),
    // Only for `encrypt` does it matter: with `create` it also creates the key.
    exists: async (path) => {
      const parameters = encryption.match(path);
      return parameters === null || await store.load(parameter(parameters, "name")) !== null;
    },
    paths: [
      encryption,
      ...decryptPaths(store),
      dataKeyPath(store),
      ...keyPaths(store),
      ...settingsPaths(store),
      ...softDeletePaths(store),
      ...exportPaths(store),
      ...backupPaths(store),
      ...mountConfigPaths(storage),
      ...signaturePaths(store),
      ...randomPaths(random),
      ...hashPaths(),
    ],
  });
}

function encryptPath(store: TransitStore): EnginePath {
  const write = engineOperation(
    { summary: "Encrypt one plaintext or a batch", fields: ENCRYPT_FIELDS, answers: ["data"] },
    (call, sent) => encrypt(store, nameOf(call), sent, call),
  );
  return enginePath("encrypt/{name}", { create: write, update: write }, { checksExistence: true });
}

function decryptPaths(store: TransitStore): readonly EnginePath[] {
  return [
    enginePath("decrypt/{name}", {
      update: engineOperation(
        { summary: "Decrypt one ciphertext or a batch", fields: DECRYPT_FIELDS, answers: ["data"] },
        (call, sent) => decrypt(store, nameOf(call), sent),
      ),
    }),
    enginePath("rewrap/{name}", {
      update: engineOperation(
        {
          summary: "Encrypt ciphertext anew, usually by the latest version",
          fields: REWRAP_FIELDS,
          answers: ["data"],
        },
        (call, sent) => rewrap(store, nameOf(call), sent, call.nowMs),
      ),
    }),
  ];
}

function dataKeyPath(store: TransitStore): EnginePath {
  return enginePath("datakey/{plaintext}/{name}", {
    update: engineOperation(
      {
        summary: "Draw a data key, encrypted and on request also in plaintext",
        fields: DATA_KEY_FIELDS,
        answers: ["data"],
      },
      async (call, sent) => {
        const kind = parameter(call.parameters, "plaintext");
        if (kind !== "plaintext" && kind !== "wrapped") {
          throw invalidRequest("Invalid path, must be 'plaintext' or 'wrapped'");
        }
        return await generateDataKey(store, nameOf(call), kind === "plaintext", sent, call.nowMs);
      },
    ),
  });
}

function keyPaths(store: TransitStore): readonly EnginePath[] {
  return [
    enginePath("keys/", {
      list: engineOperation(
        { summary: "List keys", fields: LIST_FIELDS },
        (_call, sent) => listFolder(store.storage, POLICY_FOLDER, sent),
      ),
    }),
    enginePath("keys/{name}", {
      update: engineOperation(
        { summary: "Create a key", fields: CREATE_FIELDS, answers: ["data"] },
        (call, sent) => createKey(store, nameOf(call), sent, call.nowMs),
      ),
      read: engineOperation(
        { summary: "Read the settings of a key", fields: READ_KEY_FIELDS },
        (call, sent) => readKey(store, nameOf(call), sent),
      ),
      delete: engineOperation(
        { summary: "Delete a key" },
        (call) => deleteKey(store, nameOf(call)),
      ),
    }),
  ];
}

function settingsPaths(store: TransitStore): readonly EnginePath[] {
  return [
    enginePath("keys/{name}/config", {
      update: engineOperation(
        { summary: "Configure a key", fields: CONFIG_FIELDS, answers: ["data"] },
        (call, sent) => configureKey(store, nameOf(call), sent),
      ),
    }),
    enginePath("keys/{name}/rotate", {
      update: engineOperation(
        { summary: "Add a version to a key", answers: ["data"] },
        (call) => rotate(store, nameOf(call), call.nowMs),
      ),
    }),
    enginePath("keys/{name}/trim", {
      update: engineOperation(
        {
          summary: "Erase early versions of a key",
          fields: TRIM_FIELDS,
          needs: ["min_available_version"],
          answers: ["data"],
        },
        (call, sent) => trim(store, nameOf(call), sent),
      ),
    }),
  ];
}

function exportPaths(store: TransitStore): readonly EnginePath[] {
  const read = (summary: string) =>
    engineOperation({ summary, fields: EXPORT_FIELDS }, (call, sent) => {
      const { parameters } = call;
      const type = parameter(parameters, "type");
      return exportKey(store, type, nameOf(call), parameters["version"] ?? null, sent);
    });
  return [
    enginePath("export/{type}/{name}", { read: read("Export all usable versions of a key") }),
    enginePath(
      "export/{type}/{name}/{version~}",
      { read: read("Export one version of a key") },
      { spellings: { version: EXPORTED_VERSION }, alias: (path) => exportAlias(store, path) },
    ),
  ];
}

function softDeletePaths(store: TransitStore): readonly EnginePath[] {
  return [
    enginePath("keys/{name}/soft-delete", {
      delete: engineOperation(
        { summary: "Keep a key from all use", answers: ["data", "nothing"] },
        (call) => setSoftDeleted(store, nameOf(call), true),
      ),
    }),
    enginePath("keys/{name}/soft-delete-restore", {
      update: engineOperation(
        { summary: "Give back a key that was kept from use", answers: ["data", "nothing"] },
        (call) => setSoftDeleted(store, nameOf(call), false),
      ),
    }),
  ];
}

function backupPaths(store: TransitStore): readonly EnginePath[] {
  const update = engineOperation(
    { summary: "Restore a key from its backup", fields: RESTORE_FIELDS, needs: ["backup"] },
    (call, sent) => restoreKey(store, call.parameters["name"] ?? null, sent, call.nowMs),
  );
  const backup = engineOperation(
    { summary: "Give a whole key in plaintext" },
    (call) => backUpKey(store, nameOf(call), call.nowMs),
  );
  return [
    enginePath("backup/{name}", { read: backup }),
    ...["restore", "restore/{name+}"]
      .map((template) => enginePath(template, { update }, { parameters: ["name"] })),
  ];
}

function signaturePaths(store: TransitStore): readonly EnginePath[] {
  const hmac = engineOperation(
    { summary: "Authenticate data by an HMAC", fields: HMAC_FIELDS, answers: ["data"] },
    (call, sent) => authenticate(store, nameOf(call), algorithmOf(call), sent, call.nowMs),
  );
  const verifyIt = engineOperation(
    { summary: "Verify an HMAC", fields: VERIFY_FIELDS, answers: ["data"] },
    (call, sent) => verify(store, nameOf(call), algorithmOf(call), sent),
  );
  const sign = engineOperation(
    { summary: "Refused: no type of key signs", fields: SIGN_FIELDS },
    (call, sent) => refuseSign(store, nameOf(call), algorithmOf(call), sent),
  );
  const served = { hmac, verify: verifyIt, sign };
  return Object.entries(served).flatMap(([verb, update]) =>
    [`${verb}/{name}`, `${verb}/{name}/{urlalgorithm+}`].map((template) =>
      enginePath(template, { update }, { parameters: ["name", "urlalgorithm"] })
    )
  );
}

function randomPaths(random: RandomBytes): readonly EnginePath[] {
  return RANDOM_PATHS.map(([template, parts]) => {
    const update = engineOperation(
      { summary: "Draw random bytes", fields: RANDOM_FIELDS, answers: ["data"] },
      async ({ parameters }, sent) =>
        drawRandom(parts.map((part) => parameter(parameters, part)), sent, random),
    );
    return enginePath(template, { update }, { parameters: RANDOM_CAPTURES });
  });
}

function hashPaths(): readonly EnginePath[] {
  const update = engineOperation(
    { summary: "Hash data", fields: HASH_FIELDS, answers: ["data"] },
    async (call, sent) => {
      if (sent.input === undefined) throw invalidRequest("input missing");
      return await hashInput(algorithmOf(call), sent);
    },
  );
  return HASH_PATHS
    .map((template) => enginePath(template, { update }, { parameters: HASH_CAPTURES }));
}

function algorithmOf({ parameters }: EngineCall): string | null {
  return parameters["urlalgorithm"] ?? null;
}

function nameOf({ parameters }: EngineCall): string {
  return parameter(parameters, "name");
}
