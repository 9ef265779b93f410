/**
 * Test helper: one story that every client runs against a fresh server, from the first init to a
 * generated root token. A client's program gets a task, uses only its client, and reports the answers.
 * `chapters.ts` checks the report, so all clients must see the same values.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { start, type Started } from "../runtimes/processes.ts";
import { recoveryChapters, shamirChapters } from "./chapters.ts";
import { runProgram } from "./programs.ts";
import type { Chapters, Report } from "./report.ts";
import { createTask, type Family, type Seal, STATIC_SEAL, VALUE } from "./task.ts";

export interface Teller {
  readonly title: string;
  /** The npm script that starts the server. */
  readonly script: string;
  readonly family: Family;
  /** A tool that this client needs and that is not installed, or null. */
  readonly missing: string | null;
  /** Installs or builds what the client's program needs. Gives its command. */
  prepare(): Promise<readonly string[]>;
}

const PREPARE_MAX_MS = 600_000;
const TELL_MAX_MS = 180_000;
const RESTART_MAX_MS = 30_000;

/** Registers the tests of one client, for both seals. */
export function describeStory(teller: Teller): void {
  const reason = teller.missing === null ? "" : ` (skipped: ${teller.missing} is not installed)`;
  describe.skipIf(teller.missing !== null)(`${teller.title}${reason}`, () => {
    let command: readonly string[];
    beforeAll(async () => {
      command = await teller.prepare();
    }, PREPARE_MAX_MS);
    describe.each(["shamir", "static"] as const)("with the %s seal", (seal) => {
      describeSeal(teller, seal, () => command);
    });
  });
}

function describeSeal(teller: Teller, seal: Seal, command: () => readonly string[]): void {
  let data: string;
  let server: Started | null = null;
  let report: Report;
  let log: string;

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), "sealwright-client-"));
    const settings = { SEALWRIGHT_DATA: data, ...(seal === "static" ? STATIC_SEAL : {}) };
    server = await start(teller.script, settings);
    report = await runProgram(command(), createTask(server.url, seal, teller.family));
    await server.stop();
    log = server.output();
    server = await start(teller.script, settings);
  }, TELL_MAX_MS);
  afterAll(async () => {
    await server?.stop("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  });

  const chapters: Chapters = seal === "shamir"
    ? shamirChapters(teller.family)
    : recoveryChapters(teller.family);
  it.each(Object.entries(chapters))(`${teller.title} (${seal}) %s`, (_, judge) => judge(report));

  it(
    `after a restart the ${seal} vault of ${teller.title} is unsealed and has its values`,
    async () => {
      const call = async (method: string, path: string, body?: object): Promise<unknown> => {
        const headers = { "X-Vault-Token": report["init"].root_token };
        const init = body === undefined ? {} : { body: JSON.stringify(body) };
        const url = `${server?.url}/v1/${path}`;
        return await (await fetch(url, { method, headers, ...init })).json();
      };
      if (seal === "shamir") {
        for (const key of report["rekey_plainly"].keys.slice(1)) {
          await call("PUT", "sys/unseal", { key });
        }
      }
      expect(await call("GET", "sys/seal-status")).toMatchObject({ sealed: false, type: seal });
      expect(await call("GET", "plain/garden")).toMatchObject({ data: VALUE });
      expect(await call("GET", "plain/late")).toMatchObject({ data: { a: "b" } });
    },
    RESTART_MAX_MS,
  );

  it(`the server's log for ${teller.title} (${seal}) has no secret and no error`, () => {
    expect(log).toContain("sys/init");
    expect(secretsOf(report).filter((secret) => log.includes(secret))).toEqual([]);
    expect(log).not.toMatch(/"level":"error"/);
  });
}

function secretsOf(report: Report): readonly string[] {
  const chapters = [report["init"], report["rekey_with_pgp"], report["rekey_plainly"] ?? {}];
  const lists = ["keys", "keys_base64", "recovery_keys", "recovery_keys_base64", "shares"];
  const shares = chapters.flatMap((chapter) => lists.flatMap((list) => chapter[list] ?? []));
  return [
    ...shares,
    report["init"].root_token,
    VALUE.gate,
    STATIC_SEAL.SEALWRIGHT_STATIC_SEAL_CURRENT_KEY,
  ];
}
