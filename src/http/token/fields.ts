/** Field kinds of tokens only, read as Vault's framework does. `wire/fields.ts` has the others. */

import * as v from "valibot";
import { coerceText } from "../../wire/fields.ts";
import { isJsonObject, type JsonObject } from "../../wire/json_value.ts";
import { written } from "../../wire/written_form.ts";

const NAMES = "expected a list of texts";
const PAIRS = "expected texts by name, or a list of name=value";

const AN_OBJECT = v.custom<JsonObject>(isJsonObject);

/** A list of texts. A single text is one item, commas included; `{}` and null are an empty list. */
export function names(about: string) {
  const sent = v.union(
    [v.array(v.unknown()), v.string(), v.number(), v.boolean(), v.null(), AN_OBJECT],
    NAMES,
  );
  type Taken = v.InferOutput<typeof sent>;
  return v.optional(
    v.pipe(sent, written(about, "texts"), readBy<Taken, readonly string[]>(readNames, NAMES)),
  );
}

/** Texts by name: an object, `name=value`, or a list of either; null stays null. */
export function pairs(about: string) {
  const sent = v.union([AN_OBJECT, v.array(v.unknown()), v.string(), v.null()], PAIRS);
  type Taken = v.InferOutput<typeof sent>;
  return v.optional(
    v.pipe(sent, written(about, "textsByName"), readBy<Taken, Pairs | null>(readPairs, PAIRS)),
  );
}

type Pairs = Readonly<Record<string, string>>;

/** Applies `read`, which answers undefined for a value that it cannot read. */
function readBy<Taken, Output>(read: (sent: Taken) => Output | undefined, why: string) {
  return v.rawTransform<Taken, Output>(({ dataset, addIssue, NEVER }) => {
    const output = read(dataset.value);
    if (output !== undefined) return output;
    addIssue({ message: why });
    return NEVER;
  });
}

function readNames(sent: unknown): readonly string[] | undefined {
  if (sent === null || sent === "") return [];
  if (isJsonObject(sent)) return Object.keys(sent).length === 0 ? [] : undefined;
  const texts = (Array.isArray(sent) ? sent : [sent]).map(coerceText);
  return texts.every((text) => text !== null) ? texts : undefined;
}

function readPairs(sent: unknown): Pairs | null | undefined {
  if (sent === null) return null;
  const items: readonly unknown[] = Array.isArray(sent) ? sent : [sent];
  const entries = items.every(isJsonObject)
    ? items.flatMap((item) => Object.entries(item))
    : items.map(splitPair);
  const texts: [string, string][] = [];
  for (const entry of entries) {
    const text = entry === null ? null : coerceText(entry[1]);
    if (entry === null || text === null) return undefined;
    texts.push([entry[0], text]);
  }
  return Object.fromEntries(texts);
}

/** Null if it is not a text with a name before the "=". */
function splitPair(item: unknown): readonly [string, unknown] | null {
  const text = coerceText(item) ?? "";
  const at = text.indexOf("=");
  return at < 1 ? null : [text.slice(0, at), text.slice(at + 1)];
}
