/**
 * Runs last, over everything that the product wrote while the other tests ran: no log or audit line
 * may have a secret that a test or client sent or received, in any spelling. `exchange.ts` decides what
 * counts as secret. If only some files run (with `test/secrecy` among them), this checks what there is
 * and demands no more. SECRECY_DETAILS=1 prints the figures of each source.
 *
 * Not checked here, and why:
 * - the audit trail of `npm run start:workers`, except for one test that enables it: it has no files.
 *   The same object is audited in the project `workerd`, whose console is recorded.
 * - what workerd itself writes to the terminal: it is not ours.
 * - `npm run bench`: the output of its servers stays inside the script.
 * - secrets that are never sent (root key, data keys): no line is ever given one, and no test could
 *   distinguish it from a random text. The keys that benches make are searched for.
 * - text in numbers, in names of members, and in paths, which the trail shows as Vault's does.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { missingGo, missingPython } from "../clients/programs.ts";
import { FOUND_FILE } from "./found.ts";
import { type Kept, type Scan, scanEvidence } from "./scan.ts";

const { root, directory, isWholeSuite } = inject("evidence");
const LEAKS_SHOWN_MAX = 20;

/** The minimum of lines of each source when all tests run: at most half of what it writes. */
const LINES_MIN: Readonly<Record<string, number>> = {
  "log-in-process": 700,
  "audit-in-process": 20_000,
  "log-workerd": 20,
  "audit-workerd": 2000,
  "log-deno": 30,
  "log-node": 20,
  "log-bun": 20,
  "log-workers": 4,
  "log-killed": 10,
  "log-demo": 10,
  "audit-demo": 5000,
  "audit-bun": 200,
};
/** The same for the stories of clients that may not be installed. */
const LINES_MIN_WITH_GO: typeof LINES_MIN = { "audit-node": 400, "audit-deno": 200 };
const LINES_MIN_WITH_PYTHON: typeof LINES_MIN = { "audit-deno": 200 };
const SECRETS_MIN = 5000;
/** Headers, members and settings that must each have had a secret. */
const NAMES: readonly string[] = [
  ...["x-vault-token", "root_token", "client_token", "token", "encoded_token", "otp"],
  ...["key", "keys", "keys_base64", "recovery_keys", "recovery_keys_base64"],
  ...["password", "secret_id", "role_id", "plaintext", "random_bytes", "gate", "pgp"],
  ...["SEALWRIGHT_STATIC_SEAL_CURRENT_KEY", "static seal key", "share of a ceremony test"],
];

/** The private keys of the holders, one secret for each line of key text. */
function pgpKeys(): readonly Kept[] {
  const folder = join(root, "test/vectors/pgp");
  return readdirSync(folder).filter((name) => name.endsWith(".sec.asc")).flatMap((file) =>
    readFileSync(join(folder, file), "utf8").split("\n")
      .filter((line) => /^[0-9A-Za-z+/]{40,}=*$/.test(line))
      .map((value) => ({ value, name: "pgp", isCredential: true, origin: `line of ${file}`, file }))
  );
}

let scan: Scan;
let elapsedMs: number;
beforeAll(() => {
  const startMs = performance.now();
  scan = scanEvidence(directory, pgpKeys());
  elapsedMs = performance.now() - startMs;
  const { secrets, needles, sources, bytes } = scan;
  const lines = [...sources.values()].reduce((sum, source) => sum + source.lines, 0);
  process.stdout.write(
    `secrecy: ${secrets} secrets in ${needles} spellings, looked for in ${lines} lines ` +
      `(${(bytes / 1e6).toFixed(1)} MB) of ${sources.size} sources in ${
        Math.round(elapsedMs)
      } ms\n`,
  );
  if (process.env["SECRECY_DETAILS"] === undefined) return;
  for (const [source, { files, lines }] of scan.sources) {
    process.stdout.write(`  ${source}: ${lines} lines in ${files} files\n`);
  }
  process.stdout.write(`  names: ${[...scan.names].sort().join(" ")}\n`);
});

describe("logs and audit lines of the suite", () => {
  it("no log or audit line that the product wrote has a secret", () => {
    if (scan.leaks.length > 0) writeFileSync(join(directory, FOUND_FILE), scan.leaks.join("\n"));
    const shown = scan.leaks.slice(0, LEAKS_SHOWN_MAX).join("\n");
    expect(scan.leaks.length, `in ${directory}:\n${shown}\n`).toBe(0);
  });

  it.runIf(isWholeSuite)("every source wrote enough lines to be checked", () => {
    const wanted = {
      ...LINES_MIN,
      ...(missingGo() === null ? LINES_MIN_WITH_GO : {}),
      ...(missingPython() === null ? LINES_MIN_WITH_PYTHON : {}),
    };
    for (const [source, lines] of Object.entries(wanted)) {
      expect(scan.sources.get(source)?.lines ?? 0, source).toBeGreaterThanOrEqual(lines);
    }
    expect(scan.secrets).toBeGreaterThanOrEqual(SECRETS_MIN);
    for (const name of NAMES) expect(scan.names).toContain(name);
  });
});
