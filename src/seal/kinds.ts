/**
 * The kinds of seals as data. Code outside this room asks the row of a kind and never compares its
 * name, so a new kind does not compile until its row and its settings are there.
 */

import type { UnsealKey } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import type { Seal } from "./seal.ts";
import type { SealKind } from "./seal_kind.ts";
import {
  parseStaticSealSettings,
  type StaticSealInput,
  type StaticSealSettings,
} from "./seal_settings.ts";
import { createShamirSeal } from "./shamir_seal.ts";
import { createStaticSeal } from "./static_seal.ts";

interface SettingsByKind {
  readonly shamir: { readonly type: "shamir" };
  readonly static: StaticSealSettings;
}

/** What the operator sets for a seal of the kind. */
export type SealSettings<Kind extends SealKind = SealKind> = SettingsByKind[Kind];

interface FieldsByKind {
  readonly shamir: never;
  readonly static: keyof StaticSealInput;
}

/** The values from which the settings of the kind are read. */
export type SealField<Kind extends SealKind = SealKind> = FieldsByKind[Kind];

export type SettingsOutcome<Kind extends SealKind> =
  | { readonly ok: true; readonly settings: SealSettings<Kind> }
  | {
    readonly ok: false;
    readonly errors: readonly { readonly field: SealField<Kind>; readonly message: string }[];
  };

export interface SealKindRow<Kind extends SealKind> {
  /** The settings hold, or lead to, its key. Otherwise unseal shares make it. */
  readonly opensByItself: boolean;
  /** The shares that authorise ceremonies, and whose counts the configuration holds. */
  readonly authorisedBy: "unseal" | "recovery";
  /** The vault stores its previous keys. Otherwise the operator keeps them in the settings. */
  readonly keepsPreviousKeys: boolean;
  /** Bytes are a file's content, a string is a literal, undefined is not set. */
  readonly parseSettings: (
    read: (field: SealField<Kind>) => string | Uint8Array | undefined,
  ) => SettingsOutcome<Kind>;
  /** `joined` gives the key that unseal shares make; kinds that open by themselves do not ask. */
  readonly open: (
    settings: SealSettings<Kind>,
    joined: () => UnsealKey,
    random: RandomBytes,
  ) => Seal;
  /** The settings without previous keys: what the next start must do with. */
  readonly currentOnly: (settings: SealSettings<Kind>) => SealSettings<Kind>;
}

export const SEAL_KINDS: { readonly [Kind in SealKind]: SealKindRow<Kind> } = {
  shamir: {
    opensByItself: false,
    authorisedBy: "unseal",
    keepsPreviousKeys: true,
    parseSettings: () => ({ ok: true, settings: { type: "shamir" } }),
    open: (_settings, joined, random) => createShamirSeal(joined(), [], random),
    currentOnly: (settings) => settings,
  },
  static: {
    opensByItself: true,
    authorisedBy: "recovery",
    keepsPreviousKeys: false,
    parseSettings: (read) =>
      parseStaticSealSettings({
        currentKey: read("currentKey"),
        currentKeyId: read("currentKeyId"),
        previousKey: read("previousKey"),
        previousKeyId: read("previousKeyId"),
      }),
    open: (settings, _joined, random) => createStaticSeal(settings, random),
    currentOnly: (settings) => ({ ...settings, previous: null }),
  },
};

/** The seal of these settings. Throws what `joined` throws. */
export function openSeal<Kind extends SealKind>(
  settings: SealSettings<Kind> & { readonly type: Kind },
  joined: () => UnsealKey,
  random: RandomBytes,
): Seal {
  const row: SealKindRow<Kind> = SEAL_KINDS[settings.type];
  return row.open(settings, joined, random);
}

/** The seal of these settings as it opens once previous keys are no longer set. */
export function openCurrentSeal<Kind extends SealKind>(
  settings: SealSettings<Kind> & { readonly type: Kind },
  joined: () => UnsealKey,
  random: RandomBytes,
): Seal {
  const row: SealKindRow<Kind> = SEAL_KINDS[settings.type];
  return row.open(row.currentOnly(settings), joined, random);
}
