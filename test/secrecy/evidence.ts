/**
 * Test helper: the recorder of a test file on Node. A test that starts the product without the helpers
 * that use it (`memory_api.ts`, `processes.ts`, `site.ts`, …) should record its lines and requests as
 * they do.
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

// This module is imported before the test registers its own hooks, so this hook runs after them.
afterAll(() => evidence.flush());

/** Settings that make the demo record evidence too. */
export function demoSettings(): Readonly<Record<string, string>> {
  const recorder = new URL("demo_recorder.ts", import.meta.url);
  return { SECRECY_DIRECTORY: directory, NODE_OPTIONS: `--import=${recorder}` };
}
