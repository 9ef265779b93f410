/**
 * The recorder of a test file on Node. A test that starts the product in another way than by the
 * helpers that use this (`memory_api.ts`, `processes.ts`, `site.ts`, …) should hand its lines and
 * requests over as they do.
 */

import { relative } from "node:path";
import process from "node:process";
import { afterAll, expect, inject } from "vitest";
import { FileRecorder } from "./file_recorder.ts";

const { root, directory } = inject("evidence");
const file = relative(root, expect.getState().testPath ?? "unknown").replaceAll(/[/\\]/g, "+");

export const evidence = new FileRecorder(
  directory,
  `${file}.${process.pid}.${crypto.randomUUID()}`,
);

// Imported before the test's own hooks are registered, so this one runs after them.
afterAll(() => evidence.flush());

/** With them in its environment, the demo keeps evidence as well. */
export function demoSettings(): Readonly<Record<string, string>> {
  const recorder = new URL("demo_recorder.ts", import.meta.url);
  return { SECRECY_DIRECTORY: directory, NODE_OPTIONS: `--import=${recorder}` };
}
