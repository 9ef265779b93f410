/**
 * Test helper: reads Prometheus's text format 0.0.4 into families and samples. It is stricter than
 * Prometheus and throws on any deviation.
 */

import { isDeepStrictEqual } from "node:util";

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ReadSample[];
}

export type Families = ReadonlyMap<string, ReadFamily>;

const NAME = "[a-zA-Z_][a-zA-Z0-9_]*";
const LABEL = `(${NAME})="((?:[^"\\\\\\n]|\\\\["\\\\n])*)"`;
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`);
const SUFFIXES = ["_bucket", "_sum", "_count"];

export function readExposition(text: string): Families {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, ReadFamily & { samples: ReadSample[] }>();
  let current = "";
  const lines = text.slice(0, -1).split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    const head = new RegExp(`^# HELP (${NAME}) (\\S.*)$`).exec(line);
    if (head === null) {
      const family = families.get(current);
      if (family === undefined) throw new Error(`no family before ${line}`);
      family.samples.push(readSample(line, current, family.type));
      continue;
    }
    const [, name = "", help = ""] = head;
    if (families.has(name)) throw new Error(`the family ${name} comes twice`);
    index += 1;
    const type = new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`).exec(lines[index] ?? "");
    if (type === null) throw new Error(`no type of ${name}: ${lines[index]}`);
    families.set(name, { type: type[1] ?? "", help, samples: [] });
    current = name;
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function readSample(line: string, family: string, type: string): ReadSample {
  const found = SAMPLE.exec(line);
  if (found === null) throw new Error(`not a sample: ${line}`);
  const [, name = "", written = ""] = found;
  const names = type === "histogram" ? SUFFIXES.map((suffix) => family + suffix) : [family];
  if (!names.includes(name)) throw new Error(`${name} does not belong to ${family}`);
  const pairs = [...written.matchAll(new RegExp(LABEL, "g"))];
  const labels = Object.fromEntries(pairs.map(([, label = "", value = ""]) =>
    [
      label,
      value.replace(/\\(.)/g, (_, char: string) => char === "n" ? "\n" : char),
    ] as const
  ));
  if (Object.keys(labels).length !== pairs.length) throw new Error(`a label twice: ${line}`);
  const text = found.at(-1) ?? "";
  const value = text === "+Inf" ? Infinity : Number(text);
  if (Number.isNaN(value)) throw new Error(`not a number: ${line}`);
  return { name, labels, value };
}

function checkFamily(name: string, { type, samples }: ReadFamily): void {
  if (samples.length === 0) throw new Error(`${name} has no samples`);
  const keys = samples.map((sample) =>
    JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
  );
  if (new Set(keys).size !== keys.length) throw new Error(`a series of ${name} comes twice`);
  if (type === "histogram") checkHistogram(name, samples);
}

/** Buckets must ascend, and the last one, `+Inf`, must equal the count. */
function checkHistogram(name: string, samples: readonly ReadSample[]): void {
  for (const count of samples.filter((sample) => sample.name === `${name}_count`)) {
    const buckets = samples.filter((sample) => {
      const { le: _le, ...labels } = sample.labels;
      return sample.name === `${name}_bucket` && isDeepStrictEqual(labels, count.labels);
    });
    const bounds = buckets.map(({ labels }) =>
      labels["le"] === "+Inf" ? Infinity : Number(labels["le"])
    );
    const values = buckets.map(({ value }) => value);
    const ascends = (numbers: readonly number[]) =>
      numbers.every((number, index) => number >= (numbers[index - 1] ?? -Infinity));
    if (bounds.at(-1) !== Infinity || !ascends(bounds) || !ascends(values)) {
      throw new Error(`the buckets of ${name} do not ascend`);
    }
    if (values.at(-1) !== count.value) throw new Error(`the last bucket of ${name} is not all`);
  }
}

/** The value of the only series of `name` with these labels; undefined if there is none. */
export function valueOf(
  families: Families,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  const found = family?.samples.filter((sample) =>
    sample.name === name &&
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
  ) ?? [];
  if (found.length > 1) throw new Error(`${name} is not one series`);
  return found[0]?.value;
}
