import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isLoopback, parseSettings, type Variables } from "../../src/runtimes/settings.ts";
import { VERSION } from "../../src/runtimes/version.ts";

const KEY_HEX = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const KEY = Uint8Array.from({ length: 32 }, (_, index) => index);
const OTHER_HEX = "ff".repeat(32);
const CURRENT = "SEALWRIGHT_STATIC_SEAL_CURRENT_KEY";
const PREVIOUS = "SEALWRIGHT_STATIC_SEAL_PREVIOUS_KEY";

const noFile = (path: string): Uint8Array => {
  throw new Error(`no such file: ${path}`);
};

function settingsOf(variables: Variables, readFile: typeof noFile | null = noFile) {
  const outcome = parseSettings(variables, readFile);
  if (!outcome.ok) throw new Error(outcome.errors.join("\n"));
  return outcome.settings;
}

function errorsOf(variables: Variables, readFile: typeof noFile | null = noFile) {
  const outcome = parseSettings(variables, readFile);
  return outcome.ok ? [] : outcome.errors;
}

function staticSeal(currentKey: string, more: Variables = {}): Variables {
  return { SEALWRIGHT_SEAL: "static", [CURRENT]: currentKey, [`${CURRENT}_ID`]: "k1", ...more };
}

describe("settings", () => {
  it("settings have their documented defaults when variables are missing or empty", () => {
    const defaults = {
      listen: { hostname: "127.0.0.1", port: 8200 },
      dataDirectory: "./data",
      storage: { kind: "sqlite" },
      seal: { type: "shamir" },
      rekeyAccess: "token",
      generateRootAccess: "token",
      rateLimit: { perSecond: 50, burst: 1000 },
      trustedProxies: [],
      tls: null,
      isReachedByTls: false,
      logLevel: "info",
      audit: { filePath: null, httpUrl: null, console: false },
    };
    expect(settingsOf({})).toEqual(defaults);
    expect(settingsOf({ SEALWRIGHT_LISTEN: "", SEALWRIGHT_SEAL: "", SEALWRIGHT_DATA: "" }))
      .toEqual(defaults);
  });

  it("settings name Deno KV by its path or URL, only together and only where it can be", () => {
    const kv = { SEALWRIGHT_STORAGE: "deno-kv", SEALWRIGHT_DENO_KV: "data/kv.db" };
    expect(settingsOf(kv).storage).toEqual({ kind: "deno-kv", location: "data/kv.db" });
    expect(errorsOf({ SEALWRIGHT_STORAGE: "deno-kv" }))
      .toEqual(["SEALWRIGHT_DENO_KV is missing: SEALWRIGHT_STORAGE is deno-kv"]);
    expect(errorsOf({ SEALWRIGHT_DENO_KV: "data/kv.db" }))
      .toEqual(["SEALWRIGHT_DENO_KV means nothing without SEALWRIGHT_STORAGE=deno-kv"]);
    expect(errorsOf({ SEALWRIGHT_STORAGE: "etcd" }))
      .toEqual(['SEALWRIGHT_STORAGE must be sqlite or deno-kv: got "etcd"']);
    expect(errorsOf(kv, null))
      .toEqual(["SEALWRIGHT_STORAGE cannot be deno-kv on a Worker: only Deno has Deno KV"]);
  });

  it("settings accept every documented value", () => {
    const settings = settingsOf({
      SEALWRIGHT_LISTEN: "[::1]:18200",
      SEALWRIGHT_DATA: ":memory:",
      SEALWRIGHT_REKEY_ACCESS: "token-to-start",
      SEALWRIGHT_GENERATE_ROOT_ACCESS: "open",
      SEALWRIGHT_RATE_LIMIT: "off",
      SEALWRIGHT_TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8,2001:DB8::/32, ::ffff:192.0.2.1",
      SEALWRIGHT_TLS_CERT: "cert.pem",
      SEALWRIGHT_TLS_KEY: "key.pem",
      SEALWRIGHT_LOG: "debug",
      SEALWRIGHT_AUDIT_FILE: "/var/log/audit.log",
      SEALWRIGHT_AUDIT_HTTP: "https://collector.example/in",
      SEALWRIGHT_AUDIT_CONSOLE: "1",
    });
    expect(settings).toEqual({
      listen: { hostname: "::1", port: 18200 },
      dataDirectory: null,
      storage: { kind: "sqlite" },
      seal: { type: "shamir" },
      rekeyAccess: "token-to-start",
      generateRootAccess: "open",
      rateLimit: null,
      trustedProxies: ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32", "192.0.2.1"],
      tls: { certPath: "cert.pem", keyPath: "key.pem" },
      isReachedByTls: true,
      logLevel: "debug",
      audit: {
        filePath: "/var/log/audit.log",
        httpUrl: "https://collector.example/in",
        console: true,
      },
    });
  });

  it.each<[Variables]>([
    [{ SEALWRIGHT_TLS_CERT: "cert.pem", SEALWRIGHT_TLS_KEY: "key.pem" }],
    [{ SEALWRIGHT_INSECURE_LISTEN: "1" }],
    [{ SEALWRIGHT_TRUSTED_PROXIES: "127.0.0.1" }],
  ])("settings expect clients to use TLS with %o", (variables) => {
    expect(settingsOf(variables).isReachedByTls).toBe(true);
  });

  it.each<[Variables, string]>([
    [{ SEALWRIGHT_LISTEN: "8200" }, "SEALWRIGHT_LISTEN must be an address and a port"],
    [{ SEALWRIGHT_LISTEN: ":8200" }, "SEALWRIGHT_LISTEN must be an address and a port"],
    [{ SEALWRIGHT_LISTEN: "127.0.0.1:0" }, "SEALWRIGHT_LISTEN must be"],
    [{ SEALWRIGHT_LISTEN: "127.0.0.1:65536" }, "SEALWRIGHT_LISTEN must be"],
    [{ SEALWRIGHT_LISTEN: "::1:8200" }, "SEALWRIGHT_LISTEN must be"],
    [{ SEALWRIGHT_LISTEN: "a,b:80" }, "SEALWRIGHT_LISTEN must be"],
    [{ SEALWRIGHT_SEAL: "Static" }, 'SEALWRIGHT_SEAL must be shamir or static: got "Static"'],
    [{ SEALWRIGHT_REKEY_ACCESS: "yes" }, "SEALWRIGHT_REKEY_ACCESS must be token, token-to-start"],
    [{ SEALWRIGHT_GENERATE_ROOT_ACCESS: "1" }, "SEALWRIGHT_GENERATE_ROOT_ACCESS must be"],
    [
      { SEALWRIGHT_RATE_LIMIT: "0/5" },
      "SEALWRIGHT_RATE_LIMIT must be tries per second and at once",
    ],
    [{ SEALWRIGHT_RATE_LIMIT: "none" }, "SEALWRIGHT_RATE_LIMIT must be tries per second and at"],
    ...["proxy.example", "10.0.0.0/33", "127.0.0.1,", ",", "10.0.0.1:80", "*"].map((
      value,
    ): [Variables, string] => [
      { SEALWRIGHT_TRUSTED_PROXIES: value },
      "SEALWRIGHT_TRUSTED_PROXIES must be addresses and blocks with commas",
    ]),
    [{ SEALWRIGHT_LOG: "loud" }, "SEALWRIGHT_LOG must be debug, info, warn or error"],
    [{ SEALWRIGHT_INSECURE_LISTEN: "true" }, "SEALWRIGHT_INSECURE_LISTEN must be 1, or not set"],
    [{ SEALWRIGHT_AUDIT_CONSOLE: "yes" }, "SEALWRIGHT_AUDIT_CONSOLE must be 1, or not set"],
    [{ SEALWRIGHT_AUDIT_HTTP: "collector" }, "SEALWRIGHT_AUDIT_HTTP must be an http or https URL"],
    [{ SEALWRIGHT_AUDIT_HTTP: "https://u:p@host/" }, "SEALWRIGHT_AUDIT_HTTP must be"],
    [{ SEALWRIGHT_TLS_CERT: "a" }, "SEALWRIGHT_TLS_KEY is missing"],
    [{ SEALWRIGHT_TLS_KEY: "a" }, "SEALWRIGHT_TLS_CERT is missing"],
    [{ SEALWRIGHT_LISTEN: "0.0.0.0:8200" }, "SEALWRIGHT_LISTEN is not a loopback address"],
    [{ SEALWRIGHT_LISTEN: "vault.example:8200" }, "SEALWRIGHT_LISTEN is not a loopback address"],
  ])("the settings %j are refused: %s", (variables, error) => {
    const errors = errorsOf(variables);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(error);
  });

  it("settings report every wrong variable once, all together", () => {
    const errors = errorsOf({
      SEALWRIGHT_LISTEN: "x",
      SEALWRIGHT_REKEY_ACCESS: "x",
      SEALWRIGHT_SEAL: "static",
    });
    expect(errors.map((error) => error.split(/[ :]/)[0])).toEqual([
      "SEALWRIGHT_LISTEN",
      "SEALWRIGHT_REKEY_ACCESS",
      `${CURRENT}_ID`,
      CURRENT,
    ]);
  });

  it("settings allow a public address with TLS, or if the operator insists", () => {
    const everywhere = { SEALWRIGHT_LISTEN: "0.0.0.0:8200" };
    expect(errorsOf({ ...everywhere, SEALWRIGHT_INSECURE_LISTEN: "1" })).toEqual([]);
    expect(errorsOf({ ...everywhere, SEALWRIGHT_TLS_CERT: "c", SEALWRIGHT_TLS_KEY: "k" }))
      .toEqual([]);
  });

  it.each(["127.0.0.1", "127.255.255.254", "::1", "localhost"])(
    "%s is a loopback address",
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );

  it.each(["127.0.0.1.example", "127.0.0.256", "128.0.0.1", "127.1", "::", "localhost.example"])(
    "%s is not a loopback address",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe("static seal key", () => {
  const raw = "abcdefghijklmnopqrstuvwxyz012345";
  it.each<[string, string, Uint8Array]>([
    ["64 hex digits", KEY_HEX.toUpperCase(), KEY],
    ["44 characters of base64", Buffer.from(KEY).toString("base64"), KEY],
    [
      "43 characters of URL-safe base64",
      Buffer.alloc(32, 0xfb).toString("base64url"),
      new Uint8Array(32).fill(0xfb),
    ],
    ["32 raw bytes", raw, new TextEncoder().encode(raw)],
  ])("a static seal key is accepted as %s", (_encoding, text, key) => {
    const { seal } = settingsOf(staticSeal(text));
    expect(seal).toEqual({ type: "static", current: { id: "k1", key }, previous: null });
  });

  it("a static seal key is read from a file in any encoding, with or without a final newline", () => {
    const contents: Record<string, Uint8Array> = {
      "/keys/raw": KEY,
      "/keys/hex": new TextEncoder().encode(`${KEY_HEX}\n`),
      "/keys/id": new TextEncoder().encode("k1\n"),
    };
    const read = (path: string): Uint8Array => contents[path] ?? noFile(path);
    for (const name of ["raw", "hex"]) {
      const variables = staticSeal(`file:///keys/${name}`, {
        [`${CURRENT}_ID`]: "file:///keys/id",
      });
      expect(settingsOf(variables, read).seal).toMatchObject({ current: { id: "k1", key: KEY } });
    }
  });

  it.each<[string, Variables, string]>([
    ["no key", staticSeal(""), `${CURRENT}: missing required current key`],
    [
      "no id",
      staticSeal(KEY_HEX, { [`${CURRENT}_ID`]: "" }),
      `${CURRENT}_ID: got empty current_key_id; please specify a permanent identifier for this key`,
    ],
    ["a short key", staticSeal(KEY_HEX.slice(2)), `${CURRENT}: unknown encoding for AES-256 key`],
    ["no hex", staticSeal("g".repeat(64)), `${CURRENT}: unknown encoding for AES-256 key`],
    ["bad base64", staticSeal("*".repeat(44)), `${CURRENT}: unknown encoding for AES-256 key`],
    ["the wrong alphabet", staticSeal("+".repeat(43)), `${CURRENT}: unknown encoding`],
    ["a long id", staticSeal(KEY_HEX, { [`${CURRENT}_ID`]: "x".repeat(256) }), "at most 255 bytes"],
    ["a file nobody has", staticSeal("file:///none"), `${CURRENT} cannot be read: no such file`],
    [
      "half a previous key",
      staticSeal(KEY_HEX, { [PREVIOUS]: OTHER_HEX }),
      `${PREVIOUS}_ID: got empty previous_key_id`,
    ],
    [
      "the other half",
      staticSeal(KEY_HEX, { [`${PREVIOUS}_ID`]: "k0" }),
      `${PREVIOUS}: missing required previous key`,
    ],
    [
      "one key under two names",
      staticSeal(KEY_HEX, { [PREVIOUS]: KEY_HEX, [`${PREVIOUS}_ID`]: "k0" }),
      "current and previous key material match with different key identifiers",
    ],
    [
      "two keys under one name",
      staticSeal(KEY_HEX, { [PREVIOUS]: OTHER_HEX, [`${PREVIOUS}_ID`]: "k1" }),
      "current and previous key material differs with same key identifiers",
    ],
  ])("a static seal key is refused with %s", (_what, variables, error) => {
    const errors = errorsOf(variables);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(error);
  });

  it("a refused static seal key never appears in the error", () => {
    const almost = `${KEY_HEX}00`;
    expect(errorsOf(staticSeal(almost)).join()).not.toContain(KEY_HEX);
  });

  it("on Workers neither the static seal key nor the audit device can be a file", () => {
    const errors = errorsOf(staticSeal("file:///keys/raw"), null);
    expect(errors).toEqual([
      `${CURRENT} cannot name a file: there are none here; give the value as a secret`,
    ]);
    const audit = "SEALWRIGHT_AUDIT_FILE cannot be set: there are no files here";
    expect(errorsOf({ SEALWRIGHT_AUDIT_FILE: "a" }, null)).toEqual([audit]);
  });

  it("a previous static seal key counts only if it differs from the current one", () => {
    const withPrevious = (key: string, id: string): Variables =>
      staticSeal(KEY_HEX, { [PREVIOUS]: key, [`${PREVIOUS}_ID`]: id });
    expect(settingsOf(withPrevious(OTHER_HEX, "k0")).seal).toMatchObject({
      previous: { id: "k0", key: new Uint8Array(32).fill(0xff) },
    });
    expect(settingsOf(withPrevious(KEY_HEX, "k1")).seal).toMatchObject({ previous: null });
  });
});

it("the version is the one in package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(VERSION).toBe(manifest.version);
});
