/**
 * Child processes of the bench: servers, and helpers that do a piece of work in the measured
 * runtime and print one JSON value. All end with the bench.
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";

const START_MAX_MS = 60_000;
const POLL_MS = 20;
const running = new Set();

const fromRoot = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const binary = (name) => fromRoot(`node_modules/.bin/${name}`);

/** The command that runs one of our files in `runtime`, with every permission. */
function commandOf(runtime, file) {
  switch (runtime) {
    case "deno":
      return [
        binary("deno"),
        "run",
        "--quiet",
        "--allow-all",
        "--no-lock",
        "--cached-only",
        `--config=${fromRoot("deno.json")}`,
        fromRoot(file),
      ];
    default:
      return [binary(runtime), fromRoot(file)];
  }
}

/** The command behind `npm start` and its variants. On Deno the script becomes the server. */
function vaultCommandOf(runtime) {
  switch (runtime) {
    case "deno":
    case "workers":
      return [binary("node"), fromRoot(`scripts/start_${runtime}.mjs`)];
    default:
      return commandOf(runtime, `src/runtimes/local/${runtime}.ts`);
  }
}

function start([command, ...args], env, stdout) {
  const child = spawn(command, args, {
    cwd: fromRoot("."),
    env: { ...process.env, ...env },
    stdio: ["ignore", stdout, "pipe"],
  });
  running.add(child);
  let errors = "";
  child.stderr.on("data", (chunk) => errors = (errors + chunk).slice(-4000));
  const ended = new Promise((resolve) => {
    child.on("close", (status) => {
      running.delete(child);
      resolve(status);
    });
  });
  return { child, ended, errors: () => errors };
}

/** Runs `scripts/bench/<name>.mjs` in the runtime. Resolves to the JSON value it prints. */
export async function runHelper(runtime, name, input) {
  const command = [...commandOf(runtime, `scripts/bench/${name}.mjs`), JSON.stringify(input)];
  const { child, ended, errors } = start(command, {}, "pipe");
  let output = "";
  child.stdout.on("data", (chunk) => output += chunk);
  if (await ended !== 0) throw new Error(`${name} failed on ${runtime}:\n${errors()}`);
  return JSON.parse(output);
}

/** Starts the product as its users do, on this data directory. */
export async function startVault(runtime, dataDirectory, settings = {}) {
  const port = await freePort();
  const env = {
    SEALWRIGHT_LISTEN: `127.0.0.1:${port}`,
    SEALWRIGHT_DATA: dataDirectory,
    SEALWRIGHT_SEAL: "shamir",
    SEALWRIGHT_REKEY_ACCESS: "token",
    SEALWRIGHT_LOG: "warn",
    ...settings,
  };
  return await whenAnswering(start(vaultCommandOf(runtime), env, "ignore"), port);
}

/** Starts the handler that requests are compared with. */
export async function startBareServer(runtime, file) {
  const port = await freePort();
  const input = JSON.stringify({ runtime, port, file });
  const command = [...commandOf(runtime, "scripts/bench/bare_server.mjs"), input];
  return await whenAnswering(start(command, {}, "ignore"), port);
}

async function whenAnswering({ child, ended, errors }, port) {
  const deadlineMs = Date.now() + START_MAX_MS;
  while (!await answers(port)) {
    if (child.exitCode !== null || Date.now() > deadlineMs) {
      child.kill("SIGKILL");
      throw new Error(`a server does not answer; it wrote:\n${errors()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return {
    port,
    peakRssMib: () => readPeakRssMib(child.pid),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function answers(port) {
  try {
    await (await fetch(`http://127.0.0.1:${port}/v1/sys/seal-status`)).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Peak resident set of a process in MiB; null if the system does not record it. */
function readPeakRssMib(pid) {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? null : Math.round(Number(kib) / 1024);
  } catch {
    return null;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Ends all children that still run. */
export async function endAll() {
  const all = [...running];
  const closed = all.map((child) => new Promise((resolve) => child.on("close", resolve)));
  for (const child of all) child.kill("SIGKILL");
  await Promise.all(closed);
}
