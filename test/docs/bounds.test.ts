/** The table of bounds in SECURITY.md is complete, has the source's values, and names a test for each. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as limits from "../../src/limits.ts";
import { section, tableRows } from "./markdown.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** Limits that no caller can reach: the vault's own work, and facts of its formats. */
const INTERNAL: ReadonlySet<string> = new Set([
  "AUDIT_PIPE_WAIT_MS",
  "AUDIT_REST_MAX_MS",
  "AUDIT_REST_MIN_MS",
  "AUDIT_WAITING_CHARACTERS_MAX",
  "AUDIT_WAITING_LINES_MAX",
  "AUDIT_WRITE_MAX_MS",
  "AUTO_UNSEAL_RETRY_MAX_MS",
  "AUTO_UNSEAL_RETRY_MIN_MS",
  "BATCH_TOKEN_CLOCK_SKEW_MS",
  "CEREMONY_TTL_MS",
  "CLOSE_WAIT_MAX_MS",
  "COMMIT_TRIES_MAX",
  "DESCRIPTORS_RESERVED",
  "EXPIRY_BATCH_SECRET_IDS",
  "EXPIRY_BATCH_TOKENS",
  "KEY_BYTES",
  "KEY_CHANGE_RETRY_MS",
  "LEASE_DEFAULT_SECONDS",
  "LOG_FLUSH_MAX_MS",
  "LOG_WAITING_CHARACTERS_MAX",
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
  "RULE_SPELLINGS_MAX",
  "SCRUB_REBUILD_MAX_BYTES",
  "SHARES_MAX",
  "STOP_GRACE_MS",
  "SUBMITTED_KEY_MIN_BYTES",
  "TAG_BYTES",
  "TERM_INTERVAL_MIN_SECONDS",
  "TERM_OPERATIONS_MAX",
  "TERM_OPERATIONS_MIN",
]);

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 };

function numberOf(cell: string): number {
  const [amount = "", unit = ""] = cell.split(" ");
  return Number(amount) * (unit === "" ? 1 : UNITS[unit] ?? NaN);
}

describe("the table of bounds in SECURITY.md", () => {
  const rows = tableRows(section(read("SECURITY.md"), "What a caller may send"), "bound");
  const names = rows.map(([bound = ""]) => bound.replaceAll("`", ""));

  it("SECURITY.md lists every bound that a caller can reach, once", () => {
    const all = Object.keys(limits).filter((name) => !INTERNAL.has(name));
    expect(names.toSorted()).toEqual(all.toSorted());
  });

  it("every bound left out of SECURITY.md exists", () => {
    expect([...INTERNAL].filter((name) => !Object.hasOwn(limits, name))).toEqual([]);
  });

  it.each(rows)("the bound %s is %s, of %s", (bound = "", value = "", _of = "", test = "") => {
    const name = bound.replaceAll("`", "");
    expect(numberOf(value)).toBe(Reflect.get(limits, name));
    const [, file = ""] = /\(([^)]+)\)/.exec(test) ?? [];
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(read(file), `${file} does not test ${name}`).toContain(name);
  });
});
