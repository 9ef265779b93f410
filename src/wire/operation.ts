/** The operations of Vault's API. */

/** A scan lists everything below a folder, at any depth (OpenBao). */
export type Operation = "create" | "read" | "update" | "patch" | "delete" | "list" | "scan";

/**
 * The operation of each HTTP method; GET lists if its query says so. A map: any word may be sent.
 */
export const METHOD_OPERATIONS: ReadonlyMap<string, Exclude<Operation, "create">> = new Map([
  ["DELETE", "delete"],
  ["GET", "read"],
  ["HEAD", "read"],
  ["LIST", "list"],
  ["PATCH", "patch"],
  ["POST", "update"],
  ["PUT", "update"],
  ["SCAN", "scan"],
]);
