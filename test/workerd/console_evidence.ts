/**
 * Before each test file: the vault's lines, which it writes to the console that it shares with the
 * tests, are kept instead of shown. Anything else is shown as ever.
 */

import { evidence } from "./evidence.ts";

const show: unknown = Reflect.get(console, "log");

Reflect.set(console, "log", (...given: readonly unknown[]) => {
  const [line] = given;
  if (typeof line === "string" && line.startsWith('{"time":"')) {
    evidence.line(/^.{35}"type":/.test(line) ? "audit-workerd" : "log-workerd", line);
  } else if (typeof show === "function") {
    Reflect.apply(show, console, given);
  }
});
