/** Base64 that callers send, and Go's message for text that is not base64. Pure. */

import { decodeBase64 } from "../../crypto/bytes.ts";

/** Why something a caller sent is not usable, in Vault's words. */
export interface Refused {
  readonly kind: "refused";
  readonly reason: string;
  /** The reference treats it as an internal error. Only the form of the message shows that. */
  readonly isFault?: true;
}

export type Checked<T> = { readonly kind: "usable"; readonly value: T } | Refused;

export function usable<T>(value: T): Checked<T> {
  return { kind: "usable", value };
}

export function refused(reason: string): Refused {
  return { kind: "refused", reason };
}

export function checkBase64(text: string): Checked<Uint8Array> {
  const bytes = decodeBase64(text);
  if (bytes !== null) return usable(bytes);
  return refused(`illegal base64 data at input byte ${faultIndex(text)}`);
}

/** Empty text is empty data. */
export function checkAssociatedData(text: string): Checked<Uint8Array> {
  const checked = checkBase64(text);
  if (checked.kind === "usable") return checked;
  const reason = `unable to get associated_data/additional_data from factory[0]: ${checked.reason}`;
  return { kind: "refused", reason, isFault: true };
}

/** Where Go's decoder stops (encoding/base64, decodeQuantum), for text without line breaks. */
function faultIndex(text: string): number {
  const first = text.search(/[^A-Za-z0-9+/]/);
  if (first === -1) return text.length - text.length % 4;
  const filled = first % 4;
  if (text[first] !== "=" || filled < 2) return first;
  if (filled === 3) return first + 1;
  if (first + 1 === text.length) return text.length;
  return text[first + 1] === "=" ? first + 2 : first;
}
