/** Tables of the documents have a row for each thing of the source, and no other. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseSettings, SETTING_NAMES } from "../../src/runtimes/settings.ts";
import * as recordPaths from "../../src/storage/record_paths.ts";
import { SCRIPTS } from "../runtimes/processes.ts";
import { section, tableRows } from "./markdown.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const bare = (cell: string | undefined): string => (cell ?? "").replaceAll("`", "");

describe("the table of settings in README.md", () => {
  const rows = tableRows(section(read("README.md"), "Settings"), "variable");

  it("README.md lists every setting in the order of the source", () => {
    expect(rows.map((row) => bare(row[0]))).toEqual([...SETTING_NAMES]);
  });

  it.each(rows.filter((row) => row[1] !== ""))("the default of %s is right", (name, value) => {
    const untouched = parseSettings({}, null);
    expect(untouched.ok).toBe(true);
    expect(parseSettings({ [bare(name)]: bare(value) }, null)).toEqual(untouched);
  });
});

describe("the scripts that start a vault", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const starts = Object.keys(scripts).filter((name) => /^start(:|$)/.test(name)).toSorted();

  it("README.md has a row for each script that starts a vault", () => {
    const rows = tableRows(section(read("README.md"), "Start"), "command");
    const listed = rows.map((row) => bare(row[0]).replace(/^npm (?:run )?/, ""));
    expect(listed.toSorted()).toEqual(starts);
  });

  it("test/runtimes/processes.ts lists each script that starts a vault", () => {
    expect([...SCRIPTS].toSorted()).toEqual(starts);
  });
});

describe("the tables in src/README.md", () => {
  it("src/README.md has a row for each room", () => {
    const folders = readdirSync(join(ROOT, "src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `\`${entry.name}/\``);
    const rooms = tableRows(read("src/README.md"), "room").map((row) => row[0]);
    expect(rooms.toSorted()).toEqual(folders.toSorted());
  });

  it("src/README.md has a row for each path of record_paths.ts, and no other", () => {
    const described = tableRows(read("src/README.md"), "path")
      .map((row) => bare(row[0]).replace(/[<…].*$/, ""));
    const stored = Object.values(recordPaths)
      .map((path) => typeof path === "string" ? path : path(""));
    expect(described.toSorted()).toEqual([...new Set(stored)].toSorted());
  });
});
