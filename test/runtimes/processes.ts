/**
 * Starts the product as its users do, by an npm script, and stops it. Output is kept for the check of
 * `../secrecy/`. A started vault has an audit file, and a wire tap records its requests.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { evidence } from "../secrecy/evidence.ts";
import { startTap } from "../secrecy/tap.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The npm scripts that start a vault. */
export const SCRIPTS = ["start", "start:bun", "start:node", "start:workers"] as const;
/** Those with a server of ours, which has files, signals and `LIST`. */
export const LOCAL_SCRIPTS = ["start", "start:bun", "start:node"] as const;

const START_MAX_MS = 60_000;
const POLL_MS = 50;

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" ? address?.port : undefined;
      probe.close(() => port === undefined ? reject(new Error("no port")) : resolve(port));
    });
  });
}

export interface Started {
  readonly url: string;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** Sends the signal to npm alone, as a supervisor does. Resolves with the exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

/** Runs an npm script with these settings and no others. */
export function run(script: string, settings: Readonly<Record<string, string>>): Run {
  const inherited = Object.entries(process.env).filter(([name]) =>
    !/^(SEALWRIGHT|VITEST)/.test(name)
  );
  const child = spawn("npm", ["--silent", "run", script], {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), ...settings },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  for (const [name, value] of Object.entries(settings)) {
    if (/_SEAL_\w+_KEY$/.test(name)) evidence.credential(value, name);
  }
  const kept = evidence.newFile(
    isServer(script) ? `log-${runtimeOf(script)}` : `program-${script}`,
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += String(chunk);
      evidence.chunk(kept, chunk);
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, output: () => output };
}

function isServer(script: string): boolean {
  return script.startsWith("start");
}

/** The runtime of a start script; `start` itself is Deno. */
function runtimeOf(script: string): string {
  return script === "start" ? "deno" : script.replace(/^start:/, "");
}

/** Workers have no files, and their console is the log; see `../secrecy/secrecy.check.ts`. */
function auditSettings(script: string): Readonly<Record<string, string>> {
  if (script === "start:workers") return {};
  return { SEALWRIGHT_AUDIT_FILE: evidence.newFile(`audit-${runtimeOf(script)}`) };
}

/** Part of the log line that tells the operator what to do next. */
const SERVING = '"message":"serving"';

/** Starts a vault. Resolves when it answers and has logged `SERVING`. */
export async function start(
  script: string,
  settings: Readonly<Record<string, string>>,
): Promise<Started> {
  const port = await freePort();
  const tap = await startTap(port, (exchange) => evidence.exchange(exchange));
  const url = `http://127.0.0.1:${tap.port}`;
  const { child, ended, output } = run(script, {
    ...auditSettings(script),
    ...settings,
    SEALWRIGHT_LISTEN: `127.0.0.1:${port}`,
  });
  const deadlineMs = Date.now() + START_MAX_MS;
  while (!(output().includes(SERVING) && await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadlineMs) {
      killGroup(child);
      await tap.close();
      throw new Error(`${script} does not answer; it wrote:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    if (signal === "SIGKILL") killGroup(child);
    else child.kill(signal);
    const status = await ended;
    await tap.close();
    return status;
  };
  return { url, output, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v1/sys/seal-status`);
    return typeof await response.json() === "object";
  } catch {
    return false;
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group has ended already.
  }
}
