/** The secrets engines, one row per type. */

import { invalidRequest } from "../errors.ts";
import { createCubbyhole, destroyScope } from "./cubbyhole.ts";
import {
  type EngineModule,
  type EngineType,
  lazyEngine,
  type MountOptions,
} from "./engine_module.ts";
import { KvMount } from "./kv/kv_mount.ts";

const asSent = (options: MountOptions): MountOptions => options;

export const ENGINES: Readonly<Record<EngineType, EngineModule>> = {
  cubbyhole: {
    type: "cubbyhole",
    names: {},
    isCatalogued: false,
    serve: (ports) => lazyEngine(ports, async () => createCubbyhole),
    tokenEnded: destroyScope,
  },
  generic: {
    type: "generic",
    names: { generic: asSent },
    isCatalogued: false,
    serve: (ports) => new KvMount(ports),
  },
  kv: {
    type: "kv",
    names: {
      "kv": (options) => {
        if (!["", "1", "2"].includes(options?.["version"] ?? "")) {
          throw invalidRequest('nil backend of type "kv" returned from factory');
        }
        return options;
      },
      "kv-v1": (options) => ({ ...options, version: "1" }),
      "kv-v2": (options) => ({ ...options, version: "2" }),
    },
    isCatalogued: true,
    serve: (ports) => new KvMount(ports),
  },
  transit: {
    type: "transit",
    names: { transit: asSent },
    isCatalogued: true,
    serve: (ports) =>
      lazyEngine(ports, async () => {
        const { createTransit } = await import("./transit/transit.ts");
        return (records) => createTransit(records, ports.random);
      }),
  },
};

/** Null for unknown types, and for mounts that the API itself serves. */
export function engineModule(type: string): EngineModule | null {
  return Object.hasOwn(ENGINES, type) ? ENGINES[type as EngineType] : null;
}

/** The engine mounted by this name; null if there is no such engine. */
export function engineNamed(name: string): EngineModule | null {
  return Object.values(ENGINES).find(({ names }) => Object.hasOwn(names, name)) ?? null;
}
