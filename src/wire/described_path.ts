/** What a table says about a path, for OpenAPI and `?help=1`. */

import type { ServedOperation, ServedPath } from "./served_path.ts";

export type DescribedPath = Pick<ServedPath<never, unknown>, "template" | "parameters"> & {
  readonly operations: Partial<Record<string, DescribedOperation>>;
};

export type DescribedOperation = Pick<
  ServedOperation<never, unknown>,
  "summary" | "schema" | "needs" | "takesAnything" | "answers" | "data"
>;
