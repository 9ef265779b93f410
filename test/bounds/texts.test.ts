/** Small languages within a field: durations, lists, addresses and policies; hashing and batches. */

import { describe, expect, it } from "vitest";
import { areWithin } from "../../src/access/cidr.ts";
import { parseDurationSeconds } from "../../src/wire/duration.ts";
import { readGoDuration } from "../../src/wire/go_duration.ts";
import { parseMetadata } from "../../src/methods/approle/secret_id_metadata.ts";
import {
  generatePassword,
  parsePasswordPolicy,
} from "../../src/access/policies/password_policy.ts";
import { parsePolicy } from "../../src/access/policies/policy.ts";
import { createHashing, hashData } from "../../src/audit/hashing.ts";
import { hashNamed } from "../../src/crypto/hashes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { integerList, readFields, textList } from "../../src/wire/fields.ts";
import {
  AUDIT_HASHED_MAX_CHARS,
  AUDIT_HASHES_MAX,
  BATCH_ITEMS_MAX,
  DURATION_MAX_CHARS,
  HASH_SLICE_BYTES,
  INTEGER_MAX_CHARS,
  LIST_ITEMS_MAX,
  PASSWORD_LOOKS_MAX,
  PASSWORD_POLICY_MAX_CHARS,
  PASSWORD_TRIES_MAX,
  POLICY_MAX_CHARS,
  RANDOM_MAX_BYTES,
  SECRET_ID_METADATA_MAX_CHARS,
} from "../../src/limits.ts";
import * as v from "valibot";
import { settingSeconds } from "../../src/http/sys/mounts/durations.ts";
import { prepare } from "../http/stages.ts";
import { expectLinear, leastMs } from "./cost.ts";

const WRONG = /^(time: |strconv|expected a duration)|invalid|longer|too long/;

describe("durations", () => {
  const long = "1s".repeat(DURATION_MAX_CHARS);
  it("a duration that is too long is refused in every place that reads durations", async () => {
    expect(parseDurationSeconds(long)).toBeNull();
    expect(() => readGoDuration(long)).toThrow(/^time: invalid duration "1s/);
    expect(() => settingSeconds(long)).toThrow(/^time: invalid duration/);
    expect(readGoDuration("1s".repeat(DURATION_MAX_CHARS / 2))).toBe(DURATION_MAX_CHARS / 2);
    const { api, token } = await prepare("unsealed");
    const body = { ttl: long };
    const answer = await api.request("POST", "/v1/auth/token/create", { token, body });
    expect(answer.status).toBe(400);
  });

  it("reading a duration takes linear time", async () => {
    for (const piece of ["1s", "0", "1.", "9d", "µ"]) {
      await expectLinear((factor) => {
        const text = piece.repeat(500_000 * factor);
        return () => {
          expect(() => readGoDuration(text)).toThrow(WRONG);
          expect(() => settingSeconds(text)).toThrow();
          parseDurationSeconds(text);
        };
      });
    }
  });
});

describe("list fields", () => {
  const schema = v.object({ texts: textList("texts"), numbers: integerList("numbers") });
  const read = (data: Record<string, unknown>) => readFields(schema, data);
  const items = (count: number) => Array.from({ length: count }, () => "1");

  it("a list field has at most 1000 items, as a list or as text with commas", () => {
    for (const name of ["texts", "numbers"]) {
      for (const written of [items(LIST_ITEMS_MAX), items(LIST_ITEMS_MAX).join(",")]) {
        expect(Object.values(read({ [name]: written }))[0]).toHaveLength(LIST_ITEMS_MAX);
      }
      for (const written of [items(LIST_ITEMS_MAX + 1), items(LIST_ITEMS_MAX + 1).join(",")]) {
        expect(() => read({ [name]: written })).toThrow(/expected at most 1000 items, got more$/);
      }
    }
    expect(() => read({ numbers: "1".repeat(INTEGER_MAX_CHARS * LIST_ITEMS_MAX + 1) })).toThrow();
  });

  it("reading a list field takes linear time", async () => {
    for (const piece of ["1,", ",", "1_0,", "0", "_"]) {
      await expectLinear((factor) => {
        const text = piece.repeat(1_000_000 * factor);
        return () => {
          expect(() => read({ numbers: text })).toThrow();
          try {
            read({ texts: text });
          } catch {
            // Too many items.
          }
        };
      });
    }
  });
});

describe("bound addresses", () => {
  it("comparing two lists of bound addresses takes linear time", async () => {
    await expectLinear((factor) => {
      const blocks = Array.from(
        { length: 250 * factor },
        (_, n) => `2001:db8:${n.toString(16)}::/48`,
      );
      return () => areWithin(blocks, blocks);
    });
  });
});

describe("password policies", () => {
  it("a password policy that is too long is refused", () => {
    const rule = 'length = 8 rule "charset" { charset = "abc" }';
    expect(parsePasswordPolicy(rule.padEnd(PASSWORD_POLICY_MAX_CHARS)).length).toBe(8);
    expect(() => parsePasswordPolicy(rule.padEnd(PASSWORD_POLICY_MAX_CHARS + 1)))
      .toThrow("invalid password policy: longer than 65536 characters");
  });

  it("a password policy with impossible rules gives up after bounded work", async () => {
    const rules = (count: number) =>
      `length = 100\nrule "charset" { charset = "${"abcdefghijklmnopqrstuvwxyz".repeat(4)}" }\n` +
      'rule "charset" { charset = "0123456789" min-chars = 1 }\n'.repeat(count) +
      'rule "charset" { charset = "!" min-chars = 70 }';
    let draws = 0;
    const counted = (length: number) => {
      draws += 1;
      return randomBytes(length);
    };
    const hard = parsePasswordPolicy(rules(25));
    expect(() => generatePassword(hard, counted)).toThrow(/timed out generating string/);
    const looks = 100 * 26;
    // A password is drawn in up to four steps, because bytes that would bias it are left out.
    expect(draws).toBeLessThan(4 * Math.min(PASSWORD_TRIES_MAX, PASSWORD_LOOKS_MAX / looks));
    await expectLinear((factor) => {
      const policy = parsePasswordPolicy(rules(7 * factor));
      return () => {
        expect(() => generatePassword(policy, randomBytes)).toThrow(/timed out generating string/);
      };
    });
  });

  it("a password policy with many character sets takes linear time", async () => {
    await expectLinear((factor) => {
      const set = 'rule "charset" { charset = "abcdefghij" }\n'.repeat(350 * factor);
      const policy = parsePasswordPolicy(`length = 100\n${set}`);
      return () => generatePassword(policy, randomBytes);
    });
  });
});

describe("policies", () => {
  it("a policy that is too long is refused", async () => {
    const { api, token } = await prepare("unsealed");
    const path = "/v1/sys/policies/acl/large";
    const write = (length: number) => {
      const policy = 'path "a" { capabilities = ["read"] }'.padEnd(length);
      return api.request("PUT", path, { token, body: { policy } });
    };
    expect((await write(POLICY_MAX_CHARS)).status).toBe(204);
    const { status, json } = await write(POLICY_MAX_CHARS + 1);
    expect([status, json]).toEqual([400, {
      errors: ["failed to parse policy: text longer than 524288 characters"],
    }]);
  });

  const TEXTS: Readonly<Record<string, (count: number) => string>> = {
    rules: (n) =>
      Array.from({ length: n }, (_, i) => `path "a/${i}/+/*" { capabilities = ["read"] }`).join(
        "\n",
      ),
    "the same rule": (n) => 'path "a" { capabilities = ["read"] }\n'.repeat(n),
    "unknown keys": (n) => "a = 1\n".repeat(n),
    "unfinished keys": (n) => "a ".repeat(n * 20),
    comments: (n) => "/**/# a\n// b\n".repeat(n * 4),
    "unfinished heredocs": (n) => `a = ${"<<A\nb\n".repeat(n * 6)}`,
    "open brackets": (n) => `a = ${"[".repeat(n * 40)}`,
    templates: (n) => `path "${"{{a}}".repeat(n * 8)}" { capabilities = ["read"] }`,
    "half templates": (n) => `path "${"{{".repeat(n * 20)}" { capabilities = ["read"] }`,
    "JSON with much in it": (n) =>
      JSON.stringify({ path: { a: { capabilities: Array(n).fill("read") } } }),
  };
  for (const [what, make] of Object.entries(TEXTS)) {
    it(`parsing a policy with ${what} takes linear time`, async () => {
      await expectLinear((factor) => {
        const text = make(2500 * factor);
        return () => parsePolicy("a", text);
      });
    });
  }
});

describe("secret id metadata", () => {
  it("secret id metadata that is too long is refused", () => {
    const text = JSON.stringify({ a: "x".repeat(SECRET_ID_METADATA_MAX_CHARS - 8) });
    expect(Object.keys(parseMetadata(text))).toEqual(["a"]);
    expect(() => parseMetadata(`${text} `)).toThrow("longer than 65536 characters");
  });

  it("reading secret id metadata takes linear time", async () => {
    for (const piece of ["a=b,", "[", '{"a":', "=,"]) {
      await expectLinear((factor) => {
        const text = piece.repeat(4000 * factor);
        return () => parseMetadata(text);
      });
    }
  });
});

describe("hashing, batches and random bytes", () => {
  it("a large input is hashed in slices, between which other tasks run", async () => {
    const data = new Uint8Array(8 * HASH_SLICE_BYTES);
    let turns = 0;
    const timer = setInterval(() => turns += 1, 0);
    await hashNamed("sha3-512", data);
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it("a transit batch and a number of random bytes beyond their bounds are refused", async () => {
    const { api, token } = await prepare("unsealed");
    await api.request("POST", "/v1/sys/mounts/transit", { token, body: { type: "transit" } });
    await api.request("POST", "/v1/transit/keys/k", { token, body: {} });
    const rawBody = `{"batch_input":[${"{},".repeat(BATCH_ITEMS_MAX)}{}]}`;
    const batch = await api.request("POST", "/v1/transit/encrypt/k", { token, rawBody });
    expect(batch.text).toContain(`at most ${BATCH_ITEMS_MAX} items`);
    const body = { bytes: RANDOM_MAX_BYTES + 1 };
    const drawn = await api.request("POST", "/v1/sys/tools/random", { token, body });
    expect(drawn.status).toBe(400);
  });

  it("the audit trail omits hashes of values that are too many or too long", async () => {
    const { text } = createHashing(new Uint8Array(32), true);
    const few = hashData({ a: "x".repeat(AUDIT_HASHED_MAX_CHARS), b: "y" }, text);
    expect(few).toMatch(/"a":"hmac-sha256:[0-9a-f]{64}","b":"hmac-sha256:omitted"/);
    const many = Array.from({ length: AUDIT_HASHES_MAX + 1 }, () => "");
    expect(hashData({ many }, text).match(/omitted/g)).toHaveLength(1);
    const largest = { a: "x".repeat(4 * AUDIT_HASHED_MAX_CHARS) };
    const within = { a: "x".repeat(AUDIT_HASHED_MAX_CHARS) };
    const beyondMs = await leastMs(() => hashData(largest, text));
    expect(beyondMs).toBeLessThan(await leastMs(() => hashData(within, text)));
  });
});
