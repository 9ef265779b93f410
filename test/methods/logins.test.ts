/** Logins without HTTP: passwords, stored records, and the lifetime and type of login tokens. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lifetime } from "../../src/access/tokens/lifetime.ts";
import { AppRole } from "../../src/methods/approle/roles.ts";
import { leaseLimits } from "../../src/access/tokens/lease_limits.ts";
import type { AuthMount } from "../../src/access/auth_mount.ts";
import { AuthMounts } from "../../src/vault/mounts/auth_mounts.ts";
import { JsonRecords } from "../../src/barrier/mount_records.ts";
import { Passwords } from "../../src/methods/userpass/passwords.ts";
import { loginToken, NO_RULES } from "../../src/access/tokens/login_token.ts";
import { Userpass } from "../../src/methods/userpass/users.ts";
import { Barrier } from "../../src/barrier/barrier.ts";
import { decodeUtf8 } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { TERM_OPERATIONS_PATH } from "../../src/storage/record_paths.ts";
import { codeOf } from "../barrier/doubles.ts";
import { openBarrier } from "../barrier/open_barrier.ts";

const FAST = { logN: 4, r: 8, p: 1 };

/** Everything behind the barrier: paths and plaintext. */
async function plaintext(barrier: Barrier): Promise<string> {
  const lines: string[] = [];
  for (const path of await barrier.list("", "", 1000)) {
    if (path === TERM_OPERATIONS_PATH) continue;
    const record = await barrier.get(path);
    if (record !== null) lines.push(`${path} ${decodeUtf8(record.value)}`);
  }
  return lines.join("\n");
}

function portsOf(barrier: Barrier) {
  return { barrier, random: randomBytes, nowMs: () => 1000, dueChanged: () => {} };
}

describe("Passwords", () => {
  it("a password hash matches its own password and no other", async () => {
    const passwords = new Passwords(randomBytes, FAST);
    const hash = await passwords.hash("secret");
    expect(await passwords.matches("secret", hash)).toBe(true);
    expect(await passwords.matches("Secret", hash)).toBe(false);
    expect(await passwords.matches("", hash)).toBe(false);
  });

  it("a password is checked at the cost of its stored hash", async () => {
    const hash = await new Passwords(randomBytes, FAST).hash("secret");
    const later = new Passwords(randomBytes, { ...FAST, logN: 5 });
    expect(await later.matches("secret", hash)).toBe(true);
    expect(await later.hash("secret")).toMatchObject({ kdf: "scrypt", logN: 5, r: 8, p: 1 });
  });

  it("the same password has another hash each time", async () => {
    const passwords = new Passwords(randomBytes, FAST);
    const [first, second] = [await passwords.hash("secret"), await passwords.hash("secret")];
    expect(first.salt).not.toBe(second.salt);
    expect(first.hash).not.toBe(second.hash);
  });

  it("checking the password of an unknown user costs as much and never matches", async () => {
    const passwords = new Passwords(randomBytes, { logN: 13, r: 8, p: 1 });
    const hash = await passwords.hash("secret");
    const timed = async (expected: typeof hash | null): Promise<number> => {
      const startMs = performance.now();
      expect(await passwords.matches("wrong", expected)).toBe(false);
      return performance.now() - startMs;
    };
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 5; round++) {
      known.push(await timed(hash));
      unknown.push(await timed(null));
    }
    // Without the work it would take a thousandth.
    expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...known) / 4);
  });

  it("a password that is too long is refused before any work", async () => {
    const passwords = new Passwords(randomBytes, FAST);
    const long = "x".repeat(5000);
    expect(await codeOf(() => passwords.hash(long))).toBe("invalid_request");
    expect(await passwords.matches(long, null)).toBe(false);
  });
});

describe("stored records of auth methods", () => {
  it("auth methods store no password, role id, secret id or accessor in clear", async () => {
    const barrier = openBarrier();
    const users = new Userpass(
      new JsonRecords(barrier, "auth/u1/", false),
      new Passwords(randomBytes, FAST),
    );
    await users.write("Ann", "correct horse", () => NO_RULES);
    const roles = new AppRole(new JsonRecords(barrier, "auth/u2/", false), portsOf(barrier), "u2");
    await roles.write("ci", (settings) => settings);
    const role = await roles.read("ci");
    if (role === null) throw new Error("the role is missing");
    const request = {
      secretId: null,
      uses: 0,
      ttlSeconds: 60,
      meta: {},
      cidrs: [],
      tokenBoundCidrs: [],
    };
    const issued = await roles.secretIds.issue(role.key, request);
    const stored = await plaintext(barrier);
    expect(stored).toContain("auth/u1/user/ann ");
    expect(stored).not.toContain("correct horse");
    expect(stored).not.toContain(issued.secretId);
    const paths = (await barrier.list("", "", 1000)).join("\n");
    expect(paths).not.toContain(issued.stored.accessor);
    expect(paths).not.toContain(role.roleId);
  });

  it("concurrent updates of a user are all applied", async () => {
    const barrier = openBarrier();
    const storage = new JsonRecords(barrier, "auth/u1/", false);
    const users = new Userpass(storage, new Passwords(randomBytes, FAST));
    await users.write("ann", "x", () => NO_RULES);
    const count = 8;
    await Promise.all(
      Array.from(
        { length: count },
        () => users.update("ann", null, (rules) => ({ ...rules, uses: rules.uses + 1 })),
      ),
    );
    expect((await users.rules("ann"))?.uses).toBe(count);
  });

  it("a password change does not bring back a user deleted meanwhile", async () => {
    const users = new Userpass(
      new JsonRecords(openBarrier(), "auth/u1/", false),
      new Passwords(randomBytes, FAST),
    );
    await users.write("ann", "x", () => NO_RULES);
    const change = codeOf(() => users.update("ann", "y", (rules) => rules));
    await users.remove("ann");
    expect(await change).toBe("invalid_request");
    expect(await users.exists("ann")).toBe(false);
  });
});

describe("the token mount", () => {
  it("the token mount has the same accessor and uuid after each unseal without being stored", async () => {
    const barrier = openBarrier();
    const first = (await AuthMounts.open(portsOf(barrier))).token;
    const second = (await AuthMounts.open(portsOf(barrier))).token;
    expect(second).toEqual(first);
    expect(first.accessor).toMatch(/^auth_token_[0-9a-f]{8}$/);
    expect(await barrier.list("", "", 10)).toEqual([]);
    expect((await AuthMounts.open(portsOf(openBarrier()))).token.uuid).not.toBe(first.uuid);
  });
});

const LIMITS = { defaultSeconds: 100, maxSeconds: 1000 };

describe("lifetime()", () => {
  it.each([
    ["the mount's default", {}, 0, 0, 100],
    ["the rules' own", { ttlSeconds: 50 }, 0, 0, 50],
    ["what a renewal asks for", { ttlSeconds: 50 }, 0, 70, 70],
    ["no more than the mount's maximum", { ttlSeconds: 5000 }, 0, 0, 1000],
    ["no more than the rules' maximum", { ttlSeconds: 50, maxTtlSeconds: 40 }, 0, 0, 40],
    ["what is left of the maximum", { maxTtlSeconds: 120 }, 100, 60, 20],
    ["nothing after the maximum", { maxTtlSeconds: 120 }, 121, 60, 0],
    ["the period, whatever the increment", { periodSeconds: 30 }, 5000, 60, 30],
    ["no period beyond the mount's maximum", { periodSeconds: 3000 }, 0, 0, 1000],
    [
      "a period within the explicit maximum",
      {
        periodSeconds: 30,
        explicitMaxTtlSeconds: 110,
      },
      100,
      0,
      10,
    ],
  ])("lifetime() gives %s", (_name, rules, ageSeconds, increment, expected) => {
    const life = lifetime({ ...NO_RULES, ...rules }, LIMITS, ageSeconds, increment);
    expect(life.ttlSeconds).toBe(expected);
  });

  it("lifetime() never exceeds a maximum for a token without a period", () => {
    const seconds = fc.integer({ min: 0, max: 5000 });
    fc.assert(fc.property(seconds, seconds, seconds, seconds, seconds, (...given) => {
      const [ttlSeconds, maxTtlSeconds, explicitMaxTtlSeconds, age, increment] = given;
      const rules = { ...NO_RULES, ttlSeconds, maxTtlSeconds, explicitMaxTtlSeconds };
      const life = lifetime(rules, LIMITS, age, increment);
      for (const max of [LIMITS.maxSeconds, maxTtlSeconds, explicitMaxTtlSeconds]) {
        if (max > 0) expect(life.ttlSeconds).toBeLessThanOrEqual(Math.max(0, max - age));
      }
      expect(life.ttlSeconds).toBeGreaterThanOrEqual(0);
    }));
  });
});

function mountWith(config: Partial<AuthMount["config"]>): AuthMount {
  return {
    path: "team/ops/",
    type: "userpass",
    description: "",
    accessor: "auth_userpass_1",
    uuid: "u1",
    local: false,
    sealWrap: false,
    externalEntropyAccess: false,
    options: null,
    config: {
      defaultLeaseSeconds: 0,
      maxLeaseSeconds: 0,
      forceNoCache: false,
      tokenType: "default-service",
      listingVisibility: "",
      auditNonHmacRequestKeys: [],
      auditNonHmacResponseKeys: [],
      passthroughRequestHeaders: [],
      allowedResponseHeaders: [],
      userLockout: null,
      ...config,
    },
    closing: false,
  };
}

describe("loginToken()", () => {
  const login = {
    path: "login/ann",
    displayName: "ann",
    meta: {},
    alias: { name: "ann", meta: null },
    rules: NO_RULES,
  };

  it("loginToken() names the token after the whole path of its mount", () => {
    const { template } = loginToken(mountWith({}), login, 0);
    expect(template.displayName).toBe("team-ops-ann");
    expect(template.path).toBe("auth/team/ops/login/ann");
    expect(template.policies).toEqual(["default"]);
  });

  it.each(
    [
      ["default-service", "default", "service"],
      ["default-service", "batch", "batch"],
      ["default-batch", "default", "batch"],
      ["default-batch", "service", "service"],
      ["service", "batch", "service"],
      ["batch", "service", "batch"],
    ] as const,
  )("loginToken() on a %s mount with %s rules gives type %s", (tokenType, type, expected) => {
    const rules = { ...NO_RULES, type, uses: 3, explicitMaxTtlSeconds: 60 };
    const { template } = loginToken(mountWith({ tokenType }), { ...login, rules }, 0);
    expect(template.type).toBe(expected);
    expect(template.renewable).toBe(expected === "service");
    expect(template.uses).toBe(expected === "service" ? 3 : 0);
    expect(template.explicitMaxTtlSeconds).toBe(expected === "service" ? 60 : 0);
  });

  it("loginToken() refuses the root policy in any spelling", async () => {
    const rules = { ...NO_RULES, policies: [" ROOT "] };
    const refused = await codeOf(() => loginToken(mountWith({}), { ...login, rules }, 0));
    expect(refused).toBe("invalid_request");
  });

  it("loginToken() leaves out the default policy if the rules say so", () => {
    const rules = { ...NO_RULES, noDefaultPolicy: true, policies: ["b", "a", "B"] };
    const { template } = loginToken(mountWith({}), { ...login, rules }, 0);
    expect(template.policies).toEqual(["a", "b"]);
  });
});

describe("leaseLimits()", () => {
  it("leaseLimits() gives the mount's limits, or the system's if the mount sets none", () => {
    const of = (defaultLeaseSeconds: number, maxLeaseSeconds: number) =>
      leaseLimits(mountWith({ defaultLeaseSeconds, maxLeaseSeconds }));
    const system = 768 * 3600;
    expect(of(0, 0)).toEqual({ defaultSeconds: system, maxSeconds: system });
    expect(of(60, 600)).toEqual({ defaultSeconds: 60, maxSeconds: 600 });
    expect(of(0, 600)).toEqual({ defaultSeconds: 600, maxSeconds: 600 });
  });
});
