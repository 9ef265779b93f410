/** An entity and its alias, as data. */

export type AliasMeta = Readonly<Record<string, string>> | null;

/** What a login says of itself. */
export interface LoginAlias {
  readonly name: string;
  readonly meta: AliasMeta;
}

export interface Alias extends LoginAlias {
  readonly id: string;
  /** Of the mount it belongs to. */
  readonly accessor: string;
  readonly local: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface Entity {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly alias: Alias;
}
