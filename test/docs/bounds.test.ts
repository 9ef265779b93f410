/** The table of bounds in SECURITY.md: complete, with the values of the source, and each with its test. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as limits from "../../src/limits.ts";
import { section, tableRows } from "./markdown.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** What no caller can meet: the vault's own work, and facts of its formats. */
const INTERNAL: ReadonlySet<string> = new Set([
  "AUTO_UNSEAL_RETRY_MAX_MS",
  "AUTO_UNSEAL_RETRY_MIN_MS",
  "CEREMONY_TTL_MS",
  "CLOSE_WAIT_MAX_MS",
  "EXPIRY_BATCH_SECRET_IDS",
  "EXPIRY_BATCH_TOKENS",
  "KEY_BYTES",
  "LEASE_DEFAULT_SECONDS",
  "NONCE_BYTES",
  "RATE_LIMIT_BURST",
  "RATE_LIMIT_PER_SECOND",
  "REMOUNTS_MAX",
  "REWRAP_BATCH_ENTRIES",
  "REWRAP_BATCH_MAX_BYTES",
  "REWRAP_FAILURES_MAX",
  "REWRAP_GIVE_UP_MS",
  "REWRAP_LANES",
  "REWRAP_PAUSE_MAX_MS",
  "REWRAP_PAUSE_MS",
  "REWRAP_RETRY_DELAYS_MS",
  "SCRUB_REBUILD_MAX_BYTES",
  "SHARES_MAX",
  "SUBMITTED_KEY_MIN_BYTES",
  "TAG_BYTES",
  "TERM_INTERVAL_MIN_SECONDS",
  "TERM_OPERATIONS_MAX",
  "TERM_OPERATIONS_MIN",
  "TERM_ROTATION_RETRY_MS",
]);

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 };

function numberOf(cell: string): number {
  const [amount = "", unit = ""] = cell.split(" ");
  return Number(amount) * (unit === "" ? 1 : UNITS[unit] ?? NaN);
}

describe("the table of bounds in SECURITY.md", () => {
  const rows = tableRows(section(read("SECURITY.md"), "What a caller may send"), "bound");
  const names = rows.map(([bound = ""]) => bound.replaceAll("`", ""));

  it("has every bound of the source that a caller can meet, once", () => {
    const all = Object.keys(limits).filter((name) => !INTERNAL.has(name));
    expect(names.toSorted()).toEqual(all.toSorted());
  });

  it("leaves out only what there is", () => {
    expect([...INTERNAL].filter((name) => !Object.hasOwn(limits, name))).toEqual([]);
  });

  it.each(rows)("%s is %s, of %s", (bound = "", value = "", _of = "", test = "") => {
    const name = bound.replaceAll("`", "");
    expect(numberOf(value)).toBe(Reflect.get(limits, name));
    const [, file = ""] = /\(([^)]+)\)/.exec(test) ?? [];
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(read(file), `${file} does not test ${name}`).toContain(name);
  });
});
