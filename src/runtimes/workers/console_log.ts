/** The log on Workers, where the console is the log. */

import { createLog, type Log, type LogLevel } from "../../log.ts";

export function createConsoleLog(level: LogLevel): Log {
  return createLog({ level, write: writeConsole, style: "json", nowMs: Date.now });
}

export function writeConsole(line: string): void {
  // deno-lint-ignore no-console -- see above
  console.log(line);
}
