import { describe, expect, it } from "vitest";
import type { AuditSettings } from "../../src/audit/devices.ts";
import { createRecordingSinks } from "../audit/recording_sinks.ts";
import { at, initialiseOpen, unseal } from "../contract/api.contract.ts";
import { startMemoryApi } from "./memory_api.ts";

describe("options of a device", () => {
  it("are shown as they were sent, and opened as they were settled, also after a restart", async () => {
    const recording = createRecordingSinks();
    const { sinks } = recording.settings;
    const settle: AuditSettings["sinks"]["settle"] = (type, options) => ({
      ...sinks.settle(type, options, "api"),
      name: `settled-${options["name"]?.replace("settled-", "")}`,
    });
    const api = await startMemoryApi({ audit: { devices: [], sinks: { ...sinks, settle } } });
    const { root, shares } = await initialiseOpen(api, 1, 1);
    const body = { type: "test", options: { name: "sent" } };
    await api.request("PUT", "/v1/sys/audit/a", { token: root, body });
    await api.restart();
    await unseal(api, shares);
    const list = await api.request("GET", "/v1/sys/audit", { token: root });
    expect(at(list.json, "data", "a/", "options")).toEqual({ name: "sent" });
    expect(recording.events).toEqual(["open settled-sent", "open settled-sent"]);
  });
});
