/** Runs the attackers in their own process, so that their work is not measured as the server's. */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./attackers.mjs", import.meta.url));

/** Resolves to a table of the answers they got. */
export function runAttackers(port, seconds) {
  const child = spawn(process.execPath, [SCRIPT, String(port), String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => output += chunk);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on(
      "close",
      (status) =>
        status === 0 ? resolve(output.trimEnd()) : reject(new Error(`attackers: ${status}`)),
    );
  });
}
