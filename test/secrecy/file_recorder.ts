/** A recorder on Node, which has files. */

import { appendFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { LINES_FOLDER, Recorder, type Source } from "./recorder.ts";

export class FileRecorder extends Recorder {
  readonly #directory: string;
  readonly #name: string;
  #files = 0;

  constructor(directory: string, name: string) {
    super(name, (path, text) => {
      const file = join(directory, path);
      mkdirSync(dirname(file), { recursive: true });
      appendFileSync(file, text);
    });
    this.#directory = directory;
    this.#name = name;
  }

  /** A file of its own for a stream, or for the audit device of a server. */
  newFile(source: Source): string {
    const folder = join(this.#directory, LINES_FOLDER, source);
    mkdirSync(folder, { recursive: true });
    this.#files += 1;
    return join(folder, `${this.#name}.${this.#files}.log`);
  }

  /** A piece of a stream, written at once: the process may be killed before it could flush. */
  chunk(file: string, chunk: unknown): void {
    appendFileSync(file, String(chunk));
  }
}
