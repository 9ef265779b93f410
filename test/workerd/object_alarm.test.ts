import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { ObjectAlarm } from "../../src/runtimes/workers/object_alarm.ts";
import { newObject } from "./objects.ts";

const SOON_MS = 1_000_000;

describe("object alarm", () => {
  it("the object alarm keeps the earliest of the times asked for", async () => {
    await runInDurableObject(newObject("STORE"), async (_instance, { storage }) => {
      const nowMs = Date.now();
      const alarm = new ObjectAlarm(storage, () => nowMs);
      await alarm.set(nowMs + 2 * SOON_MS);
      await alarm.set(nowMs + SOON_MS);
      await alarm.set(nowMs + 3 * SOON_MS);
      expect(await storage.getAlarm()).toBe(nowMs + SOON_MS);
      await storage.deleteAlarm();
    });
  });

  it("the object alarm keeps the earliest of two concurrent times after a start", async () => {
    await runInDurableObject(newObject("STORE"), async (_instance, { storage }) => {
      const nowMs = Date.now();
      const alarm = new ObjectAlarm(storage, () => nowMs);
      await Promise.all([alarm.set(nowMs + SOON_MS), alarm.set(nowMs + 2 * SOON_MS)]);
      expect(await storage.getAlarm()).toBe(nowMs + SOON_MS);
      await storage.deleteAlarm();
    });
  });

  it("the object alarm keeps an earlier time that was set before an eviction", async () => {
    const stub = newObject("STORE");
    const nowMs = Date.now();
    await runInDurableObject(stub, async (_instance, { storage }) => {
      await new ObjectAlarm(storage, () => nowMs).set(nowMs + SOON_MS);
    });
    await evictDurableObject(stub);
    await runInDurableObject(stub, async (_instance, { storage }) => {
      await new ObjectAlarm(storage, () => nowMs).set(nowMs + 2 * SOON_MS);
      expect(await storage.getAlarm()).toBe(nowMs + SOON_MS);
      await storage.deleteAlarm();
    });
  });

  it("a time set while the alarm runs differs from the running alarm's own", async () => {
    await runInDurableObject(newObject("STORE"), async (_instance, { storage }) => {
      const nowMs = Date.now();
      const scheduledMs = nowMs + SOON_MS;
      const alarm = new ObjectAlarm(storage, () => nowMs);
      await alarm.run(scheduledMs, async () => await alarm.set(nowMs));
      expect(await storage.getAlarm()).toBe(scheduledMs + 1);
      await storage.deleteAlarm();
    });
  });

  it("an alarm delivered to an evicted vault with nothing to do does no harm", async () => {
    const stub = newObject("VAULT");
    await runInDurableObject(stub, async (_instance, { storage }) => {
      await storage.setAlarm(Date.now() + SOON_MS);
    });
    await evictDurableObject(stub);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });
});
