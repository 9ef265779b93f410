/** Test helper: reads the evidence of a run and searches every line for every secret. */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isSecretEnough } from "./exchange.ts";
import { formsOf, type Hit, Needles, toBytes } from "./needles.ts";
import { LINES_FOLDER, PUBLISHED_FOLDER, SECRETS_FOLDER } from "./recorder.ts";

export interface Kept {
  readonly value: string;
  readonly name: string;
  readonly isCredential: boolean;
  readonly origin: string;
  /** The file of the recorder that saw it. */
  readonly file: string;
}

export interface Scan {
  readonly secrets: number;
  readonly needles: number;
  /** Names of the headers and members that secrets were in. */
  readonly names: ReadonlySet<string>;
  readonly sources: ReadonlyMap<string, { readonly files: number; readonly lines: number }>;
  readonly bytes: number;
  /** A text for each secret and file it was found in. None of them contains a secret. */
  readonly leaks: readonly string[];
}

/** Characters of the line shown on each side of a find. */
const CONTEXT = 160;

export function scanEvidence(directory: string, more: readonly Kept[] = []): Scan {
  const secrets = distinct([...readSecrets(directory), ...more]);
  const hidden = withoutPublished(secrets, readPublished(directory));
  const needles = new Needles();
  hidden.forEach((secret, id) => {
    for (const form of formsOf(secret.value)) needles.add(form, id);
  });
  const leaks: string[] = [];
  const sources = new Map<string, { files: number; lines: number }>();
  let bytes = 0;
  for (const source of list(join(directory, LINES_FOLDER))) {
    const counted = { files: 0, lines: 0 };
    sources.set(source, counted);
    for (const file of list(join(directory, LINES_FOLDER, source))) {
      const path = join(LINES_FOLDER, source, file);
      const text = readFileSync(join(directory, path), "latin1");
      counted.files += 1;
      counted.lines += countLines(text);
      bytes += text.length;
      leaks.push(...leaksIn(text, path, needles, hidden));
    }
  }
  return {
    secrets: hidden.length,
    needles: needles.size,
    names: new Set(hidden.map(({ name }) => name)),
    sources,
    bytes,
    leaks,
  };
}

function leaksIn(
  text: string,
  path: string,
  needles: Needles,
  secrets: readonly Kept[],
): readonly string[] {
  const hits = [...needles.find(text)];
  const reported = new Set<number>();
  return hits.flatMap((hit) => {
    const secret = secrets[hit.id];
    if (secret === undefined || reported.has(hit.id)) return [];
    reported.add(hit.id);
    const line = countLines(text.slice(0, hit.at)) + 1;
    const { value, origin, file } = secret;
    const digest = createHash("sha256").update(value).digest("hex").slice(0, 8);
    const from = masked(origin, needles);
    return [
      `${path}:${line}: ${from}, ${value.length} characters, SHA-256 ${digest}…, seen by ${file}\n` +
      `    ${around(text, hit, hits)}`,
    ];
  });
}

/** A part of the line, with every secret in it blotted out. */
function around(text: string, hit: Hit, hits: readonly Hit[]): string {
  const lineStart = text.lastIndexOf("\n", hit.at) + 1;
  const lineEnd = text.indexOf("\n", hit.at);
  const from = Math.max(lineStart, hit.at - CONTEXT);
  const to = Math.min(lineEnd === -1 ? text.length : lineEnd, hit.at + hit.length + CONTEXT);
  return blotted(text, from, to, hits);
}

function blotted(text: string, from: number, to: number, hits: readonly Hit[]): string {
  let shown = "";
  let at = from;
  for (const { at: start, length } of hits) {
    if (start + length <= at || start >= to) continue;
    if (start > at) shown += text.slice(at, start);
    if (start >= at) shown += "▇▇▇";
    at = start + length;
  }
  return shown + text.slice(at, Math.max(at, to));
}

function masked(text: string, needles: Needles): string {
  return blotted(text, 0, text.length, [...needles.find(text)]);
}

/** Each value once, as a credential if any of its records is one. */
function distinct(secrets: readonly Kept[]): readonly Kept[] {
  const byValue = new Map<string, Kept>();
  for (const secret of secrets) {
    const known = byValue.get(secret.value);
    if (known === undefined || (secret.isCredential && !known.isCredential)) {
      byValue.set(secret.value, secret);
    }
  }
  return [...byValue.values()];
}

/**
 * A value that is also in a path or a policy's name cannot be distinguished from it in a line. A
 * credential can, unless it is exactly such a name: then a fuzzer used the same text twice.
 */
function withoutPublished(secrets: readonly Kept[], published: string): readonly Kept[] {
  const names = new Set(published.split("\n"));
  const needles = new Needles();
  secrets.forEach((secret, id) => {
    if (secret.isCredential) return;
    for (const form of formsOf(secret.value)) needles.add(form, id);
  });
  const open = new Set([...needles.find(published)].map(({ id }) => id));
  return secrets.filter(({ value }, id) => !open.has(id) && !names.has(toBytes(value)));
}

function readPublished(directory: string): string {
  return list(join(directory, PUBLISHED_FOLDER)).flatMap((file) =>
    readLines(join(directory, PUBLISHED_FOLDER, file)).map((line) =>
      Buffer.from(JSON.parse(line) as string, "utf8").toString("latin1")
    )
  ).join("\n");
}

/** The fuzzer has fixed texts, none of them ASCII, which it also sends as names of members. */
function isFuzzersOwn(value: string, file: string): boolean {
  return file.endsWith("schemathesis") && !/^[\x20-\x7e]*$/.test(value);
}

function readSecrets(directory: string): readonly Kept[] {
  return list(join(directory, SECRETS_FOLDER)).flatMap((file) =>
    readLines(join(directory, SECRETS_FOLDER, file)).map((line): Kept => {
      const [value, name, isCredential, origin] = JSON.parse(line) as [
        string,
        string,
        boolean,
        string,
      ];
      return { value, name, isCredential, origin, file: file.split(".test.ts")[0] ?? file };
    })
  ).filter(({ value, file }) => isSecretEnough(value) && !isFuzzersOwn(value, file));
}

function readLines(file: string): readonly string[] {
  return readFileSync(file, "utf8").split("\n").filter((line) => line !== "");
}

function list(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
