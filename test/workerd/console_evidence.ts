/**
 * Set-up of every test file: the vault shares its console with the tests, so its lines are recorded as
 * evidence instead of shown. Other output is shown as usual.
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
