/** The story of `story.ts` with the Go clients of Vault and OpenBao. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { buildGo, missingGo } from "./programs.ts";
import { describeStory } from "./story.ts";

const folder = mkdtempSync(join(tmpdir(), "sealwright-go-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = missingGo();

describeStory({
  title: "vault/api",
  script: "start:node",
  family: "rekey",
  missing,
  prepare: async () => [await buildGo(folder, "vault")],
});

describeStory({
  title: "openbao/api by rekey",
  script: "start",
  family: "rekey",
  missing,
  prepare: async () => [await buildGo(folder, "openbao")],
});

describeStory({
  title: "openbao/api by rotate",
  script: "start:node",
  family: "rotate",
  missing,
  prepare: async () => [await buildGo(folder, "openbao")],
});
