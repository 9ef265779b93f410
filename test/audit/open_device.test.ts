import { describe, expect, it } from "vitest";
import { createHashing } from "../../src/audit/hashing.ts";
import { OpenDevice } from "../../src/audit/open_device.ts";
import { AUDIT_REST_MAX_MS, AUDIT_REST_MIN_MS } from "../../src/limits.ts";
import { createLog } from "../../src/log.ts";

const SALT = new Uint8Array(32);

interface Device {
  readonly device: OpenDevice;
  readonly log: readonly string[];
  nowMs: number;
  works: boolean;
  /** A line named `late` waits for this before it fails. */
  readonly late: PromiseWithResolvers<void>;
  /** Whether the device is ready again exactly so long after its last try, not a millisecond sooner. */
  isRestedAfter(ms: number): boolean;
}

function newDevice(): Device {
  const log: string[] = [];
  const made: Device = {
    log,
    nowMs: 1_000_000,
    works: true,
    late: Promise.withResolvers<void>(),
    isRestedAfter: (ms) => {
      made.nowMs += ms - 1;
      const early = made.device.isRested();
      made.nowMs += 1;
      return !early && made.device.isRested();
    },
    device: new OpenDevice({
      device: { path: "a/", type: "test", description: "", options: {}, local: false },
      settled: {},
      salt: SALT,
      hashing: createHashing(SALT, true),
      origin: "api",
      nowMs: () => made.nowMs,
      log: createLog({
        level: "debug",
        style: "json",
        nowMs: () => made.nowMs,
        write: (line) => void log.push(line),
      }),
      sinks: {
        settle: (_type, options) => options,
        open: async () => ({
          write: async (line) => {
            if (line === "late") await made.late.promise;
            if (!made.works) throw new Error("full");
          },
          reopen: () => {},
          close: async () => {},
        }),
      },
    }),
  };
  return made;
}

describe("failing audit devices", () => {
  it("a failing device rests twice as long after each failed try, up to a limit", async () => {
    const made = newDevice();
    made.works = false;
    let restMs = AUDIT_REST_MIN_MS;
    for (let tries = 0; tries < 20; tries++) {
      expect(await made.device.write("x")).toBe(false);
      expect([tries, made.isRestedAfter(restMs)]).toEqual([tries, true]);
      restMs = Math.min(2 * restMs, AUDIT_REST_MAX_MS);
    }
    expect(restMs).toBe(AUDIT_REST_MAX_MS);
  });

  it("several lines that fail together count as one failure", async () => {
    const made = newDevice();
    made.works = false;
    await Promise.all(["1", "2", "3"].map((line) => made.device.write(line)));
    expect(made.isRestedAfter(AUDIT_REST_MIN_MS)).toBe(true);
  });

  it("a late failure of an earlier line does not shorten the rest", async () => {
    const made = newDevice();
    made.works = false;
    const late = made.device.write("late");
    await made.device.write("1");
    await made.device.write("2");
    made.nowMs += 1;
    made.late.resolve();
    expect(await late).toBe(false);
    expect(made.isRestedAfter(2 * AUDIT_REST_MIN_MS - 1)).toBe(true);
  });

  it("a device reports how many lines it missed, including those not offered to it", async () => {
    const made = newDevice();
    made.works = false;
    await made.device.write("1");
    made.device.miss();
    made.device.miss();
    made.works = true;
    expect(await made.device.write("2")).toBe(true);
    expect(made.device.isFailing).toBe(false);
    expect(made.log.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: "error", message: "audit device does not take entries", reason: "full" },
      { level: "info", message: "audit device takes entries again", missed: 3 },
    ]);
    made.works = false;
    await made.device.write("3");
    expect(made.isRestedAfter(AUDIT_REST_MIN_MS)).toBe(true);
    await made.device.close();
    expect(JSON.parse(made.log.at(-1) ?? "")).toMatchObject({ level: "warn", missed: 1 });
  });

  it("a device is ready at once after it is reopened or the clock is set back", async () => {
    const made = newDevice();
    made.works = false;
    await made.device.write("1");
    expect(made.device.isRested()).toBe(false);
    made.device.reopen();
    expect(made.device.isRested()).toBe(true);
    await made.device.write("2");
    expect(made.device.isRested()).toBe(false);
    made.nowMs -= 10;
    expect(made.device.isRested()).toBe(true);
  });
});
