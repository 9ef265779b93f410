/** The stored password policies. Names keep their letter case. Nothing is cached. */

import type { Barrier } from "../../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { PASSWORD_POLICY_PREFIX } from "../../storage/record_paths.ts";
import { inScanOrder } from "./policy_text.ts";

export class PasswordPolicyStore {
  readonly #barrier: Barrier;

  constructor(barrier: Barrier) {
    this.#barrier = barrier;
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const name of this.#barrier.each(PASSWORD_POLICY_PREFIX)) names.push(name);
    return inScanOrder(names);
  }

  async read(name: string): Promise<string | null> {
    const record = await this.#barrier.get(PASSWORD_POLICY_PREFIX + name);
    return record === null ? null : decodeUtf8(record.value);
  }

  async write(name: string, text: string): Promise<void> {
    await this.#put(name, encodeUtf8(text));
  }

  async remove(name: string): Promise<void> {
    await this.#put(name, null);
  }

  async #put(name: string, value: Uint8Array | null): Promise<void> {
    await this.#barrier.commit({ entries: [{ path: PASSWORD_POLICY_PREFIX + name, value }] });
  }
}
