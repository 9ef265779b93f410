import { describe, expect, it } from "vitest";
import { Latch } from "../../src/barrier/latch.ts";
import { settle } from "./doubles.ts";

/** A latch whose holders record when they begin, and end when the test says so. */
function record() {
  const latch = new Latch();
  const events: string[] = [];
  const enter = (name: string, kind: "shared" | "exclusive") => {
    const held = Promise.withResolvers<string>();
    const done = latch[kind](async () => {
      events.push(`${name} begins`);
      try {
        return await held.promise;
      } finally {
        events.push(`${name} ends`);
      }
    });
    done.catch(() => {});
    return { end: held.resolve, fail: held.reject, done };
  };
  return { events, enter };
}

describe("latch", () => {
  it("shared() admits several holders at once and returns their results", async () => {
    const { events, enter } = record();
    const a = enter("a", "shared");
    const b = enter("b", "shared");
    expect(events).toEqual(["a begins", "b begins"]);
    b.end("of b");
    expect(await b.done).toBe("of b");
    a.end("of a");
    expect(await a.done).toBe("of a");
  });

  it("exclusive() waits until the last shared holder has ended", async () => {
    const { events, enter } = record();
    const a = enter("a", "shared");
    const b = enter("b", "shared");
    const alone = enter("alone", "exclusive");
    a.end("");
    await a.done;
    await settle();
    expect(events).not.toContain("alone begins");
    b.end("");
    await settle();
    expect(events.at(-1)).toBe("alone begins");
    alone.end("");
    await alone.done;
  });

  it("shared() waits while an exclusive holder waits or runs", async () => {
    const { events, enter } = record();
    const a = enter("a", "shared");
    const alone = enter("alone", "exclusive");
    const late = enter("late", "shared");
    await settle();
    expect(events).toEqual(["a begins"]);
    a.end("");
    await settle();
    expect(events).toEqual(["a begins", "a ends", "alone begins"]);
    const later = enter("later", "shared");
    await settle();
    expect(events.at(-1)).toBe("alone begins");
    alone.end("");
    await settle();
    expect(events.slice(3)).toEqual(["alone ends", "late begins", "later begins"]);
    late.end("");
    later.end("");
    await Promise.all([late.done, later.done]);
  });

  it("exclusive() admits one holder at a time, in order", async () => {
    const { events, enter } = record();
    const first = enter("first", "exclusive");
    const second = enter("second", "exclusive");
    const third = enter("third", "exclusive");
    for (
      const [holder, name] of [[first, "first"], [second, "second"], [third, "third"]] as const
    ) {
      await settle();
      expect(events.at(-1)).toBe(`${name} begins`);
      holder.end("");
      await holder.done;
    }
    expect(events).toHaveLength(6);
  });

  it("the latch is free again after a shared or an exclusive holder fails", async () => {
    const { events, enter } = record();
    const writer = enter("writer", "shared");
    const alone = enter("alone", "exclusive");
    writer.fail(new Error("of the writer"));
    await expect(writer.done).rejects.toThrow("of the writer");
    await settle();
    expect(events.at(-1)).toBe("alone begins");
    const next = enter("next", "shared");
    alone.fail(new Error("of the exclusive one"));
    await expect(alone.done).rejects.toThrow("of the exclusive one");
    await settle();
    expect(events.at(-1)).toBe("next begins");
    next.end("");
    await next.done;
  });

  it("the latch is free again when a body throws synchronously", async () => {
    const latch = new Latch();
    const fail = () => {
      throw new Error("at once");
    };
    await expect(latch.shared(fail)).rejects.toThrow("at once");
    await expect(latch.exclusive(fail)).rejects.toThrow("at once");
    expect(await latch.exclusive(async () => "still works")).toBe("still works");
    expect(await latch.shared(async () => "still works")).toBe("still works");
  });
});
