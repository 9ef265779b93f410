/** Test helper: tells when a removal or an upgrade of a mount asks to run alone on it. */

import { vi } from "vitest";
import { Latch } from "../../../../src/barrier/latch.ts";

/** Resolves when `Latch.exclusive` is next called, which then runs as usual. */
export function exclusiveAsked(): Promise<void> {
  const asked = Promise.withResolvers<void>();
  const { exclusive } = Latch.prototype;
  const spy = vi.spyOn(Latch.prototype, "exclusive").mockImplementation(function <T>(
    this: Latch,
    body: () => Promise<T>,
  ): Promise<T> {
    spy.mockRestore();
    asked.resolve();
    return exclusive.call(this, body) as Promise<T>;
  });
  return asked.promise;
}
