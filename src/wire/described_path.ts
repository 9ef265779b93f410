/** The part of a served path that OpenAPI and `?help=1` describe. */

import type { GenericSchema } from "valibot";
import type { FieldsSchema } from "./fields.ts";
import type { ServedOperation, ServedPath } from "./served_path.ts";

export type DescribedPath = Pick<ServedPath<never, unknown>, "template" | "parameters"> & {
  readonly operations: Partial<Record<string, DescribedOperation>>;
};

export type DescribedOperation = Pick<
  ServedOperation<never, unknown>,
  "summary" | "schema" | "needs" | "takesAnything" | "answers" | "data"
>;

/** The same for a raw endpoint, by HTTP method. */
export interface DescribedEndpoint {
  readonly path: string;
  readonly methods: Readonly<
    Partial<Record<"GET" | "PUT" | "DELETE" | "PATCH" | "HEAD", DescribedMethod>>
  >;
  readonly whileSealed?: boolean;
  /** Present if a token is needed. */
  readonly authorise?: unknown;
}

export interface DescribedMethod {
  readonly summary: string;
  readonly schema: FieldsSchema;
  /** The body of a success; null: no content. */
  readonly answer: GenericSchema | null;
  /** Statuses besides 200 that come with the same body. */
  readonly statuses: readonly number[];
}
