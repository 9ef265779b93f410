/** The rate limit for requests without a valid token: `RateLimiter` itself, and the app with it. */

import { describe, expect, it } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { RateLimiter } from "../../../src/http/request/rate_limit.ts";
import { createLog } from "../../../src/log.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { createMemoryStore } from "../../../src/storage/memory_store.ts";
import { Vault } from "../../../src/vault/vault.ts";
import { RATE_LIMIT_ADDRESSES_MAX } from "../../../src/limits.ts";
import { evidence } from "../../secrecy/evidence.ts";

function limiter(perSecond: number, burst: number) {
  const clock = { nowMs: 1_000_000 };
  return { clock, limits: new RateLimiter({ perSecond, burst }, () => clock.nowMs) };
}

describe("RateLimiter", () => {
  it("RateLimiter admits a burst, then refuses, then admits at the rate", () => {
    const { clock, limits } = limiter(2, 3);
    expect([1, 2, 3, 4].map(() => limits.admit("192.0.2.1"))).toEqual([true, true, true, false]);
    clock.nowMs += 499;
    expect(limits.admit("192.0.2.1")).toBe(false);
    clock.nowMs += 501;
    expect([1, 2, 3].map(() => limits.admit("192.0.2.1"))).toEqual([true, true, false]);
  });

  it("RateLimiter never saves up more than a burst", () => {
    const { clock, limits } = limiter(10, 2);
    limits.admit("192.0.2.1");
    clock.nowMs += 3_600_000;
    expect([1, 2, 3].map(() => limits.admit("192.0.2.1"))).toEqual([true, true, false]);
  });

  it("RateLimiter survives a clock that jumps in either direction", () => {
    const { clock, limits } = limiter(1, 2);
    const admitted = (tries: number) =>
      Array.from({ length: tries }, () => limits.admit("192.0.2.1")).filter(Boolean).length;
    expect(admitted(3)).toBe(2);
    clock.nowMs -= 365 * 86_400_000;
    expect(admitted(3)).toBe(0);
    clock.nowMs += 1000;
    expect(admitted(3)).toBe(1);
    clock.nowMs += 3650 * 86_400_000;
    expect(admitted(5)).toBe(2);
    clock.nowMs -= 3650 * 86_400_000;
    expect(admitted(3)).toBe(0);
    clock.nowMs += 2000;
    expect(admitted(3)).toBe(2);
  });

  it("RateLimiter counts each address by itself, and each IPv6 /64 together", () => {
    const { limits } = limiter(1, 1);
    expect(limits.admit("192.0.2.1")).toBe(true);
    expect(limits.admit("192.0.2.2")).toBe(true);
    expect(limits.admit("2001:db8:1:2::1")).toBe(true);
    expect(limits.admit("2001:db8:1:2:3:4:5:6")).toBe(false);
    expect(limits.admit("2001:db8:1:3::1")).toBe(true);
    expect(limits.admit("2001:db8::1")).toBe(true);
    expect(limits.admit("2001:db8:0:0:9::")).toBe(false);
    expect(limits.admit(null)).toBe(true);
    expect(limits.admit(null)).toBe(false);
  });

  it("RateLimiter remembers a bounded number of addresses", () => {
    const { limits } = limiter(1, 1);
    limits.admit("first");
    for (let n = 0; n < RATE_LIMIT_ADDRESSES_MAX; n++) limits.admit(`address ${n}`);
    expect(limits.admit("first")).toBe(true);
    expect(limits.admit(`address ${RATE_LIMIT_ADDRESSES_MAX - 1}`)).toBe(false);
  });

  it("RateLimiter without a rate admits everything", () => {
    const limits = new RateLimiter(null, () => 0);
    expect(Array.from({ length: 5000 }, () => limits.admit("a")).every(Boolean)).toBe(true);
  });
});

describe("the app with a rate limit", () => {
  async function app() {
    const nowMs = () => 1_000_000;
    const write = (line: string) => evidence.line("log-in-process", line);
    const log = createLog({ level: "debug", write, style: "json", nowMs });
    const vault = await Vault.open({
      store: createMemoryStore(),
      seal: { type: "shamir" },
      nowMs,
      random: randomBytes,
      alarm: { set: () => {} },
      log,
    });
    return createApp(vault, {
      rekeyAccess: "open",
      generateRootAccess: "open",
      clientAddress: (request) => request.headers.get("x-test-address"),
      version: "test",
      isReachedByTls: false,
      rateLimit: { perSecond: 1, burst: 4 },
    });
  }

  it("an address over its limit gets 429, except for the seal status and valid tokens", async () => {
    const served = await app();
    const ask = async (address: string, method: string, path: string, body?: unknown, token = "") =>
      await served.request(`http://vault.test/v1/${path}`, {
        method,
        headers: { "x-test-address": address, "X-Vault-Token": token },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const made = await ask("init", "PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
    const { keys, root_token: root } = await made.json();
    await ask("init", "PUT", "sys/unseal", { key: keys[0] });

    for (let n = 0; n < 4; n++) {
      expect((await ask("a", "GET", "sys/mounts", undefined, "guess")).status).toBe(403);
    }
    const refused = await ask("a", "GET", "sys/mounts", undefined, "guess");
    expect(refused.status).toBe(429);
    expect(await refused.json()).toEqual({
      errors: ['request path "sys/mounts": rate limit quota exceeded'],
    });
    expect((await ask("a", "PUT", "sys/unseal", { key: keys[0] })).status).toBe(429);
    expect((await ask("a", "GET", "sys/rekey/init")).status).toBe(429);
    expect((await ask("a", "GET", "sys/seal-status")).status).toBe(200);
    expect((await ask("a", "GET", "sys/mounts", undefined, root)).status).toBe(200);
    expect((await ask("b", "GET", "sys/rekey/init")).status).toBe(200);
  });
});
