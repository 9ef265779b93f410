/** `sys/metrics` as a scraper sees it: who may read it, its formats, and that the numbers move. */

import { describe, expect, it } from "vitest";
import { VaultError } from "../../../../src/errors.ts";
import { CEREMONY_TTL_MS } from "../../../../src/limits.ts";
import type { SealSettings } from "../../../../src/seal/kinds.ts";
import { createMemoryStore } from "../../../../src/storage/memory_store.ts";
import {
  type Api,
  type ApiResponse,
  at,
  initialise,
  initialiseOpen,
  PERMISSION_DENIED,
  POLICY_DENIED,
  spoiled,
  textAt,
  textsAt,
  unseal,
  UNSUPPORTED_OPERATION,
  UNSUPPORTED_PATH,
} from "../../../contract/api.contract.ts";
import { type Families, readExposition, valueOf } from "./exposition_reader.ts";
import { type MemoryApi, startMemoryApi, STATIC_SEAL } from "../../memory_api.ts";
import { mountEngines, prepare, tokenWith } from "../../stages.ts";

const PATH = "/v1/sys/metrics";
const PROMETHEUS = `${PATH}?format=prometheus`;
const TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const SEALED = { errors: ["Vault is sealed"] };

async function scrape(api: Api, token: string): Promise<Families> {
  const answer = await api.request("GET", PROMETHEUS, { token });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, TEXT_TYPE]);
  return readExposition(answer.text);
}

async function unsealedVault(): Promise<
  { api: MemoryApi; root: string; shares: readonly string[] }
> {
  const api = await startMemoryApi();
  return { api, ...await initialiseOpen(api, 3, 2) };
}

/** The non-zero counters and gauges of one target's attempts, by name without the prefix. */
function ceremony(families: Families, target: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, { samples }] of families) {
    if (!name.startsWith("sealwright_ceremony_")) continue;
    for (const { labels, value } of samples) {
      if (labels["target"] !== target || value === 0) continue;
      const suffix = labels["outcome"] === undefined ? "" : `_${labels["outcome"]}`;
      found[name.slice("sealwright_ceremony_".length) + suffix] = value;
    }
  }
  return found;
}

function rewrap(families: Families): Record<string, number> {
  const prefix = "sealwright_rewrap_";
  const plain = [...families].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(
    plain.filter(([name]) => name !== `${prefix}run_result`)
      .map(([name, { samples }]) => [name.slice(prefix.length), samples[0]?.value ?? NaN]),
  );
}

/** The labels of the series of `name` whose value is 1. */
function setSeries(families: Families, name: string): unknown {
  return families.get(name)?.samples.filter(({ value }) => value === 1).map(({ labels }) => labels);
}

describe("access to metrics", () => {
  it("sys/metrics needs a valid token before it looks at the format", async () => {
    const { api } = await unsealedVault();
    for (const query of ["", "?format=prometheus", "?format=xml"]) {
      for (const request of [{}, { token: "s.wrong" }]) {
        const answer = await api.request("GET", PATH + query, request);
        expect([answer.status, answer.json]).toEqual([403, PERMISSION_DENIED]);
      }
    }
  });

  it("sys/metrics needs read on its path, but not sudo", async () => {
    const { api, root } = await unsealedVault();
    const other = await tokenWith(api, root, 'path "sys/metrics" { capabilities = ["list"] }');
    const refused = await api.request("GET", PROMETHEUS, { token: other });
    expect([refused.status, refused.json]).toEqual([403, POLICY_DENIED]);
    const reader = await tokenWith(api, root, 'path "sys/metrics" { capabilities = ["read"] }');
    expect(valueOf(await scrape(api, reader), "vault_core_unsealed")).toBe(1);
    const headers = { Authorization: `Bearer ${reader}` };
    expect((await api.request("GET", PROMETHEUS, { headers })).status).toBe(200);
  });

  it("sys/metrics answers 503 while the vault is sealed or not initialised", async () => {
    const { api, token } = await prepare("sealed");
    const fresh = (await prepare("fresh")).api;
    for (const [asked, request] of [[api, { token }], [api, {}], [fresh, {}]] as const) {
      for (const query of ["", "?format=prometheus", "?format=xml"]) {
        const answer = await asked.request("GET", PATH + query, request);
        expect([answer.status, answer.json]).toEqual([503, SEALED]);
      }
    }
  });

  it("sys/metrics serves reads in the root namespace only", async () => {
    const { api, root: token } = await unsealedVault();
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await api.request(method, PROMETHEUS, { token });
      expect([answer.status, answer.json]).toEqual([405, UNSUPPORTED_OPERATION]);
    }
    expect((await api.request("HEAD", PROMETHEUS, { token })).status).toBe(405);
    for (const [method, path] of [["LIST", PATH], ["GET", `${PATH}/`], ["GET", `${PATH}/x`]]) {
      const answer = await api.request(method ?? "", path ?? "", { token });
      expect([answer.status, answer.json]).toEqual([404, UNSUPPORTED_PATH]);
    }
    const headers = { "X-Vault-Namespace": "team" };
    const answer = await api.request("GET", PROMETHEUS, { token, headers });
    expect([answer.status, answer.json]).toEqual([
      400,
      { errors: ["operation unavailable in namespaces"] },
    ]);
  });
});

describe("formats of metrics", () => {
  it("format=prometheus gives text without an envelope", async () => {
    const { api, root: token } = await unsealedVault();
    const { text, headers } = await api.request("GET", PROMETHEUS, { token });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(text.startsWith("# HELP ")).toBe(true);
    readExposition(text);
  });

  it("a scraper's Accept header gives Prometheus text", async () => {
    const { api, root: token } = await unsealedVault();
    for (
      const accept of [
        "application/openmetrics-text; version=1.0.0; charset=utf-8,text/plain;q=0.5",
        "text/html, prometheus/telemetry",
      ]
    ) {
      const answer = await api.request("GET", PATH, { token, headers: { Accept: accept } });
      expect(answer.headers.get("content-type")).toBe(TEXT_TYPE);
    }
    const headers = { Accept: "text/plain;version=0.0.4" };
    const answer = await api.request("GET", PATH, { token, headers });
    expect(answer.headers.get("content-type")).toBe("application/json");
  });

  it("metrics are the JSON of go-metrics if no format is named", async () => {
    const { api, root: token } = await unsealedVault();
    api.clock.nowMs += 10_000;
    for (const query of ["", "?format="]) {
      const { status, headers, json } = await api.request("GET", PATH + query, { token });
      expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
      expect(Object.keys(Object(json)))
        .toEqual(["Timestamp", "Gauges", "Points", "Counters", "Samples"]);
      expect(textAt(json, "Timestamp")).toBe("2026-01-02 03:04:15 +0000 UTC");
      expect(at(json, "Gauges")).toContainEqual({
        Name: "vault.core.unsealed",
        Value: 1,
        Labels: { cluster: expect.stringMatching(/^vault-cluster-/) },
      });
      expect(at(json, "Counters")).toContainEqual({
        Name: "sealwright.requests_total",
        Count: 3,
        Rate: 0.3,
        Sum: 3,
        Labels: { area: "sys", operation: "update", status: "2xx" },
      });
    }
  });

  it("an unknown format is refused as text, in the reference's words", async () => {
    const { api, root: token } = await unsealedVault();
    for (const format of ["xml", "json", "Prometheus"]) {
      const answer = await api.request("GET", `${PATH}?format=${format}`, { token });
      expect([answer.status, answer.headers.get("content-type"), answer.text])
        .toEqual([400, "text/plain", `metric response format "${format}" unknown`]);
    }
    const quoted = await api.request("GET", `${PATH}?format=a%22%0Ab`, { token });
    expect(quoted.text).toBe('metric response format "a\\"\\nb" unknown');
    const twice = await api.request("GET", `${PROMETHEUS}&format=xml`, { token });
    expect(twice.status).toBe(400);
    expect(textsAt(twice.json, "errors")[0]).toContain('converting input for field "format"');
  });

  it("a wrapped metrics answer is still Prometheus text when it is unwrapped", async () => {
    const { api, root: token } = await unsealedVault();
    const headers = { "X-Vault-Wrap-TTL": "60" };
    const wrapped = await api.request("GET", PROMETHEUS, { token, headers });
    const opening = textAt(wrapped.json, "wrap_info", "token");
    const opened = await api.request("PUT", "/v1/sys/wrapping/unwrap", { token: opening });
    expect([opened.status, opened.headers.get("content-type")]).toEqual([200, TEXT_TYPE]);
    expect(valueOf(readExposition(opened.text), "vault_core_unsealed")).toBe(1);
  });
});

describe("Prometheus text", () => {
  it.each(
    [
      "unsealed",
      "gathering",
      "verifying",
      "static",
      "static-gathering",
      "static-verifying",
    ] as const,
  )(
    "the Prometheus text of a vault that is %s is valid",
    async (name) => {
      const { api, token } = await prepare(name);
      const families = await scrape(api, token);
      for (const [family, { type, help }] of families) {
        expect(family).toMatch(/^(vault|sealwright|process)_[a-z_]+$/);
        expect(help).toMatch(/^[A-Z01].*\.$/);
        // Vault's own names do not follow the rule.
        if (!family.startsWith("vault_")) {
          expect([family, type === "counter"]).toEqual([family, family.endsWith("_total")]);
        }
      }
    },
  );

  it("metrics have version and start time, but no size for a store that cannot tell it", async () => {
    const { api, root } = await unsealedVault();
    const startedAt = api.clock.nowMs / 1000;
    api.clock.nowMs += 5000;
    const families = await scrape(api, root);
    expect(valueOf(families, "sealwright_build_info", { version: "test" })).toBe(1);
    expect(valueOf(families, "process_start_time_seconds")).toBe(startedAt);
    // A memory store cannot tell its size: no number is better than a wrong one.
    expect(valueOf(families, "sealwright_storage_size_bytes")).toBeUndefined();
  });

  it("metrics have the size in bytes of a store that can tell it", async () => {
    const store = { ...createMemoryStore(), sizeBytes: async () => 4096 };
    const api = await startMemoryApi({ store });
    const { root } = await initialiseOpen(api, 1, 1);
    const families = await scrape(api, root);
    expect(valueOf(families, "sealwright_storage_size_bytes", { type: "inmem" })).toBe(4096);
  });

  it("metrics reveal no secrets, shares, tokens, policies, paths or mounts", async () => {
    const { api, token, shares, newShares, nonce, verification } = await prepare("verifying");
    const child = await tokenWith(api, token, 'path "kv/hidden" { capabilities = ["read"] }');
    await api.request("PUT", "/v1/kv/hidden-path", { token, body: { hidden: "hidden-value" } });
    await api.request("GET", "/v1/kv/hidden-path?list=hidden", { token: child });
    await api.request("GET", "/v1/hidden-mount/x", { token });
    await api.request("HIDDEN", "/v1/hidden", { token });
    const texts = [PROMETHEUS, PATH].map((path) => api.request("GET", path, { token }));
    for (const { text } of await Promise.all(texts)) {
      const secrets = [token, child, ...shares, ...newShares, nonce, verification];
      for (const secret of [...secrets, "hidden", "HIDDEN", "kv", "p-"]) {
        expect(text).not.toContain(secret);
      }
    }
  });

  it("metrics do not grow with paths and methods that clients make up", async () => {
    const { api, root } = await unsealedVault();
    const ask = async (round: number): Promise<void> => {
      await api.request("GET", `/v1/made-up-${round}/x`, { token: root });
      await api.request(`MADEUP${round}`, `/v1/sys/made-up-${round}`, { token: root });
    };
    await ask(0);
    await scrape(api, root);
    const before = (await api.request("GET", PROMETHEUS, { token: root })).text.split("\n").length;
    for (let round = 1; round < 20; round++) await ask(round);
    const after = (await api.request("GET", PROMETHEUS, { token: root })).text.split("\n").length;
    expect(after).toBe(before);
  });
});

describe("request metrics", () => {
  const counted = async (api: Api, root: string, labels: Record<string, string>) =>
    valueOf(await scrape(api, root), "sealwright_requests_total", labels) ?? 0;

  it("requests are counted by area, operation and class of status", async () => {
    const { api, root: token } = await unsealedVault();
    await mountEngines(api, token);
    const cases = [
      ["GET", "/v1/kv/a", "engine", "read", "2xx"],
      ["GET", "/v1/kv/none", "engine", "read", "4xx"],
      ["LIST", "/v1/kv/", "engine", "list", "2xx"],
      ["GET", "/v1/kv/?list=true", "engine", "list", "2xx"],
      ["POST", "/v1/kv/b", "engine", "update", "2xx"],
      ["PUT", "/v1/kv/b", "engine", "update", "2xx"],
      ["POST", "/v1/kv/b?list=true", "engine", "update", "2xx"],
      ["PATCH", "/v1/kv/b", "engine", "patch", "4xx"],
      ["DELETE", "/v1/kv/b", "engine", "delete", "2xx"],
      ["GET", "/v1/auth/token/lookup-self", "auth", "read", "2xx"],
      ["HEAD", "/v1/sys/health", "sys", "read", "2xx"],
      ["GET", "/v1/sys/mounts", "sys", "read", "2xx"],
      ["OPTIONS", "/v1/sys/health", "sys", "other", "4xx"],
      ["MADEUP", "/v1/sys/health", "sys", "other", "4xx"],
      ["GET", "/v1/sys", "engine", "read", "3xx"],
    ] as const;
    for (const [method, path, area, operation, status] of cases) {
      const labels = { area, operation, status };
      const before = await counted(api, token, labels);
      const body = method === "POST" || method === "PUT" ? { body: { x: "1" } } : {};
      await api.request(method, path, { token, ...body });
      // A scrape counts once it is over, so the second of two includes the first.
      const own = area === "sys" && operation === "read" && status === "2xx" ? 1 : 0;
      expect([path, await counted(api, token, labels) - before]).toEqual([path, 1 + own]);
    }
  });

  it("a request that fails in the store counts as 5xx", async () => {
    const memory = createMemoryStore();
    let fails = false;
    const store = {
      ...memory,
      get: async (path: string) => {
        if (fails && path.startsWith("logical/")) throw new VaultError("store_failed", "it broke");
        return await memory.get(path);
      },
    };
    const api = await startMemoryApi({ store });
    const { root: token } = await initialiseOpen(api, 1, 1);
    await mountEngines(api, token);
    fails = true;
    expect((await api.request("GET", "/v1/kv/a", { token })).status).toBe(500);
    const labels = { area: "engine", operation: "read", status: "5xx" };
    expect(await counted(api, token, labels)).toBe(1);
  });

  it("request times go into a histogram", async () => {
    const memory = createMemoryStore();
    let takesMs = 0;
    let api: MemoryApi | null = null;
    const store = {
      ...memory,
      get: async (path: string) => {
        if (path.startsWith("logical/") && api !== null) api.clock.nowMs += takesMs;
        return await memory.get(path);
      },
    };
    api = await startMemoryApi({ store });
    const { root: token } = await initialiseOpen(api, 1, 1);
    await mountEngines(api, token);
    takesMs = 30;
    await api.request("GET", "/v1/kv/a", { token });
    const families = await scrape(api, token);
    const name = "sealwright_request_duration_seconds";
    const bucket = (le: string) =>
      valueOf(families, `${name}_bucket`, { operation: "read", le }) ?? 0;
    expect(bucket("0.05") - bucket("0.025")).toBe(1);
    expect(valueOf(families, `${name}_sum`, { operation: "read" })).toBe(0.03);
    expect(valueOf(families, `${name}_count`, { operation: "read" })).toBe(bucket("+Inf"));
  });

  it("requests in flight are those without an answer, and the scrape itself", async () => {
    const memory = createMemoryStore();
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => open = resolve);
    let waits = false;
    const store = {
      ...memory,
      get: async (path: string) => {
        if (waits && path.startsWith("logical/")) await gate;
        return await memory.get(path);
      },
    };
    const api = await startMemoryApi({ store });
    const { root: token } = await initialiseOpen(api, 1, 1);
    await mountEngines(api, token);
    waits = true;
    const slow = [
      api.request("GET", "/v1/kv/a", { token }),
      api.request("GET", "/v1/kv/b", { token }),
    ];
    const inFlight = async () => valueOf(await scrape(api, token), "vault_core_in_flight_requests");
    expect(await inFlight()).toBe(3);
    open();
    await Promise.all(slow);
    expect(await inFlight()).toBe(1);
  });

  it("request counters start at zero after a restart, but not after an unseal", async () => {
    const { api, root: token, shares } = await unsealedVault();
    const labels = { area: "sys", operation: "update", status: "2xx" };
    await api.request("PUT", "/v1/sys/seal", { token });
    await unseal(api, shares.slice(0, 2));
    expect(await counted(api, token, labels)).toBe(6);
    await api.restart();
    await unseal(api, shares.slice(0, 2));
    expect(await counted(api, token, labels)).toBe(2);
  });
});

describe("rekey metrics", () => {
  const REKEY = "/v1/sys/rekey";

  async function start(api: Api, token: string, more: object = {}): Promise<string> {
    const body = { secret_shares: 3, secret_threshold: 2, ...more };
    return textAt((await api.request("PUT", `${REKEY}/init`, { token, body })).json, "nonce");
  }

  function give(
    api: Api,
    token: string,
    step: "update" | "verify",
    key: string | undefined,
    nonce: string,
  ): Promise<ApiResponse> {
    return api.request("PUT", `${REKEY}/${step}`, { token, body: { key, nonce } });
  }

  it("each step of a rekey with verification changes the ceremony metrics", async () => {
    const { api, root: token, shares } = await unsealedVault();
    const barrier = async () => ceremony(await scrape(api, token), "barrier");
    expect(await barrier()).toEqual({});
    const nonce = await start(api, token, { require_verification: true });
    const head = { in_progress: 1, required_shares: 2 };
    const expiry = { expiry_timestamp_seconds: (api.clock.nowMs + CEREMONY_TTL_MS) / 1000 };
    expect(await barrier()).toEqual({ started_total: 1, ...head, ...expiry });

    await give(api, token, "update", shares[0], nonce);
    const first = { started_total: 1, shares_total_accepted: 1 };
    expect(await barrier()).toEqual({ ...first, ...head, ...expiry, progress_shares: 1 });

    await give(api, token, "update", spoiled(shares[1] ?? ""), nonce);
    await give(api, token, "update", shares[0], nonce);
    await give(api, token, "update", shares[1], "00000000-0000-0000-0000-000000000000");
    expect(await barrier())
      .toMatchObject({ ...first, progress_shares: 1, shares_total_refused: 3 });

    const made = await give(api, token, "update", shares[1], nonce);
    const fresh = textsAt(made.json, "keys");
    const verification = textAt(made.json, "verification_nonce");
    expect(await barrier()).toEqual({
      started_total: 1,
      shares_total_accepted: 2,
      shares_total_refused: 3,
      ...head,
      ...expiry,
      verifying: 1,
    });
    await give(api, token, "verify", fresh[0], verification);
    await give(api, token, "verify", shares[0], verification);
    expect(await barrier()).toMatchObject({
      shares_total_accepted: 3,
      shares_total_refused: 4,
      progress_shares: 1,
    });
    await give(api, token, "verify", fresh[1], verification);
    expect(await barrier()).toEqual({
      started_total: 1,
      shares_total_accepted: 4,
      shares_total_refused: 4,
      completed_total: 1,
    });
    expect(ceremony(await scrape(api, token), "recovery")).toEqual({});
    expect(ceremony(await scrape(api, token), "generate_root")).toEqual({});
  });

  it("a rekey without verification counts as completed with its last share", async () => {
    const { api, root: token, shares } = await unsealedVault();
    const nonce = await start(api, token);
    for (const share of shares.slice(0, 2)) await give(api, token, "update", share, nonce);
    expect(ceremony(await scrape(api, token), "barrier"))
      .toEqual({ started_total: 1, shares_total_accepted: 2, completed_total: 1 });
  });

  it("a cancelled rekey counts once, and a refused start does not count", async () => {
    const { api, root: token } = await unsealedVault();
    await start(api, token);
    await api.request("PUT", `${REKEY}/init`, {
      token,
      body: { secret_shares: 3, secret_threshold: 2 },
    });
    for (let again = 0; again < 2; again++) await api.request("DELETE", `${REKEY}/init`, { token });
    expect(ceremony(await scrape(api, token), "barrier"))
      .toEqual({ started_total: 1, cancelled_total: 1 });
  });

  it("an expired rekey counts once, whether alarm, scrape or new start notices it", async () => {
    for (const notices of ["alarm", "scrape", "start"]) {
      const { api, root: token } = await unsealedVault();
      await start(api, token);
      api.clock.nowMs += CEREMONY_TTL_MS;
      if (notices === "alarm") await api.fire();
      if (notices === "start") await start(api, token);
      if (notices === "scrape") await scrape(api, token);
      await api.fire();
      const now = ceremony(await scrape(api, token), "barrier");
      expect(now["expired_total"], notices).toBe(1);
      expect(now["in_progress"], notices).toBe(notices === "start" ? 1 : undefined);
    }
  });

  it("a restart keeps the progress of a rekey in the metrics and resets the counters", async () => {
    const { api, token, shares } = await prepare("gathering");
    await api.restart();
    await unseal(api, shares.slice(0, 2));
    const now = ceremony(await scrape(api, token), "barrier");
    expect(now).toMatchObject({ in_progress: 1, progress_shares: 1, required_shares: 2 });
    expect(Object.keys(now).filter((name) => name.includes("_total"))).toEqual([]);
  });

  it("rekeys of recovery key and barrier are counted for their own targets", async () => {
    const { api, token, shares, nonce } = await prepare("static-gathering");
    const path = "/v1/sys/rekey-recovery-key/update";
    await api.request("PUT", path, { token, body: { key: shares[1], nonce } });
    const rootOnly = await start(api, token);
    for (const share of shares.slice(0, 2)) await give(api, token, "update", share, rootOnly);
    const families = await scrape(api, token);
    const whole = { started_total: 1, shares_total_accepted: 2, completed_total: 1 };
    // The recovery shares have changed meanwhile, so the old ones are refused.
    expect(ceremony(families, "recovery")).toEqual(whole);
    expect(ceremony(families, "barrier")).toMatchObject({
      started_total: 1,
      shares_total_refused: 2,
      in_progress: 1,
    });
  });

  it("a barrier rekey of a static seal counts as completed with the last recovery share", async () => {
    const { api, token, shares } = await prepare("static");
    const nonce = await start(api, token);
    for (const share of shares.slice(0, 2)) await give(api, token, "update", share, nonce);
    expect(ceremony(await scrape(api, token), "barrier"))
      .toEqual({ started_total: 1, shares_total_accepted: 2, completed_total: 1 });
  });
});

describe("generate-root metrics", () => {
  const ATTEMPT = "/v1/sys/generate-root/attempt";

  it("generating a root token changes the ceremony metrics of its own target", async () => {
    const { api, root: token, shares } = await unsealedVault();
    const give = (key: string | undefined, nonce: string) =>
      api.request("PUT", "/v1/sys/generate-root/update", { token, body: { key, nonce } });
    const now = async () => ceremony(await scrape(api, token), "generate_root");
    await api.request("PUT", ATTEMPT, { token, body: {} });
    await api.request("DELETE", ATTEMPT, { token });
    const started = await api.request("PUT", ATTEMPT, { token, body: {} });
    const nonce = textAt(started.json, "nonce");
    await give(shares[0], nonce);
    await give(shares[0], nonce);
    expect(await now()).toMatchObject({
      started_total: 2,
      cancelled_total: 1,
      shares_total_accepted: 1,
      shares_total_refused: 1,
      in_progress: 1,
      progress_shares: 1,
      required_shares: 2,
    });
    await give(shares[1], nonce);
    await give(shares[1], nonce);
    expect(await now()).toEqual({
      started_total: 2,
      cancelled_total: 1,
      shares_total_accepted: 2,
      shares_total_refused: 2,
      completed_total: 1,
    });
  });
});

describe("rewrap metrics", () => {
  const NEXT_SEAL: SealSettings = {
    type: "static",
    current: { id: "k2", key: new Uint8Array(32).fill(7) },
    previous: STATIC_SEAL.type === "static" ? STATIC_SEAL.current : null,
  };

  it("a rewrap changes its metrics from the stale entries to the end of the run", async () => {
    const store = createMemoryStore();
    const before = await startMemoryApi({ seal: STATIC_SEAL, store });
    const { root: token } = await initialise(before, 1, 1, "static");
    await mountEngines(before, token);
    expect(rewrap(await scrape(before, token))).toEqual({
      running: 0,
      paused: 0,
      run_entries: 0,
      run_processed_entries: 0,
      run_succeeded_entries: 0,
      run_failed_entries: 0,
      run_skipped_entries: 0,
      run_entries_per_second: 0,
      run_start_timestamp_seconds: 0,
      run_end_timestamp_seconds: 0,
    });

    const api = await startMemoryApi({ seal: NEXT_SEAL, store });
    const entries = (families: Families, keyId: string) => [
      valueOf(families, "sealwright_seal_wrapped_entries", { key_id: keyId }),
      valueOf(families, "sealwright_seal_stale_entries", { key_id: keyId }),
    ];
    const startedAt = api.clock.nowMs / 1000;
    const running = await scrape(api, token);
    expect(entries(running, "k1")).toEqual([2, 2]);
    // The core records: root key, keyring, recovery key.
    expect(entries(running, "k2")).toEqual([3, 0]);
    expect(rewrap(running)).toMatchObject({
      running: 1,
      run_processed_entries: 0,
      run_start_timestamp_seconds: startedAt,
      run_end_timestamp_seconds: 0,
    });
    expect(setSeries(running, "sealwright_rewrap_run_result")).toEqual([]);

    api.clock.nowMs += 4000;
    await api.settle(token);
    api.clock.nowMs += 60_000;
    const after = await scrape(api, token);
    expect(entries(after, "k1")).toEqual([undefined, undefined]);
    expect(entries(after, "k2")).toEqual([5, 0]);
    expect(rewrap(after)).toEqual({
      running: 0,
      paused: 0,
      run_entries: 5,
      run_processed_entries: 5,
      run_succeeded_entries: 5,
      run_failed_entries: 0,
      run_skipped_entries: 3,
      run_entries_per_second: 0.5,
      run_start_timestamp_seconds: startedAt,
      run_end_timestamp_seconds: startedAt + 4,
    });
    expect(setSeries(after, "sealwright_rewrap_run_result")).toEqual([{ result: "completed" }]);

    await api.restart();
    expect(rewrap(await scrape(api, token))).toEqual(rewrap(after));
  });

  it("metrics show a rewrap that waits as paused, and a cancelled one as cancelled", async () => {
    const memory = createMemoryStore();
    let fails = false;
    const store = {
      ...memory,
      sealKeyCounts: async () => {
        if (fails) throw new VaultError("store_failed", "it broke");
        return await memory.sealKeyCounts();
      },
    };
    const api = await startMemoryApi({ seal: STATIC_SEAL, store });
    const { root: token } = await initialise(api, 1, 1, "static");
    await api.request("POST", "/v1/sys/sealwrap/rewrap", { token });
    fails = true;
    await api.fire();
    fails = false;
    expect(rewrap(await scrape(api, token))).toMatchObject({ running: 1, paused: 1 });
    await api.request("DELETE", "/v1/sys/sealwrap/rewrap", { token });
    const families = await scrape(api, token);
    expect(rewrap(families)).toMatchObject({ running: 0, paused: 0 });
    expect(setSeries(families, "sealwright_rewrap_run_result")).toEqual([{ result: "cancelled" }]);
  });
});

describe("seal and keyring metrics", () => {
  it("metrics show the seal's type and key, and the keyring's term", async () => {
    const { api, token } = await prepare("static");
    const term = (families: Families) => [
      valueOf(families, "sealwright_barrier_term"),
      families.get("vault_barrier_estimated_encryptions")?.samples[0]?.labels["term"],
    ];
    const before = await scrape(api, token);
    expect(setSeries(before, "sealwright_seal_info")).toEqual([{ type: "static", key_id: "k1" }]);
    expect(term(before)).toEqual([1, "1"]);
    const encryptions = valueOf(before, "vault_barrier_estimated_encryptions") ?? 0;
    await api.request("PUT", "/v1/kv/z", { token, body: { x: "1" } });
    const after = await scrape(api, token);
    expect(valueOf(after, "vault_barrier_estimated_encryptions")).toBe(encryptions + 1);
    expect(valueOf(after, "vault_seal_encrypt"))
      .toBe((valueOf(before, "vault_seal_encrypt") ?? 0) + 1);
    await api.request("PUT", "/v1/sys/rotate", { token });
    const rotated = await scrape(api, token);
    expect(term(rotated)).toEqual([2, "2"]);
    expect(valueOf(rotated, "sealwright_barrier_term_start_timestamp_seconds"))
      .toBe(api.clock.nowMs / 1000);
  });

  it("metrics count mounts by table", async () => {
    const { api, token } = await prepare("unsealed");
    const families = await scrape(api, token);
    const mounts = (type: string, local: string) =>
      valueOf(families, "vault_core_mount_table_num_entries", { type, local });
    const listed = await api.request("GET", "/v1/sys/mounts", { token });
    const tables = Object.values(Object(at(listed.json, "data")));
    const locals = tables.filter((mount) => at(mount, "local") === true);
    expect([mounts("logical", "true"), mounts("logical", "false")])
      .toEqual([locals.length, tables.length - locals.length]);
    expect(mounts("auth", "false")).toBe(1);
  });

  it("the seal counts as unhealthy from an entry that does not open until one does", async () => {
    const { api, token } = await prepare("static");
    const healthy = async () => {
      const families = await scrape(api, token);
      return [
        valueOf(families, "sealwright_seal_healthy"),
        valueOf(families, "vault_seal_decrypt_error"),
      ];
    };
    expect(await healthy()).toEqual([1, 0]);
    const { records } = await api.store.wrappedBy("k1", null, 100, 1_000_000);
    const record = records.find(({ path }) => path.startsWith("logical/"));
    if (record === undefined) throw new Error("there is no wrapped secret");
    const { path, sealKeyId } = record;
    const bytes = record.bytes.with(-1, (record.bytes.at(-1) ?? 0) ^ 1);
    await api.store.commit({ writes: [{ path, bytes, sealKeyId }] });
    expect((await api.request("GET", "/v1/kv/a", { token })).status).toBe(500);
    expect(await healthy()).toEqual([0, 1]);
    expect((await api.request("GET", "/v1/kv2/data/a", { token })).status).toBe(200);
    expect(await healthy()).toEqual([1, 1]);
  });

  it("metrics count failed attempts to auto-unseal", async () => {
    const memory = createMemoryStore();
    let fails = false;
    const store = {
      ...memory,
      get: async (path: string) => {
        if (fails && path === "core/keyring") throw new VaultError("store_failed", "it broke");
        return await memory.get(path);
      },
    };
    const api = await startMemoryApi({ seal: STATIC_SEAL, store });
    const { root: token } = await initialise(api, 1, 1, "static");
    fails = true;
    await api.restart();
    expect((await api.request("GET", PROMETHEUS, { token })).status).toBe(503);
    api.clock.nowMs += 60_000;
    expect((await api.request("GET", PROMETHEUS, { token })).status).toBe(503);
    fails = false;
    api.clock.nowMs += 60_000;
    const families = await scrape(api, token);
    expect(valueOf(families, "sealwright_seal_auto_unseal_failures_total")).toBe(2);
    expect(valueOf(families, "sealwright_seal_healthy")).toBe(1);
  });
});
