import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REWRAP_FAILURES_MAX, REWRAP_GIVE_UP_MS, REWRAP_PAUSE_MAX_MS } from "../../src/limits.ts";
import {
  decodeRewrapJob,
  encodeRewrapJob,
  isActive,
  type RewrapFailure,
  type RewrapJob,
  type RewrapRun,
} from "../../src/rewrap/job.ts";
import {
  advanceRun,
  beginRun,
  closeStaleKey,
  countRun,
  dueTimeMs,
  finishRun,
  nextStaleKey,
  passedTenth,
  pauseRun,
  retarget,
} from "../../src/rewrap/plan.ts";

const NOW_MS = 1_000_000;
const START = {
  runId: "run",
  reason: "manual",
  targetKeyId: "new",
  startedBy: "accessor",
  nowMs: NOW_MS,
} as const;

const RUN: RewrapRun = {
  runId: "run",
  reason: "manual",
  targetKeyId: "new",
  startedAtMs: NOW_MS,
  startedBy: "accessor",
  counted: false,
  processed: 0,
  succeeded: 0,
  failed: 0,
  skipped: 0,
  total: 0,
  failures: [],
  staleKeyId: null,
  cursor: null,
  visitedKeyIds: [],
};
const RUNNING: RewrapJob = { phase: "running", run: RUN };
const PAUSED = {
  phase: "paused",
  run: RUN,
  attempt: 2,
  pausedAtMs: 900_000,
  untilMs: 1_005_000,
} as const;
const FINISHED: RewrapJob = finishRun(RUN, NOW_MS);

function failure(path: string): RewrapFailure {
  return { path, sealKeyId: "old", error: "ciphertext_rejected", atMs: NOW_MS };
}

it("a run begins uncounted, with nothing done", () => {
  expect(beginRun(START)).toEqual({ phase: "running", run: RUN });
});

describe("countRun()", () => {
  it.each<[Record<string, number>, Partial<RewrapRun>]>([
    [{}, { total: 0, processed: 0, succeeded: 0, skipped: 0 }],
    [{ new: 7 }, { total: 7, processed: 7, succeeded: 7, skipped: 7 }],
    [{ old: 5 }, { total: 5, processed: 0, succeeded: 0, skipped: 0 }],
    [{ old: 5, older: 2, new: 3 }, { total: 10, processed: 3, succeeded: 3, skipped: 3 }],
  ])("countRun() with %j counts entries under the target key as done", (counts, expected) => {
    expect(countRun(RUN, new Map(Object.entries(counts))))
      .toEqual({ ...RUN, ...expected, counted: true });
  });

  it("countRun() counts a run once", () => {
    const counted = countRun(RUN, new Map([["old", 5]]));
    expect(countRun(counted, new Map([["new", 9]]))).toBe(counted);
  });
});

describe("stale keys", () => {
  it.each<[string[], string[], string | null]>([
    [[], [], null],
    [["new"], [], null],
    [["old"], [], "old"],
    [["old", "new"], [], "old"],
    [["b", "a", "new"], [], "a"],
    [["b", "a", "new"], ["a"], "b"],
    [["b", "a", "new"], ["b", "a"], null],
  ])("the next stale key of %j, having visited %j, is %s", (keys, visitedKeyIds, expected) => {
    const counts = new Map(keys.map((key) => [key, 1]));
    expect(nextStaleKey({ ...RUN, visitedKeyIds }, counts)).toBe(expected);
  });

  it("a change of the seal key makes a run choose among all stale keys again", () => {
    const run = { ...RUN, staleKeyId: "b", cursor: "7", visitedKeyIds: ["a"], processed: 4 };
    expect(retarget(run, "new")).toBe(run);
    const moved = retarget(run, "newer");
    expect(moved).toEqual({ ...RUN, targetKeyId: "newer", processed: 4 });
    expect(nextStaleKey(moved, new Map([["a", 1], ["new", 1]]))).toBe("a");
  });

  it("closeStaleKey() marks the current stale key as visited", () => {
    const run = { ...RUN, staleKeyId: "b", cursor: "7", visitedKeyIds: ["a"] };
    expect(closeStaleKey(run, "b")).toEqual({ ...RUN, visitedKeyIds: ["a", "b"] });
  });
});

describe("slices", () => {
  it("a slice adds to the counters and moves the cursor", () => {
    const run = { ...RUN, processed: 3, succeeded: 3, skipped: 3, total: 20 };
    const slice = { staleKeyId: "old", cursor: "9", rewrapped: 4, failures: [failure("a")] };
    expect(advanceRun(run, slice)).toEqual({
      ...run,
      staleKeyId: "old",
      cursor: "9",
      processed: 8,
      succeeded: 7,
      failed: 1,
      failures: [failure("a")],
    });
  });

  it("all failures are counted, but only the first ones of a run are listed", () => {
    const failures = Array.from({ length: REWRAP_FAILURES_MAX }, (_, index) => failure(`${index}`));
    const slice = { staleKeyId: "old", cursor: "1", rewrapped: 0, failures };
    const run = advanceRun(advanceRun(RUN, slice), { ...slice, failures: [failure("late")] });
    expect(run.failed).toBe(REWRAP_FAILURES_MAX + 1);
    expect(run.failures).toEqual(failures);
  });

  it("processed always equals succeeded plus failed", () => {
    const slices = fc.array(fc.record({
      rewrapped: fc.nat(500),
      failures: fc.array(fc.constant(failure("a")), { maxLength: 60 }),
    }));
    fc.assert(fc.property(fc.nat(1000), slices, (skipped, all) => {
      let run = countRun(RUN, new Map([["new", skipped], ["old", 9999]]));
      for (const slice of all) run = advanceRun(run, { staleKeyId: "old", cursor: "1", ...slice });
      expect(run.processed).toBe(run.succeeded + run.failed);
      expect(run.succeeded).toBeGreaterThanOrEqual(run.skipped);
      expect(run.failures.length).toBeLessThanOrEqual(REWRAP_FAILURES_MAX);
    }));
  });
});

describe("end of a run", () => {
  it("a finished run is completed, completed with failures, or as the caller says", () => {
    expect(finishRun(RUN, 5))
      .toEqual({ phase: "finished", run: RUN, result: "completed", finishedAtMs: 5 });
    const failed = { ...RUN, failed: 1 };
    expect(finishRun(failed, 5)).toMatchObject({ result: "completed_with_failures" });
    expect(finishRun(failed, 5, "cancelled")).toMatchObject({ result: "cancelled" });
  });
});

describe("pauses", () => {
  it("a failing run waits longer each time, up to ten minutes", () => {
    let job = pauseRun({ phase: "running", run: RUN }, NOW_MS);
    const delays: number[] = [];
    for (let nowMs = NOW_MS; job.phase === "paused" && delays.length < 12;) {
      delays.push(job.untilMs - nowMs);
      nowMs = job.untilMs;
      job = pauseRun(job, nowMs);
    }
    const max = REWRAP_PAUSE_MAX_MS;
    expect(delays).toEqual(
      [1000, 5000, 30_000, 60_000, 120_000, 240_000, 480_000, max, max, max, max, max],
    );
    expect(job).toMatchObject({ pausedAtMs: NOW_MS, attempt: 13, run: RUN });
  });

  it("a run is given up after failing for a day, and not before", () => {
    const job = { ...PAUSED, pausedAtMs: NOW_MS, attempt: 99 };
    expect(pauseRun(job, NOW_MS + REWRAP_GIVE_UP_MS - 1)).toMatchObject({
      phase: "paused",
      untilMs: NOW_MS + REWRAP_GIVE_UP_MS - 1 + REWRAP_PAUSE_MAX_MS,
    });
    expect(pauseRun(job, NOW_MS + REWRAP_GIVE_UP_MS))
      .toMatchObject({ phase: "finished", result: "interrupted" });
  });
});

describe("alarm", () => {
  it.each<[string, RewrapJob, number | null, boolean]>([
    ["idle", { phase: "idle" }, null, false],
    ["running", RUNNING, NOW_MS, true],
    ["paused", PAUSED, 1_005_000, true],
    ["finished", FINISHED, null, false],
  ])("the alarm and the activity of a job match its phase: %s", (_phase, job, due, active) => {
    expect(dueTimeMs(job, NOW_MS)).toBe(due);
    expect(isActive(job)).toBe(active);
  });
});

describe("log", () => {
  it.each([
    [0, 0, 100, false],
    [0, 9, 100, false],
    [0, 10, 100, true],
    [10, 19, 100, false],
    [19, 20, 100, true],
    [0, 55, 100, true],
    [99, 100, 100, false],
    [95, 100, 100, false],
    [0, 1, 1, false],
    [0, 0, 0, false],
    [100, 120, 100, false],
  ])("progress from %d to %d of %d is logged: %s", (before, after, total, tells) => {
    expect(passedTenth({ ...RUN, processed: before, total }, { ...RUN, processed: after, total }))
      .toBe(tells);
  });
});

it.each<[string, RewrapJob]>([
  ["running", { phase: "running", run: { ...RUN, failures: [failure("a")] } }],
  ["paused", PAUSED],
  ["finished", FINISHED],
])("a %s job reads back from its stored form", (_phase, job) => {
  expect(decodeRewrapJob(encodeRewrapJob(job))).toMatchObject(job);
});
