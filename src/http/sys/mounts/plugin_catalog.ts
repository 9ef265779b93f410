/**
 * The engines and auth methods that a client can mount. All are built in and have the product's
 * version, as `plugin_versions.ts` writes it. Pure.
 */

import { ENGINES } from "../../../engines/engines.ts";
import { AUTH_METHODS } from "../../../methods/methods.ts";

/** Sorted, as the catalog shows them. There are no database plugins here. */
export const PLUGIN_TYPES = ["auth", "database", "secret"] as const;
export type PluginType = typeof PLUGIN_TYPES[number];

interface CatalogEntry {
  readonly type: PluginType;
  readonly name: string;
  /** Its logins name a user or a role, which a mount's `user_lockout_config` can lock out. */
  readonly hasLockout: boolean;
}

const CATALOG: readonly CatalogEntry[] = [
  ...Object.values(AUTH_METHODS).map(({ type, hasLockout }) =>
    ({ type: "auth", name: type, hasLockout }) as const
  ),
  ...Object.values(ENGINES).filter(({ isCatalogued }) => isCatalogued).map(({ type }) =>
    ({ type: "secret", name: type, hasLockout: false }) as const
  ),
];

/** Sorted. */
export function pluginNames(type: PluginType): readonly string[] {
  return CATALOG.filter((entry) => entry.type === type).map(({ name }) => name).sort();
}

export function isInCatalog(name: string): boolean {
  return CATALOG.some((entry) => entry.name === name);
}

export function hasLockout(name: string): boolean {
  return CATALOG.some((entry) => entry.name === name && entry.hasLockout);
}
