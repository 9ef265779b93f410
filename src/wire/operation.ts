/** The operations of Vault's API. */

/** A scan is a list of everything below a folder, at any depth (OpenBao). */
export type Operation = "create" | "read" | "update" | "patch" | "delete" | "list" | "scan";

/** What an HTTP method asks for; GET lists where its query says so. A map: any word may be sent. */
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
