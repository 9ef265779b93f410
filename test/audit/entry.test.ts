import { describe, expect, it } from "vitest";
import { type AuditedRequest, AuditEntry } from "../../src/audit/entry.ts";
import { createHashing } from "../../src/audit/hashing.ts";
import { encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { hmacSha256 } from "../../src/crypto/digest.ts";

const SALT = Uint8Array.from({ length: 32 }, (_, index) => index);
const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const hashing = createHashing(SALT, true);

/** Expected hashes, computed without the code under test. */
const hashed = (text: string) => `hmac-sha256:${encodeHex(hmacSha256(SALT, encodeUtf8(text)))}`;

const REQUEST: AuditedRequest = {
  id: "3c1fe1b6-9e47-4e2a-8f4a-4e7c5a1c7a10",
  operation: "update",
  mount: { type: "kv", accessor: "kv_1234", path: "secret/" },
  clientToken: "s.token",
  path: "secret/data/a",
  data: { data: { user: "ann", age: 7, tags: ["x", true, null] }, options: { cas: 1 } },
  remoteAddress: "127.0.0.1",
  wrapTtlSeconds: 60,
  headers: { "user-agent": ["curl"] },
};
const AUTH = {
  accessor: "acc",
  displayName: "token-ann",
  policies: ["default", "dev"],
  metadata: { team: "a" },
  tokenType: "service",
  ttlSeconds: 3600,
  issuedAtMs: Date.UTC(2026, 0, 1),
};

function entry(change: Partial<AuditedRequest> = {}): AuditEntry {
  const decision = { allowed: true, grantingPolicies: ["dev"] };
  return new AuditEntry(AUTH, decision, { ...REQUEST, ...change });
}

const parse = (line: string): Record<string, unknown> => JSON.parse(line);

const EXPECTED = {
  time: "2026-01-02T03:04:05.006Z",
  type: "request",
  auth: {
    client_token: hashed("s.token"),
    accessor: hashed("acc"),
    display_name: "token-ann",
    policies: ["default", "dev"],
    token_policies: ["default", "dev"],
    metadata: { team: "a" },
    token_type: "service",
    token_ttl: 3600,
    token_issue_time: "2026-01-01T00:00:00.000Z",
    policy_results: {
      allowed: true,
      granting_policies: [{ name: "dev", namespace_id: "root", type: "acl" }],
    },
  },
  request: {
    id: REQUEST.id,
    client_token: hashed("s.token"),
    client_token_accessor: hashed("acc"),
    operation: "update",
    mount_point: "secret/",
    mount_type: "kv",
    mount_accessor: "kv_1234",
    namespace: { id: "root" },
    path: "secret/data/a",
    remote_address: "127.0.0.1",
    wrap_ttl: 60,
    headers: { "user-agent": ["curl"] },
    data: {
      data: { user: hashed("ann"), age: 7, tags: [hashed("x"), true, null] },
      options: { cas: 1 },
    },
  },
};

describe("audit lines", () => {
  it("a request line has exactly Vault's members, with every secret string hashed", () => {
    expect(parse(entry().requestLine(hashing, NOW_MS, null))).toEqual(EXPECTED);
  });

  it("a response line repeats the request and adds the response", () => {
    const reply = {
      data: { keys: ["a", "b"], n: 2 },
      auth: { client_token: "s.new", accessor: "new", policies: ["p"], lease_duration: 5 },
      wrapInfo: { token: "s.wrap", accessor: "wa", ttl: 60, creation_path: "secret/data/a" },
      warnings: ["about ann"],
    };
    expect(parse(entry().responseLine(hashing, NOW_MS, reply, null))).toEqual({
      ...EXPECTED,
      type: "response",
      response: {
        auth: {
          client_token: hashed("s.new"),
          accessor: hashed("new"),
          policies: ["p"],
          token_ttl: 5,
        },
        data: { keys: [hashed("a"), hashed("b")], n: 2 },
        wrap_info: {
          token: hashed("s.wrap"),
          accessor: hashed("wa"),
          ttl: 60,
          creation_path: "secret/data/a",
        },
        warnings: [hashed("about ann")],
      },
    });
  });

  it("an audit line shows an error in clear only when it is a fixed sentence", () => {
    const quoting = { text: 'unknown field "ann"', isPublic: false };
    const fixed = { text: "permission denied", isPublic: true };
    expect(parse(entry().requestLine(hashing, NOW_MS, quoting))["error"])
      .toBe(hashed(quoting.text));
    expect(parse(entry().responseLine(hashing, NOW_MS, null, fixed))["error"]).toBe(fixed.text);
  });

  it("an audit line of an anonymous request has no token", () => {
    const made = new AuditEntry(null, null, { ...REQUEST, clientToken: "", data: {}, mount: null });
    const { auth, request } = parse(made.requestLine(hashing, NOW_MS, null));
    expect(auth).toEqual({ token_type: "default" });
    expect(Object.keys(request as object)).not.toContain("client_token");
    expect(Object.keys(request as object)).not.toContain("data");
  });

  it("an audit entry is one line even if the input contains line breaks", () => {
    const made = entry({ path: "a\nb\u2028", data: { "na\nme": "va\nlue" } });
    expect(made.requestLine(hashing, NOW_MS, null)).not.toContain("\n");
  });

  it("an audit line keeps the digits of a number that JavaScript would round", () => {
    const rawJson = Reflect.get(JSON, "rawJSON") as (text: string) => unknown;
    const line = entry({ data: { big: rawJson("12345678901234567890") } })
      .requestLine(hashing, NOW_MS, null);
    expect(line).toContain('"big":12345678901234567890');
  });
});

describe("hashing per device", () => {
  it("devices with different salts hash the same text differently", () => {
    const made = entry();
    const other = createHashing(Uint8Array.from(SALT, (byte) => byte ^ 1), true);
    const lines = [hashing, other].map((each) => made.requestLine(each, NOW_MS, null));
    expect(lines[0]).toContain(hashed("ann"));
    expect(lines[1]).not.toContain(hashed("ann"));
    expect(lines.join()).not.toContain('"ann"');
  });

  it("hmac_accessor=false shows accessors in clear and still hashes the rest", () => {
    const line = entry().requestLine(createHashing(SALT, false), NOW_MS, null);
    expect(line).toContain('"accessor":"acc"');
    expect(line).toContain('"client_token_accessor":"acc"');
    expect(line).toContain(hashed("s.token"));
  });
});

describe("lines about ceremonies", () => {
  const UUID = "0f8fad5b-d9cb-469f-a165-70867728950e";
  const FINGERPRINT = "7a7e6bbd89197b080d7a47463047e9a85b5b147e";
  const dataOf = (data: Record<string, unknown>, path = "sys/rekey/update") => {
    const reply = parse(entry({ path }).responseLine(hashing, NOW_MS, { data }, null));
    return (reply["response"] as { readonly data: unknown }).data;
  };

  it("a ceremony line shows the attempt's public facts and hashes keys", () => {
    const facts = { nonce: UUID, t: 2, n: 3, pgp_fingerprints: [FINGERPRINT], complete: true };
    expect(dataOf({ ...facts, keys: ["k"], keys_base64: ["b"], otp: "o", encoded_token: "e" }))
      .toEqual({
        ...facts,
        keys: [hashed("k")],
        keys_base64: [hashed("b")],
        otp: hashed("o"),
        encoded_token: hashed("e"),
      });
  });

  it("a ceremony line hashes a malformed value under a public name", () => {
    const share = "ab".repeat(33);
    const data = { nonce: share, verification_nonce: [UUID], pgp_fingerprints: [FINGERPRINT, "x"] };
    expect(dataOf(data)).toEqual({
      nonce: hashed(share),
      verification_nonce: [hashed(UUID)],
      pgp_fingerprints: [hashed(FINGERPRINT), hashed("x")],
    });
  });

  it.each(["secret/data/a", "sys/rekey2/x", "sys/rotate/config", "kv/sys/rekey/init"])(
    "%s is not a ceremony path, so its nonce is hashed",
    (path) => expect(dataOf({ nonce: UUID }, path)).toEqual({ nonce: hashed(UUID) }),
  );
});

describe("long lists", () => {
  it("a very long list is hashed up to a limit, and the rest is omitted", () => {
    const keys = Array.from({ length: 10_003 }, (_, index) => `canary${index}`);
    const line = entry({ data: {} }).responseLine(hashing, NOW_MS, { data: { keys } }, null);
    const { response } = parse(line) as { response: { data: { keys: readonly string[] } } };
    expect(response.data.keys).toHaveLength(10_003);
    expect(response.data.keys[9999]).toBe(hashed("canary9999"));
    expect(response.data.keys.slice(10_000)).toEqual(Array(3).fill("hmac-sha256:omitted"));
    expect(line).not.toContain("canary");
  });
});
