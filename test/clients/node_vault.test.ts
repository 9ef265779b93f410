/** The story of `story.ts` with node-vault. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { describeStory } from "./story.ts";

describeStory({
  title: "node-vault",
  script: "start:bun",
  family: "rekey",
  missing: null,
  async prepare() {
    const program = fileURLToPath(new URL("node_vault/ceremony.ts", import.meta.url));
    return [process.execPath, program];
  },
});
