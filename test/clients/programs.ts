/** Test helper: finds the tools of the clients' programs, installs and builds them, and runs them. */

import { execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Report } from "./report.ts";
import type { Task } from "./task.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const execute = promisify(execFile);

const GO = join(HERE, "go");

/** The Python tools if they are not installed, or null. */
export function missingPython(): string | null {
  const runs = spawnSync("python3", ["-m", "pip", "--version"]).status === 0;
  return runs ? null : "python3 with pip";
}

export function missingJava(): string | null {
  return spawnSync("java", ["-version"]).status === 0 ? null : "java";
}

/** An installed Go older than `go.mod` asks for fetches a newer one, unless it is too old for that. */
export function missingGo(): string | null {
  const runs = spawnSync("go", ["-C", GO, "version"]).status === 0;
  return runs ? null : "a recent go";
}

/**
 * Installs the locked packages of a client once for all runs, outside the repository. Gives their
 * folder. A run that is killed meanwhile leaves a folder that no other run uses.
 */
export async function pythonPackages(
  client: "hvac" | "openapi" | "schemathesis",
): Promise<string> {
  const requirements = join(HERE, client, "requirements.txt");
  return await installedOnce(`${client}-pip`, requirements, async (fresh) => {
    const options = ["--quiet", "--disable-pip-version-check", "--target", fresh];
    await execute("python3", ["-m", "pip", "install", ...options, "--requirement", requirements]);
  });
}

/** Does the same for npm packages. Gives the folder with `node_modules`. */
export async function nodePackages(client: "openapi"): Promise<string> {
  const folder = join(HERE, client);
  const lock = join(folder, "package-lock.json");
  return await installedOnce(`${client}-npm`, lock, async (fresh) => {
    for (const name of ["package.json", "package-lock.json"]) {
      copyFileSync(join(folder, name), join(fresh, name));
    }
    await execute("npm", ["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: fresh,
    });
  });
}

async function installedOnce(
  name: string,
  lock: string,
  install: (fresh: string) => Promise<void>,
): Promise<string> {
  const digest = createHash("sha256").update(readFileSync(lock)).digest("hex").slice(0, 16);
  const installed = join(tmpdir(), `sealwright-${name}-${digest}`);
  if (existsSync(installed)) return installed;
  const fresh = mkdtempSync(join(tmpdir(), "sealwright-install-"));
  await install(fresh);
  try {
    renameSync(fresh, installed);
  } catch (error) {
    if (!existsSync(installed)) throw error;
    rmSync(fresh, { recursive: true, force: true });
  }
  return installed;
}

/** Builds the Go program with these tags into `folder`. Gives its file. */
export async function buildGo(folder: string, tags: string): Promise<string> {
  const file = join(folder, `client-${tags}`);
  await execute("go", ["build", "-tags", tags, "-o", file, "."], { cwd: GO });
  return file;
}

/** Settings that a client would take from the environment instead of its task. */
const CLIENT_SETTINGS = /^(VAULT|BAO|SEALWRIGHT|VITEST)_/;

/** Runs a client's program with the task on stdin. Gives its report, or fails with its stderr. */
export function runProgram(command: readonly string[], task: Task): Promise<Report> {
  const [program = "", ...args] = command;
  const inherited = Object.entries(process.env).filter(([name]) => !CLIENT_SETTINGS.test(name));
  const child = spawn(program, args, {
    env: Object.fromEntries(inherited),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => output += String(chunk));
  child.stderr.on("data", (chunk) => errors += String(chunk));
  // A program that ends before it has read its task says why on stderr.
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(task));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(JSON.parse(output));
      else reject(new Error(`${program} ended with ${status}; it wrote:\n${errors}`));
    });
  });
}
