/** Which store the settings name, and where it exists. */

export const STORAGE_KINDS = ["sqlite", "deno-kv"] as const;

/** Where the records lie. */
export type StorageSettings =
  /** In a file of the data directory. A Worker has its Durable Object instead. */
  | { readonly kind: "sqlite" }
  /** At a path, or at the URL of a `denokv` server. */
  | { readonly kind: "deno-kv"; readonly location: string };

/** `location` is that of Deno KV. Null after an error, which is added to `errors`. */
export function checkStorage(
  kind: StorageSettings["kind"],
  location: string | undefined,
  hasFiles: boolean,
  errors: string[],
): StorageSettings | null {
  if (kind === "sqlite") {
    if (location === undefined) return { kind };
    errors.push("SEALWRIGHT_DENO_KV means nothing without SEALWRIGHT_STORAGE=deno-kv");
  } else if (!hasFiles) errors.push(denoKvRefusal("a Worker"));
  else if (location !== undefined) return { kind, location };
  else errors.push("SEALWRIGHT_DENO_KV is missing: SEALWRIGHT_STORAGE is deno-kv");
  return null;
}

/** `where` is a runtime without Deno KV. */
export function denoKvRefusal(where: string): string {
  return `SEALWRIGHT_STORAGE cannot be deno-kv on ${where}: only Deno has Deno KV`;
}
