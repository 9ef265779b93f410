/**
 * Loaded into the demo's process (`node --import`): records its requests, and the logs and audit lines
 * of its servers, which the demo does not print. Does nothing in other processes, such as npm's.
 */

import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";
import { FileRecorder } from "./file_recorder.ts";

const directory = process.env["SECRECY_DIRECTORY"];
if (directory !== undefined && process.argv[1]?.endsWith("/scripts/demo.mjs") === true) {
  const evidence = new FileRecorder(directory, `demo.${process.pid}.${crypto.randomUUID()}`);
  process.on("exit", () => evidence.flush());

  const fetchAsEver = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await fetchAsEver(input, init);
    const received = await response.clone().text();
    evidence.exchange({
      method: init?.method ?? "GET",
      target: new URL(String(input)).pathname,
      headers: new Headers(init?.headers),
      sent: typeof init?.body === "string" ? init.body : "",
      received,
    });
    return response;
  };

  const spawnAsEver = childProcess.spawn;
  childProcess.spawn = ((command: string, args: string[], options: childProcess.SpawnOptions) => {
    const audit = { SEALWRIGHT_AUDIT_FILE: evidence.newFile("audit-demo") };
    const child = spawnAsEver(command, args, { ...options, env: { ...options.env, ...audit } });
    const kept = evidence.newFile("log-demo");
    child.stderr?.on("data", (chunk) => evidence.chunk(kept, chunk));
    return child;
  }) as typeof childProcess.spawn;
  syncBuiltinESMExports();
}
