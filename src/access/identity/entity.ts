/** An entity and its alias, as data. */

export type AliasMeta = Readonly<Record<string, string>> | null;

/** What a login knows about its user or role. */
export interface LoginAlias {
  readonly name: string;
  readonly meta: AliasMeta;
}

export interface Alias extends LoginAlias {
  readonly id: string;
  /** The accessor of its mount. */
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
