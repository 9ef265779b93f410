/**
 * The evidence recorder inside workerd. It has no files, so it sends what it recorded to the collector of
 * `../secrecy/collect.ts` when the test file has ended.
 */

import { afterAll, inject } from "vitest";
import { Recorder } from "../secrecy/recorder.ts";

const { collector } = inject("evidence");
const waiting: { readonly path: string; readonly text: string }[] = [];

export const evidence = new Recorder(
  `workerd.${crypto.randomUUID()}`,
  (path, text) => void waiting.push({ path, text }),
);

afterAll(async () => {
  evidence.flush();
  for (const { path, text } of waiting.splice(0)) {
    const { status } = await fetch(`${collector}/${path}`, { method: "POST", body: text });
    if (status !== 204) throw new Error(`the collector answered ${status}`);
  }
});
