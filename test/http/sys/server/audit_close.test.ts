/** Closing a vault while an audit device holds a request. */

import { describe, expect, it, vi } from "vitest";
import type { AuditSettings } from "../../../../src/audit/devices.ts";
import { CLOSE_WAIT_MAX_MS } from "../../../../src/limits.ts";
import { closeVault } from "../../../../src/runtimes/local/close_vault.ts";
import { createMemoryStore } from "../../../../src/storage/memory_store.ts";
import { createRecordingSinks, type RecordingSinks } from "../../../audit/recording_sinks.ts";
import { type ApiResponse, initialiseOpen } from "../../../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi } from "../../memory_api.ts";

interface Held {
  readonly api: MemoryApi;
  readonly sinks: RecordingSinks;
  /** `close` once the store was closed. */
  readonly storeEvents: string[];
  /** A request that waits for its audit device. */
  readonly asked: Promise<ApiResponse>;
  release(): void;
}

/** A vault with one request that goes on once its audit device takes lines again. */
async function startHeld(): Promise<Held> {
  const sinks = createRecordingSinks([{ type: "test", options: {} }]);
  const gate = Promise.withResolvers<void>();
  const writing = Promise.withResolvers<void>();
  let isHeld = false;
  const open: AuditSettings["sinks"]["open"] = async (...device) => {
    const sink = await sinks.settings.sinks.open(...device);
    const write = async (line: string) => {
      if (isHeld) {
        writing.resolve();
        await gate.promise;
      }
      await sink.write(line);
    };
    return { ...sink, write };
  };
  const storeEvents: string[] = [];
  const inner = createMemoryStore();
  const close = async () => {
    storeEvents.push("close");
    await inner.close();
  };
  const audit = { devices: sinks.settings.devices, sinks: { ...sinks.settings.sinks, open } };
  const api = await startMemoryApi({ store: { ...inner, close }, audit });
  const { root } = await initialiseOpen(api, 1, 1);
  isHeld = true;
  const asked = api.request("POST", "/v1/sys/mounts/m", { token: root, body: { type: "kv" } });
  await writing.promise;
  return { api, sinks, storeEvents, asked, release: gate.resolve };
}

describe("closing a vault", () => {
  it("closing waits for an audited request before it closes devices and store", async () => {
    const { api, sinks, storeEvents, asked, release } = await startHeld();
    const stopped = api.stop();
    release();
    expect((await asked).status).toBe(204);
    await stopped;
    expect(sinks.events).toEqual(["open test", "close test"]);
    expect(storeEvents).toEqual(["close"]);
  });

  it("closing stops waiting for a stuck audit device after a limit", async () => {
    const { api, storeEvents, asked, release } = await startHeld();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const stopped = closeVault({ close: (limit) => api.stop(limit) });
      await vi.advanceTimersByTimeAsync(CLOSE_WAIT_MAX_MS - 1);
      expect(storeEvents).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      await stopped;
      expect(storeEvents).toEqual(["close"]);
      expect(api.log.join()).toContain("closing without the last audit entries");
    } finally {
      vi.useRealTimers();
    }
    release();
    await asked;
  });
});
