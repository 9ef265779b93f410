/** The table of bounds in SECURITY.md is complete, has the source's values, and names a test for each. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as limits from "../../src/limits.ts";
import { section, tableRows } from "./markdown.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** Limits that no caller can reach: the vault's own work, and facts of its formats. */
const INTERNAL: ReadonlySet<string> = new Set([
  "AEAD_INPUT_MAX_BYTES",
  "AUDIT_PIPE_WAIT_MS",
  "AUDIT_REST_MAX_MS",
  "AUDIT_REST_MIN_MS",
  "AUDIT_WAITING_CHARACTERS_MAX",
  "AUDIT_WAITING_LINES_MAX",
  "AUDIT_WRITE_MAX_MS",
  "AUTO_UNSEAL_DOUBLINGS_MAX",
  "AUTO_UNSEAL_RETRY_MAX_MS",
  "AUTO_UNSEAL_RETRY_MIN_MS",
  "BARRIER_READS_MAX",
  "BATCH_TOKEN_CLOCK_SKEW_MS",
  "CEREMONY_TTL_MS",
  "CLOSE_WAIT_MAX_MS",
  "COMMIT_TRIES_MAX",
  "CONNECTION_CHECK_MAX_MS",
  "DENO_KV_COMMIT_MAX_BYTES",
  "DENO_KV_COMMIT_WRITES_MAX",
  "DENO_KV_PATH_MAX_BYTES",
  "DENO_KV_RECORD_MAX_BYTES",
  "DESCRIPTORS_RESERVED",
  "DUE_JOBS_MAX",
  "EXPIRY_BATCH_SECRET_IDS",
  "EXPIRY_BATCH_TOKENS",
  "GROUP_COMMITS_MAX",
  "HCL_TEXT_MAX_CHARS",
  "HEAD_EMPTY_LINES_MAX",
  "KEY_BYTES",
  "KEY_CHANGE_RETRY_MS",
  "KV_UPGRADE_PAGE_MAX_BYTES",
  "LEASE_DEFAULT_SECONDS",
  "LIST_PAGE_PATHS",
  "LOG_FLUSH_MAX_MS",
  "LOG_WAITING_CHARACTERS_MAX",
  "NONCE_BYTES",
  "OPENAPI_NAME_MAX_CHARS",
  "OPENAPI_TEXTS_CACHED_MAX",
  "POLICY_MISTAKES_SHOWN_MAX",
  "POLICY_SETS_CACHED_MAX",
  "QUOTED_MAX_CHARS",
  "RANDOM_ROUNDS_MAX",
  "RATE_LIMIT_BURST",
  "RATE_LIMIT_PER_SECOND",
  "REMOUNTS_MAX",
  "REWRAP_BATCH_ENTRIES",
  "REWRAP_BATCH_MAX_BYTES",
  "REWRAP_FAILURES_MAX",
  "REWRAP_GIVE_UP_MS",
  "REWRAP_JOB_MAX_BYTES",
  "REWRAP_LANES",
  "REWRAP_PAUSE_MAX_MS",
  "REWRAP_PAUSE_MS",
  "REWRAP_RETRY_DELAYS_MS",
  "RULE_SPELLINGS_MAX",
  "SCRUB_REBUILD_MAX_BYTES",
  "SCRYPT_LOG_N_MAX",
  "SCRYPT_PASSWORD_MAX_BYTES",
  "SCRYPT_P_MAX",
  "SCRYPT_R_MAX",
  "SEAL_KEY_ID_MAX_BYTES",
  "SHAMIR_DRAWS_MAX",
  "SHAMIR_SECRET_MAX_BYTES",
  "SHARES_MAX",
  "SOCKET_READ_MAX_BYTES",
  "SOCKET_READ_MIN_BYTES",
  "SQL_COMMIT_EXPECTATIONS_MAX",
  "SQL_COMMIT_MAX_BYTES",
  "SQL_COMMIT_WRITES_MAX",
  "STOP_GRACE_MS",
  "SUBMITTED_KEY_MIN_BYTES",
  "TAG_BYTES",
  "TERM_INTERVAL_MIN_SECONDS",
  "TERM_OPERATIONS_MAX",
  "TERM_OPERATIONS_MIN",
  "TIMER_MAX_MS",
  "TOKENS_CACHED_MAX",
  "TOKEN_CHANGE_BATCH",
  "TRANSIT_KEYS_CACHED_MAX",
]);

/** What the reference says of single values; tests of their endpoints know them. */
const OF_THE_REFERENCE: ReadonlySet<string> = new Set([
  "AUTO_ROTATE_MIN_SECONDS",
  "BCRYPT_COST_MAX",
  "BCRYPT_COST_MIN",
  "DURATION_MAX_SECONDS",
  "PASSWORD_CHARSET_MAX",
  "PASSWORD_LENGTH_MAX",
  "PASSWORD_LENGTH_MIN",
  "PGP_RSA_BITS_MIN",
  "PSS_SALT_LENGTH_MIN",
  "REPLY_STATUS_MAX",
  "REPLY_STATUS_MIN",
  "TRANSIT_CACHE_MIN_KEYS",
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
    const all = Object.keys(limits).filter((name) =>
      !INTERNAL.has(name) && !OF_THE_REFERENCE.has(name)
    );
    expect(names.toSorted()).toEqual(all.toSorted());
  });

  it("every bound left out of SECURITY.md exists", () => {
    expect([...INTERNAL, ...OF_THE_REFERENCE].filter((name) => !Object.hasOwn(limits, name)))
      .toEqual([]);
  });

  it.each(rows)("the bound %s is %s, of %s", (bound = "", value = "", _of = "", test = "") => {
    const name = bound.replaceAll("`", "");
    expect(numberOf(value)).toBe(Reflect.get(limits, name));
    const [, file = ""] = /\(([^)]+)\)/.exec(test) ?? [];
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(read(file), `${file} does not test ${name}`).toContain(name);
  });

  it("no source but limits.ts has a bound", () => {
    const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && file !== "limits.ts");
    const found = sources.flatMap((file) => {
      const bounds = read(join("src", file)).matchAll(
        /^\s*(?:export )?const (\w*_(?:MAX|MIN)(?:_\w+)?)\b/gm,
      );
      return [...bounds].map(([, name]) => `${file}: ${name}`);
    });
    expect(found).toEqual([]);
  });
});
