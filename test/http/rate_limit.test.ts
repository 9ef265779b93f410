import { describe, expect, it } from "vitest";
import { RateLimiter } from "../../src/http/rate_limit.ts";
import { RATE_LIMIT_ADDRESSES_MAX } from "../../src/limits.ts";

function limiter(perSecond: number, burst: number) {
  const clock = { nowMs: 1_000_000 };
  return { clock, limits: new RateLimiter({ perSecond, burst }, () => clock.nowMs) };
}

describe("RateLimiter", () => {
  it("admits a burst, then refuses, then admits at the rate", () => {
    const { clock, limits } = limiter(2, 3);
    expect([1, 2, 3, 4].map(() => limits.admit("192.0.2.1"))).toEqual([true, true, true, false]);
    clock.nowMs += 499;
    expect(limits.admit("192.0.2.1")).toBe(false);
    clock.nowMs += 501;
    expect([1, 2, 3].map(() => limits.admit("192.0.2.1"))).toEqual([true, true, false]);
  });

  it("never saves up more than a burst", () => {
    const { clock, limits } = limiter(10, 2);
    limits.admit("192.0.2.1");
    clock.nowMs += 3_600_000;
    expect([1, 2, 3].map(() => limits.admit("192.0.2.1"))).toEqual([true, true, false]);
  });

  it("counts each address by itself, and those of one IPv6 /64 together", () => {
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

  it("remembers a bounded number of addresses", () => {
    const { limits } = limiter(1, 1);
    limits.admit("first");
    for (let n = 0; n < RATE_LIMIT_ADDRESSES_MAX; n++) limits.admit(`address ${n}`);
    expect(limits.admit("first")).toBe(true);
    expect(limits.admit(`address ${RATE_LIMIT_ADDRESSES_MAX - 1}`)).toBe(false);
  });

  it("limits nobody without a rate", () => {
    const limits = new RateLimiter(null, () => 0);
    expect(Array.from({ length: 5000 }, () => limits.admit("a")).every(Boolean)).toBe(true);
  });
});
