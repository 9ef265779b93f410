import { describe, expect, it } from "vitest";
import { VaultError } from "../../src/errors.ts";
import { DEFAULT_POLICY_TEXT } from "../../src/access/default_policy.ts";
import { CAPABILITY_BITS, capabilityNames, parsePolicy } from "../../src/access/policy.ts";
import type { PathRule } from "../../src/access/policy.ts";

function rule(text: string): PathRule {
  const { rules } = parsePolicy("p", text);
  expect(rules).toHaveLength(1);
  return rules[0] as PathRule;
}

function refusal(text: string): string {
  try {
    parsePolicy("p", text);
  } catch (error) {
    expect(error).toBeInstanceOf(VaultError);
    expect((error as VaultError).code).toBe("invalid_request");
    return (error as VaultError).message;
  }
  throw new Error(`was accepted: ${text}`);
}

const READ = 'capabilities = ["read"]';

describe("parsePolicy()", () => {
  it("keeps the name it is given, not the one in the text", () => {
    expect(parsePolicy("web", 'name = "other"').name).toBe("web");
    expect(parsePolicy("web", "")).toEqual({ name: "web", rules: [] });
  });

  it("reads every part of a rule", () => {
    const parsed = rule(`path "/kv/a" {
      comment = "why"
      capabilities = ["read", "update"]
      allowed_parameters = { "A" = ["x", "y*"], "b" = [], "*" = [] }
      denied_parameters { c = [1, true, ["z"]] }
      required_parameters = ["A", "a", "b"]
      min_wrapping_ttl = 60
      max_wrapping_ttl = "1h"
    }`);
    expect(parsed).toEqual({
      path: "kv/a",
      kind: "exact",
      capabilities: CAPABILITY_BITS.read | CAPABILITY_BITS.update,
      allowedParameters: new Map<string, unknown>([["a", ["x", "y*"]], ["b", []], ["*", []]]),
      deniedParameters: new Map([["c", [1, true, ["z"]]]]),
      requiredParameters: ["a", "b"],
      minWrappingTtlSeconds: 60,
      maxWrappingTtlSeconds: 3600,
    });
  });

  it.each<[string, string, string]>([
    ["", "", "exact"],
    ["kv/a", "kv/a", "exact"],
    ["/kv/a", "kv/a", "exact"],
    ["//kv", "/kv", "exact"],
    ["a*b", "a*b", "exact"],
    ["a+b", "a+b", "exact"],
    ["kv/+a", "kv/+a", "exact"],
    ["*", "*", "prefix"],
    ["kv/a*", "kv/a*", "prefix"],
    ["+", "+", "segments"],
    ["kv/+", "kv/+", "segments"],
    ["+/cfg", "+/cfg", "segments"],
    ["kv/+/cfg/*", "kv/+/cfg/*", "segments"],
  ])("takes the path %j as %j, %s", (written, path, kind) => {
    expect(rule(`path ${JSON.stringify(written)} { ${READ} }`)).toMatchObject({ path, kind });
  });

  it.each<[string, string[]]>([
    ['capabilities = ["create", "list", "patch", "scan"]', ["create", "list", "patch", "scan"]],
    ['capabilities = "read"', ["read"]],
    ["capabilities = []", []],
    ["", []],
    ['capabilities = ["read", "deny", "sudo"]', ["deny"]],
    ['capabilities = ["subscribe", "recover"]', []],
    ['policy = "deny"', ["deny"]],
    ['policy = "read"', ["list", "read"]],
    ['policy = "write"', ["create", "delete", "list", "read", "update"]],
    ['policy = "sudo"', ["create", "delete", "list", "read", "sudo", "update"]],
    ['policy = "read"\ncapabilities = ["patch"]', ["list", "patch", "read"]],
    ['policy = "deny"\ncapabilities = ["read"]', ["deny"]],
  ])("grants by %s", (body, names) => {
    expect(capabilityNames(rule(`path "x" { ${body} }`).capabilities)).toEqual(names);
  });

  it.each<[string, string]>([
    ['path "x" { capabilities = ["fly"] }', 'path "x": invalid capability "fly"'],
    ['path "a" { capabilities = ["Read"] }', 'path "a": invalid capability "Read"'],
    ['path "a" { capabilities = ["root"] }', 'path "a": invalid capability "root"'],
    [
      'path "a" { capabilities = ["deny", "__proto__"] }',
      'path "a": invalid capability "__proto__"',
    ],
    ['path "a" { capabilities = [1] }', 'path "a": capabilities must be a list of strings'],
    ['path "a" { policy = "admin" }', 'path "a": invalid policy "admin"'],
    [
      "this is { not hcl",
      "At 1:18: key 'not hcl' expected start of object ('{') or assignment ('=')",
    ],
    ['paths "x" { }', 'invalid key "paths x" on line 1'],
    ["__proto__ = 1", 'invalid key "__proto__" on line 1'],
    ['path "x" {\n  foo = 1\n}', 'path "x": invalid key "foo" on line 2'],
    ['path "x" {\n constructor = 1 }', 'path "x": invalid key "constructor" on line 2'],
    ['path "x" { capabilities "y" { } }', 'path "x": invalid key "capabilities y" on line 1'],
    [`path "x" { ${READ}\n${READ} }`, 'path "x": "capabilities" at 2:1 was already set'],
    ["name { }", "name must be a string"],
    ["path = 1", 'path "": expected one path and its rules'],
    ['path "a" "b" { }', 'path "a b": expected one path and its rules'],
    [`path { ${READ} }`, 'path "capabilities": expected one path and its rules'],
    ['path "kv/+*" { }', `path "kv/+*": invalid use of wildcards ('+*' is forbidden)`],
    [
      'path "x" { min_wrapping_ttl = "zz" }',
      'error parsing min_wrapping_ttl: invalid duration "zz"',
    ],
    ['path "x" { max_wrapping_ttl = -1 }', 'error parsing max_wrapping_ttl: invalid duration "-1"'],
    [
      'path "x" { min_wrapping_ttl = "2h" max_wrapping_ttl = "1h" }',
      "max_wrapping_ttl cannot be less than min_wrapping_ttl",
    ],
    [
      'path "x" { allowed_parameters = ["a"] }',
      'path "x": allowed_parameters must map names to lists of values',
    ],
    [
      'path "x" { denied_parameters = { a = [], A = ["x"] } }',
      'path "x": "A" at 1:42 was already set',
    ],
    [
      'path "x" { required_parameters = [[]] }',
      'path "x": required_parameters must be a list of strings',
    ],
    ['path "x/{{y" { }', 'path "x/{{y": failed to validate policy templating: unbalanced braces'],
  ])("refuses %s", (text, detail) => {
    expect(refusal(text)).toBe(`failed to parse policy: ${detail}`);
  });

  it.each(["control_group", "expiration", "list_scan_response_keys_filter_path", "mfa_methods"])(
    "refuses %s, which would narrow access",
    (key) => {
      expect(refusal(`path "x" { ${READ}\n${key} = "a" }`)).toBe(
        `failed to parse policy: path "x": "${key}" is not supported: ignoring it would widen access`,
      );
      expect(refusal(`path "x" { ${key} { } }`)).toContain("not supported");
    },
  );

  it("ignores the keys that keep nothing from anybody", () => {
    expect(
      rule(
        `path "x" { ${READ}\ncomment = "a"\npagination_limit = 5\nsubscribe_event_types = ["*"] }`,
      ),
    )
      .toEqual(rule(`path "x" { ${READ} }`));
  });

  it("checks a rule with a template and leaves it out", () => {
    const text = `path "kv/{{identity.entity.id}}/*" { ${READ} } path "x" { ${READ} }`;
    expect(parsePolicy("p", text).rules.map((each) => each.path)).toEqual(["x"]);
    expect(refusal('path "kv/{{identity.entity.id}}" { capabilities = ["fly"] }')).toContain("fly");
  });

  it("never makes the root policy", () => {
    expect(() => parsePolicy("root", "")).toThrow('cannot update "root" policy');
  });

  it("clips long text in its messages", () => {
    expect(refusal(`path "${"x".repeat(100_000)}" { foo = 1 }`).length).toBeLessThan(400);
    expect(refusal(`${"x".repeat(100_000)} ]`).length).toBeLessThan(400);
  });

  it("reads a megabyte of rules", () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `path "kv/${index}" { ${READ} }\n`);
    expect(parsePolicy("p", text.join("")).rules).toHaveLength(20_000);
  });

  it("reads the default policy", () => {
    const { rules } = parsePolicy("default", DEFAULT_POLICY_TEXT);
    expect(new Set(rules.map((each) => each.path)).size).toBe(rules.length);
    expect(rules.every((each) => each.capabilities > CAPABILITY_BITS.deny)).toBe(true);
  });
});

describe("parsePolicy() on JSON", () => {
  const hcl = `
    name = "p"
    path "kv/a" { capabilities = ["read"] }
    path "kv/+/b*" {
      capabilities = ["update"]
      allowed_parameters = { "a" = ["x", 1], "b" = [] }
      denied_parameters = { "c" = [{ d = "e" }] }
      required_parameters = ["a"]
      max_wrapping_ttl = "5m"
    }`;
  const updates =
    '{"capabilities":["update"],"allowed_parameters":{"a":["x",1],"b":[]},"denied_parameters":{"c":[{"d":"e"}]},"required_parameters":["a"],"max_wrapping_ttl":"5m"}';

  it.each<[string, string]>([
    ["an object", `{"name":"p","path":{"kv/a":{"capabilities":["read"]},"kv/+/b*":${updates}}}`],
    ["a list of objects", `{"path":[{"kv/a":{"capabilities":["read"]}},{"kv/+/b*":[${updates}]}]}`],
    ["repeated names", `{"path":{"kv/a":{"capabilities":["read"]}},"path":{"kv/+/b*":${updates}}}`],
  ])("says the same as HCL when paths are %s", (_what, json) => {
    expect(parsePolicy("p", json)).toEqual(parsePolicy("p", hcl));
  });

  it("keeps both rules of a path that is named twice", () => {
    const json = '{"path":{"x":{"policy":"deny"},"x":{"policy":"read"}}}';
    expect(parsePolicy("p", json).rules.map((each) => capabilityNames(each.capabilities)))
      .toEqual([["deny"], ["list", "read"]]);
  });

  it("takes __proto__ as a name like any other", () => {
    const json =
      '{"path":{"__proto__":{"capabilities":["read"],"denied_parameters":{"__proto__":[]}}}}';
    expect(rule(json)).toMatchObject({
      path: "__proto__",
      deniedParameters: new Map([["__proto__", []]]),
    });
    expect(refusal('{"path":{"x":{"__proto__":{"policy":"sudo"}}}}')).toContain('"__proto__"');
  });

  it("refuses what is not an object of rules", () => {
    expect(refusal('{"path":["x"]}')).toContain("expected one path");
    expect(refusal('{"path":{"x":null}}')).toContain("expected one path");
    expect(refusal('{"path":{"x":{"capabilities":[null]}}}')).toContain("list of strings");
    expect(refusal('{"path":{}')).toContain("failed to parse policy: At 1:11: ");
  });
});
