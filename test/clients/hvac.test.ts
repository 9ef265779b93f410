/** The story of `story.ts` with hvac. */

import { fileURLToPath } from "node:url";
import { missingPython, pythonPackages } from "./programs.ts";
import { describeStory } from "./story.ts";

describeStory({
  title: "hvac",
  script: "start",
  family: "rekey",
  missing: missingPython(),
  async prepare() {
    const packages = await pythonPackages("hvac");
    const program = fileURLToPath(new URL("hvac/ceremony.py", import.meta.url));
    return ["env", `PYTHONPATH=${packages}`, "PYTHONDONTWRITEBYTECODE=1", "python3", program];
  },
});
