/** CONTRIBUTING.md says of every folder of the source and of the tests what goes there. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { codeSpans, section } from "./markdown.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const GUIDE = section(
  readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8"),
  "Where does a line go?",
);
const PLACES = [...GUIDE.matchAll(/^\|.*\|(.*)\|$/gm)].flatMap(([, place = ""]) =>
  codeSpans(place)
);

/** Folders in `folder` that have files of their own, `depth` levels down. */
function folders(folder: string, depth = Infinity): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  const below = depth === 0 ? [] : entries.filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => folders(`${folder}/${name}`, depth - 1));
  return entries.some((entry) => entry.isFile()) ? [folder, ...below] : below;
}

function isNamed(folder: string): boolean {
  return PLACES.some((place) => place.replace(/[^/]*$/, "") === `${folder}/`);
}

describe("the tables of CONTRIBUTING.md", () => {
  it("CONTRIBUTING.md sends a line to every folder of src", () => {
    expect(folders("src").filter((folder) => !isNamed(folder))).toEqual([]);
  });

  it("CONTRIBUTING.md sends a line to every file that lies left of all rooms", () => {
    const files = readdirSync(join(ROOT, "src")).filter((name) => name.endsWith(".ts"));
    expect(files.filter((name) => !PLACES.includes(`src/${name}`))).toEqual([]);
  });

  it("CONTRIBUTING.md sends a test to every folder of test that is not named like a room", () => {
    const rooms = readdirSync(join(ROOT, "src"));
    const own = folders("test", 1).filter((folder) => !rooms.includes(folder.split("/")[1] ?? ""));
    expect(own.filter((folder) => folder !== "test" && !isNamed(folder))).toEqual([]);
  });
});
