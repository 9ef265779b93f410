import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, textAt, textsAt } from "../contract/api.contract.ts";
import { evidence } from "./evidence.ts";
import { newObject } from "./objects.ts";

const original: unknown = Reflect.get(console, "log");
let written: string[];
beforeEach(() => {
  written = [];
  Reflect.set(console, "log", (line: unknown) => {
    written.push(String(line));
    evidence.line(/"type":"re/.test(String(line)) ? "audit-workerd" : "log-workerd", String(line));
  });
});
afterEach(() => void Reflect.set(console, "log", original));

function auditLines(): readonly unknown[] {
  return written.map((line) => JSON.parse(line) as unknown)
    .filter((line) => at(line, "type") === "request" || at(line, "type") === "response");
}

describe("audit on Workers", () => {
  it("a vault on Workers writes audit lines to the console and refuses file devices", async () => {
    const stub = newObject("VAULT");
    const call = async (method: string, path: string, body?: unknown, token = "") => {
      const response = await stub.fetch(`http://vault.invalid/v1/${path}`, {
        method,
        headers: { "x-vault-token": token },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, json: text === "" ? null : JSON.parse(text) as unknown };
    };
    const made = await call("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
    const token = textAt(made.json, "root_token");
    await call("PUT", "sys/unseal", { key: textsAt(made.json, "keys")[0] });
    const file = { type: "file", options: { file_path: "a" } };
    expect((await call("PUT", "sys/audit/f", file, token)).status).toBe(400);
    expect((await call("PUT", "sys/audit/c", { type: "console" }, token)).status).toBe(204);
    expect((await call("GET", "sys/mounts", undefined, token)).status).toBe(200);
    const lines = auditLines();
    expect(lines.map((line) => [at(line, "type"), at(line, "request", "path")])).toEqual([
      ["request", "sys/audit/test"],
      ["request", "sys/mounts"],
      ["response", "sys/mounts"],
    ]);
    expect(JSON.stringify(lines)).not.toContain(token);
  });
});
