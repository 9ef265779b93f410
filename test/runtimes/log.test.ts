import { describe, expect, it } from "vitest";
import { createLog, type LogLevel } from "../../src/log.ts";

const AT_MS = Date.parse("2026-01-02T03:04:05.678Z");

function record(style: "json" | "text", level: LogLevel = "debug") {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { lines, log: createLog({ level, write, style, nowMs: () => AT_MS }) };
}

describe("log", () => {
  it("the log writes one JSON object per line, and fields cannot replace its own members", () => {
    const { lines, log } = record("json");
    log.info("seal re-wrap completed", { entries: 3, level: "forged", done: true, error: null });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      time: "2026-01-02T03:04:05.678Z",
      level: "info",
      message: "seal re-wrap completed",
      entries: 3,
      done: true,
      error: null,
    });
  });

  it("the log writes readable text with unusual values quoted", () => {
    const { lines, log } = record("text");
    log.warn("a request failed", { status: 500, reason: 'no "luck"', path: "sys/init", x: "" });
    expect(lines).toEqual([
      "2026-01-02T03:04:05.678Z [WARN]  a request failed status=500 " +
      'reason="no \\"luck\\"" path=sys/init x=""',
    ]);
  });

  it("a log entry is one line, whatever message and fields contain", () => {
    for (const style of ["json", "text"] as const) {
      const { lines, log } = record(style);
      log.error("a\r\nb\u001b[31m\u0085", { field: "c\nd\u2028 [INFO] forged=1" });
      expect(lines[0]).not.toMatch(/\p{Cc}/u);
    }
  });

  it("the log drops entries below its level", () => {
    const { lines, log } = record("text", "warn");
    log.debug("1");
    log.info("2");
    log.warn("3");
    log.error("4");
    expect(lines.map((line) => line.at(-1))).toEqual(["3", "4"]);
  });
});
