/** Audit devices that hang or fail: which requests are served, and how root repairs the trail. */

import { describe, expect, it } from "vitest";
import type { AuditSettings } from "../../../src/audit/devices.ts";
import { AUDIT_REST_MIN_MS } from "../../../src/limits.ts";
import { settle as turn } from "../../barrier/doubles.ts";
import { createRecordingSinks, type RecordingSinks } from "../../audit/recording_sinks.ts";
import { at, initialiseOpen, unseal } from "../../contract/api.contract.ts";
import { startAudited } from "../audited_api.ts";
import { type MemoryApi, startMemoryApi } from "../memory_api.ts";
import { tokenWith } from "../stages.ts";

interface Hanging {
  readonly api: MemoryApi;
  readonly root: string;
  readonly recording: RecordingSinks;
  /** One per line offered to device `b`; the test ends it. */
  readonly offered: readonly PromiseWithResolvers<void>[];
  /** Resolves with the last line once this many lines were offered. */
  offer(count: number): Promise<PromiseWithResolvers<void>>;
  read(): Promise<number>;
}

/** Device `a` works; `b` hangs until the test answers for it. */
async function startHanging(): Promise<Hanging> {
  const recording = createRecordingSinks();
  const { sinks } = recording.settings;
  const offered: PromiseWithResolvers<void>[] = [];
  const offers = Array.from(
    { length: 10 },
    () => Promise.withResolvers<PromiseWithResolvers<void>>(),
  );
  const offer = async (count: number) => {
    const waiting = offers[count - 1];
    if (waiting === undefined) throw new RangeError("no test needs so many lines");
    return await waiting.promise;
  };
  let hangs = false;
  const open: AuditSettings["sinks"]["open"] = async (type, options, origin) => {
    const sink = await sinks.open(type, options, origin);
    if (options["name"] !== "b") return sink;
    const write = async (line: string) => {
      if (hangs) {
        const ending = Promise.withResolvers<void>();
        offers[offered.length]?.resolve(ending);
        offered.push(ending);
        await ending.promise;
      }
      await sink.write(line);
    };
    return { ...sink, write };
  };
  const api = await startMemoryApi({ audit: { devices: [], sinks: { ...sinks, open } } });
  const { root } = await initialiseOpen(api, 1, 1);
  for (const name of ["a", "b"]) {
    const body = { type: "test", options: { name } };
    await api.request("PUT", `/v1/sys/audit/${name}`, { token: root, body });
  }
  hangs = true;
  const read = async () => (await api.request("GET", "/v1/sys/mounts", { token: root })).status;
  return { api, root, recording, offered, offer, read };
}

const LATE = new Error("it did not take the line in time");

describe("a hanging audit device beside a working one", () => {
  it("a hanging audit device delays one line and is not asked again until it has rested", async () => {
    const { api, recording, offered, offer, read } = await startHanging();
    const first = read();
    (await offer(1)).reject(LATE);
    expect(await first).toBe(200);
    expect(await read()).toBe(200);
    expect(offered).toHaveLength(1);
    api.clock.nowMs += AUDIT_REST_MIN_MS;
    expect(await read()).toBe(200);
    expect(await read()).toBe(200);
    expect(offered).toHaveLength(2);
    (await offer(2)).reject(LATE);
    await turn();
    api.clock.nowMs += AUDIT_REST_MIN_MS;
    expect(await read()).toBe(200);
    expect(offered).toHaveLength(2);
    expect(recording.lines("a").filter((line) => line.includes("sys/mounts"))).toHaveLength(10);
    expect(api.log.filter((line) => line.includes("does not take entries"))).toHaveLength(1);
  });

  it("a hanging audit device that recovers gets lines again, and the log says how many it missed", async () => {
    const { api, recording, offer, read } = await startHanging();
    const first = read();
    (await offer(1)).reject(LATE);
    await first;
    api.clock.nowMs += AUDIT_REST_MIN_MS;
    await read();
    (await offer(2)).resolve();
    await turn();
    const before = recording.lines("b").length;
    const last = read();
    (await offer(3)).resolve();
    (await offer(4)).resolve();
    expect(await last).toBe(200);
    expect(recording.lines("b")).toHaveLength(before + 2);
    const again = api.log.find((line) => line.includes("takes entries again"));
    expect(JSON.parse(again ?? "")).toMatchObject({ path: "b/", missed: 3 });
  });

  it("a resting audit device is asked at once when the other fails, and is enough", async () => {
    const { recording, offer, read } = await startHanging();
    const first = read();
    (await offer(1)).reject(LATE);
    await first;
    recording.broken.add("a");
    const rescued = read();
    (await offer(2)).resolve();
    (await offer(3)).resolve();
    expect(await rescued).toBe(200);
    const refused = read();
    (await offer(4)).reject(LATE);
    expect(await refused).toBe(500);
  });
});

describe("root without a working audit device", () => {
  const PATHS = [
    ["GET", "/v1/sys/audit", undefined, 200],
    ["PUT", "/v1/sys/audit/b", { type: "test", options: { name: "b" } }, 204],
    ["PUT", "/v1/sys/audit/b", { type: "test", options: { name: "b" } }, 400],
    ["DELETE", "/v1/sys/audit/b", undefined, 204],
    ["DELETE", "/v1/sys/audit/a", undefined, 204],
    ["GET", "/v1/kv/a", undefined, 200],
  ] as const;

  it("root can repair audit devices when none works, and the log reports missing entries", async () => {
    const { api, root, sinks } = await startAudited();
    sinks.broken.add("a");
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(500);
    for (const [method, path, body, status] of PATHS) {
      const sent = body === undefined ? { token: root } : { token: root, body };
      const reply = await api.request(method, path, sent);
      expect([method, path, reply.status]).toEqual([method, path, status]);
    }
    const missing = api.log.map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => String(message).includes("without an audit entry"));
    expect(missing[0]).toMatchObject({ level: "error", path: "sys/audit", operation: "read" });
    // Both lines of the list, the first of enabling `b`, the last of disabling it, and the first of
    // disabling `a`, after which there is nothing to write to.
    expect(missing.map(({ path }) => path)).toEqual([
      "sys/audit",
      "sys/audit",
      "sys/audit/b",
      "sys/audit/b",
      "sys/audit/a",
    ]);
    expect(api.log.join()).not.toContain(root);
  });

  it("only callers allowed to seal the vault can seal it when no audit device works", async () => {
    const { api, root, shares, sinks } = await startAudited();
    const rules = 'path "sys/seal" { capabilities = ["update", "sudo"] }';
    const guard = await tokenWith(api, root, rules);
    const other = await tokenWith(api, root, 'path "sys/seal" { capabilities = ["read"] }');
    const isSealed = async () =>
      at((await api.request("GET", "/v1/sys/seal-status")).json, "sealed");
    for (const token of [root, guard]) {
      sinks.broken.add("a");
      for (const refused of ["s.unknown", other]) {
        const answer = await api.request("PUT", "/v1/sys/seal", { token: refused });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(await isSealed()).toBe(false);
      }
      expect((await api.request("PUT", "/v1/sys/seal", { token })).status).toBe(204);
      expect(await isSealed()).toBe(true);
      sinks.broken.delete("a");
      await unseal(api, shares.slice(0, 2));
    }
    expect(api.log.join()).toContain("a request goes on without an audit entry");
  });

  it("root can remove an audit device that cannot be opened after a restart", async () => {
    const { api, root, shares, sinks } = await startAudited();
    sinks.unopenable.add("a");
    await api.restart();
    await unseal(api, shares.slice(0, 2));
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(500);
    expect((await api.request("DELETE", "/v1/sys/audit/a", { token: root })).status).toBe(204);
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(200);
  });

  it("when no audit device works, root can only repair devices and others can do nothing", async () => {
    const { api, root, sinks } = await startAudited();
    const rules = 'path "sys/*" { capabilities = ["read", "update", "delete", "sudo"] }';
    const operator = await tokenWith(api, root, rules);
    const before = await api.snapshot();
    sinks.broken.add("a");
    const requests = [
      ["GET", "/v1/sys/audit", operator],
      ["DELETE", "/v1/sys/audit/a", operator],
      ["GET", "/v1/sys/audit", "s.unknown"],
      ["GET", "/v1/sys/audits", root],
      ["GET", "/v1/sys/mounts", root],
    ] as const;
    for (const [method, path, token] of requests) {
      expect([path, (await api.request(method, path, { token })).status]).toEqual([path, 500]);
    }
    expect(await api.snapshot()).toBe(before);
  });
});

describe("a hanging audit device on its own", () => {
  it("root can list and remove the only audit device while it hangs, waiting for one line each", async () => {
    const { api, root, recording, offered, offer } = await startHanging();
    const first = api.request("DELETE", "/v1/sys/audit/a", { token: root });
    (await offer(1)).reject(LATE);
    // The second line, once there is no other device.
    (await offer(2)).reject(LATE);
    expect((await first).status).toBe(204);
    const listed = api.request("GET", "/v1/sys/audit", { token: root });
    (await offer(3)).reject(LATE);
    expect((await listed).status).toBe(200);
    expect(offered).toHaveLength(4);
    const removed = api.request("DELETE", "/v1/sys/audit/b", { token: root });
    (await offer(5)).reject(LATE);
    expect((await removed).status).toBe(204);
    expect(recording.events.at(-1)).toBe("close b");
    expect((await api.request("GET", "/v1/sys/mounts", { token: root })).status).toBe(200);
    expect(offered).toHaveLength(5);
  });
});

describe("audit device options", () => {
  it("audit device options are shown as sent and opened as settled, also after a restart", async () => {
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
