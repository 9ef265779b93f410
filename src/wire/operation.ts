/** The operations of Vault's API. */

/** A scan is a list of everything below a folder, at any depth (OpenBao). */
export type Operation = "create" | "read" | "update" | "patch" | "delete" | "list" | "scan";
