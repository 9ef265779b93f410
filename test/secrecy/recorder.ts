/**
 * Test helper: records what the product wrote and what was secret meanwhile, for the last check of the
 * suite (`secrecy.check.ts`). Each recorder has its own files, so threads and processes do not
 * interfere. Independent of a platform: a function that is passed in writes the text.
 */

import { type Exchange, isSecretEnough, type Secret, witness } from "./exchange.ts";

/** Below the folder of the evidence. */
export const LINES_FOLDER = "lines";
export const SECRETS_FOLDER = "secrets";
export const PUBLISHED_FOLDER = "published";

/** The writer of a line, a folder of the evidence. `program` is the output of a project script. */
export type Source = `${"log" | "audit" | "program"}-${string}`;

const FLUSH_CHARS = 256 * 1024;

/** Adds text to a file of the evidence, which may not exist yet. */
export type Append = (path: string, text: string) => void;

export class Recorder {
  readonly #append: Append;
  readonly #name: string;
  readonly #waiting = new Map<string, { chunks: string[]; chars: number }>();
  readonly #known = new Set<string>();
  readonly #published = new Set<string>();

  /** `name` is for the report; it must differ between threads. */
  constructor(name: string, append: Append) {
    this.#name = name;
    this.#append = append;
  }

  /** Records one line without its line break, or several. */
  line(source: Source, line: string): void {
    this.#keep(`${LINES_FOLDER}/${source}/${this.#name}.log`, `${line}\n`);
  }

  exchange(exchange: Exchange): void {
    const { secrets, published } = witness(exchange);
    for (const secret of secrets) this.#keepSecret(secret);
    for (const text of published) {
      if (this.#published.has(text)) continue;
      this.#published.add(text);
      if (!isSecretEnough(text)) continue;
      this.#keep(`${PUBLISHED_FOLDER}/${this.#name}.jsonl`, `${JSON.stringify(text)}\n`);
    }
  }

  /** Records a credential that is in no request: a setting, or a share in memory. */
  credential(value: string, name: string): void {
    this.#keepSecret({ value, name, isCredential: true, origin: name });
  }

  flush(): void {
    for (const path of this.#waiting.keys()) this.#write(path);
  }

  #keepSecret(secret: Secret): void {
    const key = `${secret.isCredential} ${secret.value}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const { value, name, isCredential, origin } = secret;
    const record = JSON.stringify([value, name, isCredential, origin.slice(0, 200)]);
    this.#keep(`${SECRETS_FOLDER}/${this.#name}.jsonl`, `${record}\n`);
  }

  #keep(path: string, text: string): void {
    const waiting = this.#waiting.get(path) ?? { chunks: [], chars: 0 };
    this.#waiting.set(path, waiting);
    waiting.chunks.push(text);
    waiting.chars += text.length;
    if (waiting.chars > FLUSH_CHARS) this.#write(path);
  }

  #write(path: string): void {
    const waiting = this.#waiting.get(path);
    if (waiting === undefined || waiting.chars === 0) return;
    this.#append(path, waiting.chunks.join(""));
    this.#waiting.set(path, { chunks: [], chars: 0 });
  }
}
