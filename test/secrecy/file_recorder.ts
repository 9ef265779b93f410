/** Test helper: a recorder that writes the evidence to files, for Node. */

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

  /** A new file for a stream, or for the audit device of a server. */
  newFile(source: Source): string {
    const folder = join(this.#directory, LINES_FOLDER, source);
    mkdirSync(folder, { recursive: true });
    this.#files += 1;
    return join(folder, `${this.#name}.${this.#files}.log`);
  }

  /** Writes a piece of a stream at once, as the process may be killed before it could flush. */
  chunk(file: string, chunk: unknown): void {
    appendFileSync(file, String(chunk));
  }
}
