import { describe, expect, it } from "vitest";
import { VaultError } from "../../../src/errors.ts";
import { DEFAULT_POLICY_TEXT } from "../../../src/access/policies/default_policy.ts";
import { CAPABILITY_BITS, capabilityNames } from "../../../src/access/policies/capabilities.ts";
import { parsePolicy } from "../../../src/access/policies/policy.ts";
import type { PathRule } from "../../../src/access/policies/policy.ts";
import { valuesOf } from "../../../src/access/policies/policy_template.ts";

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

/** The form in which OpenBao reports unknown keys. */
function several(...errors: string[]): string {
  const count = errors.length === 1 ? "1 error" : `${errors.length} errors`;
  return `${count} occurred:\n${errors.map((error) => `\t* ${error}\n`).join("")}\n`;
}

const READ = 'capabilities = ["read"]';

describe("parsePolicy()", () => {
  it("parsePolicy() keeps the name it is given, not the one in the text", () => {
    expect(parsePolicy("web", 'name = "other"').name).toBe("web");
    expect(parsePolicy("web", "")).toEqual({ name: "web", rules: [], warnings: [] });
  });

  it("parsePolicy() reads every part of a rule", () => {
    const parsed = rule(`path "/kv/a" {
      comment = "why"
      capabilities = ["read", "update"]
      allowed_parameters = { "A" = ["x", "y*"], "b" = [], "*" = [] }
      denied_parameters { c = [1, true, ["z"]] }
      required_parameters = ["A", "a", "b"]
      min_wrapping_ttl = 60
      max_wrapping_ttl = "1h"
      pagination_limit = 5
      expiration = "2030-01-01T02:00:00+02:00"
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
      paginationLimit: 5,
      expiresAtMs: Date.UTC(2030, 0, 1),
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
  ])("parsePolicy() reads the path %j as %j, of kind %s", (written, path, kind) => {
    expect(rule(`path ${JSON.stringify(written)} { ${READ} }`)).toMatchObject({ path, kind });
  });

  it.each<[string, string[]]>([
    ['capabilities = ["create", "list", "patch", "scan"]', ["create", "list", "patch", "scan"]],
    ["capabilities = {}", []],
    ["capabilities = []", []],
    ["", []],
    ['capabilities = ["read", "deny", "sudo"]', ["deny"]],
    ['capabilities = ["deny", "no such word"]', ["deny"]],
    ['policy = "deny"\ncapabilities = ["no such word"]\nmin_wrapping_ttl = "zz"', ["deny"]],
    ['policy = "deny"', ["deny"]],
    ['policy = "read"', ["list", "read"]],
    ['policy = "write"', ["create", "delete", "list", "read", "update"]],
    ['policy = "sudo"', ["create", "delete", "list", "read", "sudo", "update"]],
    ['policy = "read"\ncapabilities = ["patch"]', ["list", "patch", "read"]],
    ['policy = "deny"\ncapabilities = ["read"]', ["deny"]],
  ])("parsePolicy() reads what a rule grants by %s", (body, names) => {
    expect(capabilityNames(rule(`path "x" { ${body} }`).capabilities)).toEqual(names);
  });

  it.each<[string, string]>([
    ['path "x" { capabilities = ["fly"] }', 'path "x": invalid capability "fly"'],
    ['path "a" { capabilities = ["Read"] }', 'path "a": invalid capability "Read"'],
    ['path "a" { capabilities = ["root"] }', 'path "a": invalid capability "root"'],
    [
      'path "a" { capabilities = ["__proto__", "deny"] }',
      'path "a": invalid capability "__proto__"',
    ],
    ['path "a" { capabilities = ["subscribe"] }', 'path "a": invalid capability "subscribe"'],
    ['path "a" { capabilities = ["recover"] }', 'path "a": invalid capability "recover"'],
    ['path "a" { capabilities = [1] }', 'path "a": invalid capability "1"'],
    [
      'path "a" { capabilities = [true] }',
      'path "a": At 1:28: root.Capabilities[0]: unknown type for string *ast.LiteralType',
    ],
    [
      'path "a" { capabilities = "read" }',
      'path "a": At 1:27: unknown slice type: *ast.LiteralType',
    ],
    [
      'path "a" { capabilities = { a = 1 } }',
      'path "a": At 1:29: root.Capabilities[0]: unknown type for string *ast.ObjectItem',
    ],
    [
      'path "a" { policy = ["read"] }',
      'path "a": At 1:21: root.Policy: unknown type for string *ast.ListType',
    ],
    ['path "a" { policy = "admin" }', 'path "a": invalid policy "admin"'],
    [
      "this is { not hcl",
      "At 1:18: key 'not hcl' expected start of object ('{') or assignment ('=')",
    ],
    ['paths "x" { }', several('invalid key "paths" on line 0')],
    ["__proto__ = 1", several('invalid key "__proto__" on line 1')],
    [
      "foo = 1\nbar = 2",
      several('invalid key "foo" on line 1', 'invalid key "bar" on line 2'),
    ],
    ['path "x" {\n  foo = 1\n}', several('path "x": invalid key "foo" on line 2')],
    ['path "x" {\n constructor = 1 }', several('path "x": invalid key "constructor" on line 2')],
    [
      'path "x" { subscribe_event_types = ["*"] }',
      several('path "x": invalid key "subscribe_event_types" on line 1'),
    ],
    ['path "x" { foo = 1 }\nbar = 2', several('invalid key "bar" on line 2')],
    ['path "x" { capabilities "y" { } }', 'path "x": "capabilities y" takes no label'],
    ["name { }", "At 1:6: root.name: unknown type for string *ast.ObjectType"],
    ["name = true", "At 1:8: root.name: unknown type for string *ast.LiteralType"],
    ["path = 1", 'path "path": cannot check HCL keys of type *ast.LiteralType'],
    ["path = [1]", 'path "path": cannot check HCL keys of type *ast.ListType'],
    ["path = { x = {} }", several('path "path": invalid key "x" on line 1')],
    ['path "kv/+*" { }', `path "kv/+*": invalid use of wildcards ('+*' is forbidden)`],
    [
      'path "x" { min_wrapping_ttl = "zz" }',
      'error parsing min_wrapping_ttl: time: invalid duration "zz"',
    ],
    [
      'path "x" { min_wrapping_ttl = "1.5" }',
      'error parsing min_wrapping_ttl: time: missing unit in duration "1.5"',
    ],
    [
      'path "x" { min_wrapping_ttl = ["1h"] }',
      "error parsing min_wrapping_ttl: could not parse duration from input",
    ],
    [
      'path "x" { max_wrapping_ttl = -1 }',
      'error parsing max_wrapping_ttl: time: invalid duration "-1"',
    ],
    [
      'path "x" { max_wrapping_ttl = "-1h" }',
      'error parsing max_wrapping_ttl: time: invalid duration "-1h"',
    ],
    [
      'path "x" { expiration = "2030-01-01" }',
      'path "x": invalid expiration time: could not parse string as date and time',
    ],
    [
      'path "x" { expiration = ["a"] }',
      'path "x": At 1:25: root.expiration: unknown type for string *ast.ListType',
    ],
    [
      'path "x" { pagination_limit = "x" }',
      'path "x": strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [
      'path "x" { pagination_limit = "" }',
      'path "x": strconv.ParseInt: parsing "": invalid syntax',
    ],
    [
      'path "x" { pagination_limit = 2.5 }',
      'path "x": At 1:31: root.pagination_limit: unknown type *ast.LiteralType',
    ],
    [
      'path "x" { pagination_limit = "9007199254740993" }',
      'path "x": strconv.ParseInt: parsing "9007199254740992": value out of range',
    ],
    [
      'path "x" { min_wrapping_ttl = "2h" max_wrapping_ttl = "1h" }',
      "max_wrapping_ttl cannot be less than min_wrapping_ttl",
    ],
    [
      'path "x" { allowed_parameters = ["a"] }',
      'path "x": At 1:33: root.allowed_parameters: not an object type for map (*ast.ListType)',
    ],
    [
      'path "x" { allowed_parameters { a = "b" } }',
      'path "x": At 1:37: unknown slice type: *ast.LiteralType',
    ],
    [
      'path "x" { required_parameters = [[]] }',
      'path "x": At 1:35: root.required_parameters[0]: unknown type for string *ast.ListType',
    ],
    [
      'path "x/{{y" { }',
      "failed to validate policy templating: unbalanced templating characters",
    ],
    [
      'path "}}x{{" { foo = 1 }',
      "failed to validate policy templating: unbalanced templating characters",
    ],
  ])("parsePolicy() refuses %s", (text, detail) => {
    expect(refusal(text)).toBe(`failed to parse policy: ${detail}`);
  });

  it.each(["control_group", "list_scan_response_keys_filter_path", "mfa_methods"])(
    "parsePolicy() refuses %s, which would narrow access",
    (key) => {
      expect(refusal(`path "x" { ${READ}\n${key} = "a" }`)).toBe(
        `failed to parse policy: path "x": "${key}" is not supported: ignoring it would widen access`,
      );
      expect(refusal(`path "x" { ${key} { } }`)).toContain("not supported");
    },
  );

  describe("repeated attributes", () => {
    it.each<[string, string, string]>([
      ["capabilities", '["deny"]', '["list"]'],
      ["policy", '"sudo"', '"read"'],
      ["allowed_parameters", "{ a = [] }", '{ b = ["c"] }'],
      ["denied_parameters", "{ a = [] }", '{ b = ["c"] }'],
      ["required_parameters", '["a"]', '["b"]'],
      ["min_wrapping_ttl", '"2h"', '"1h"'],
      ["max_wrapping_ttl", '"1h"', '"2h"'],
      ["pagination_limit", "5", "7"],
      ["expiration", '"2030-01-01T00:00:00Z"', '"2031-01-01T00:00:00Z"'],
      ["comment", '"a"', '"b"'],
    ])("parsePolicy() uses the last %s, in HCL and in JSON, and warns", (name, first, last) => {
      const json = (value: string) => value.replace(/ ?(\w) = /g, '"$1": ');
      const one = `path "x" { ${name} = ${last} }`;
      const hcl = `path "x" { ${name} = ${first} ${name} = "zz" ${name} = ${last} }`;
      const warning = `path "x": "${name}" is set more than once: the one at `;
      const parsed = parsePolicy("p", hcl);
      expect(parsed.rules).toEqual(parsePolicy("p", one).rules);
      expect(parsed.warnings).toEqual([`${warning}1:${hcl.lastIndexOf(name) + 1} counts`]);
      const text = `{"path":{"x":{"${name}":${json(first)},"${name}":${json(last)}}}}`;
      expect(parsePolicy("p", text).rules).toEqual(parsed.rules);
      expect(parsePolicy("p", text).warnings).toEqual([expect.stringContaining(warning)]);
    });

    it("parsePolicy() uses the last values of a parameter, whatever its letter case", () => {
      const { rules, warnings } = parsePolicy(
        "p",
        'path "x" { denied_parameters = { a = [], A = ["x"] } }',
      );
      expect(rules[0]?.deniedParameters).toEqual(new Map([["a", ["x"]]]));
      expect(warnings)
        .toEqual([
          'path "x": denied_parameters: "a" is set more than once: the one at 1:42 counts',
        ]);
    });

    it("parsePolicy() warns of a repeated name, not of a path with several blocks", () => {
      const text = `name = "a"\nname = "b"\npath "x" { ${READ} }\npath "x" { ${READ} }`;
      expect(parsePolicy("p", text).warnings)
        .toEqual(['"name" is set more than once: the one at 2:1 counts']);
      expect(parsePolicy("p", text).rules).toHaveLength(2);
    });

    it("parsePolicy() checks the last value of an attribute, but every name and label", () => {
      expect(refusal(`path "x" { ${READ} policy = "read" policy = "admin" }`))
        .toBe('failed to parse policy: path "x": invalid policy "admin"');
      expect(refusal(`path "x" { ${READ} mfa_methods = ["a"] mfa_methods = [] }`))
        .toContain("not supported");
      expect(refusal(`path "x" { ${READ} capabilities "y" { } }`)).toContain("takes no label");
    });

    it("parsePolicy() lists at most twenty warnings and counts the rest", () => {
      const twice = (index: number) => `path "x${index}" { ${READ} ${READ} }`;
      const text = Array.from({ length: 5000 }, (_, index) => twice(index)).join("\n");
      const { warnings } = parsePolicy("p", text);
      expect(warnings).toHaveLength(21);
      expect(warnings.at(-1)).toBe("4980 more attributes are set more than once");
    });
  });

  it("parsePolicy() ignores a comment of any type", () => {
    expect(rule(`path "x" { ${READ}\ncomment = ["a"] }`)).toEqual(rule(`path "x" { ${READ} }`));
  });

  it.each<[string, number | null]>([
    ["5", 5],
    ['"5"', 5],
    ['"0x10"', 16],
    ['"010"', 8],
    ["0", null],
    ["-2", null],
    ['"-2"', null],
  ])("parsePolicy() reads %s as a pagination limit", (written, limit) => {
    expect(rule(`path "x" { pagination_limit = ${written} }`).paginationLimit).toBe(limit);
  });

  it(`parsePolicy() takes "path" for a missing label, and the first of several labels`, () => {
    expect(rule(`path { ${READ} }`).path).toBe("path");
    expect(rule(`path "x" "y" { ${READ} }`).path).toBe("x");
    expect(rule(`name = 5\npath "x" { ${READ} }`).path).toBe("x");
  });

  it("parsePolicy() lists twenty unknown keys and counts the rest", () => {
    const message = refusal("foo = 1\n".repeat(30_000));
    expect(message).toContain("30000 errors occurred:");
    expect(message.match(/invalid key/g)).toHaveLength(20);
  });

  it("parsePolicy() checks a templated rule and leaves it out when there is no entity", () => {
    const text = `path "kv/{{identity.entity.id}}/*" { ${READ} } path "x" { ${READ} }`;
    expect(parsePolicy("p", text).rules.map((each) => each.path)).toEqual(["x"]);
    expect(refusal('path "kv/{{identity.entity.id}}" { capabilities = ["fly"] }')).toContain("fly");
  });

  describe("templates", () => {
    const alias = {
      id: "a-1",
      accessor: "auth_userpass_1",
      name: "al/ice",
      meta: { team: "web", any: "*" },
      local: false,
      createdAtMs: 0,
      updatedAtMs: 0,
    };
    const entity = { version: 1, id: "e-1", name: "entity_1", createdAtMs: 0, alias } as const;
    const pathsFor = (path: string, allows = false) => {
      const rules = { allowsSlashesInTemplates: allows, allowsWildcardsInTemplates: allows };
      const text = `path ${JSON.stringify(path)} { ${READ} }`;
      return parsePolicy("p", text, valuesOf(entity, rules)).rules.map((each) => each.path);
    };

    it.each<[string, string]>([
      ["kv/{{identity.entity.id}}/*", "kv/e-1/*"],
      ["/kv/{{ identity.entity.name }}", "kv/entity_1"],
      ["{{identity.entity.id}}-{{identity.entity.name}}", "e-1-entity_1"],
      ["kv/{{identity.entity.aliases.auth_userpass_1.id}}", "kv/a-1"],
      ["kv/{{identity.entity.aliases.auth_userpass_1.metadata.team}}", "kv/web"],
    ])("parsePolicy() fills the template %s from the entity", (path, filled) => {
      expect(pathsFor(path)).toEqual([filled]);
    });

    it.each([
      "kv/{{identity.entity.metadata.team}}",
      "kv/{{identity.entity.aliases.auth_userpass_2.id}}",
      "kv/{{identity.entity.aliases.auth_userpass_1.metadata.none}}",
      "kv/{{identity.entity.aliases.auth_userpass_1.metadata.__proto__}}",
      "kv/{{identity.groups.names.a.id}}",
      "kv/{{}}",
    ])("parsePolicy() leaves out %s, which has no value", (path) => {
      expect(pathsFor(path)).toEqual([]);
    });

    it("a templated value may add slashes or wildcards only where the policy allows it", () => {
      const name = "kv/{{identity.entity.aliases.auth_userpass_1.name}}";
      const any = "kv/{{identity.entity.aliases.auth_userpass_1.metadata.any}}";
      expect([pathsFor(name), pathsFor(any)]).toEqual([[], []]);
      expect([pathsFor(name, true), pathsFor(any, true)]).toEqual([["kv/al/ice"], ["kv/*"]]);
    });
  });

  it("parsePolicy() refuses to define the root policy", () => {
    expect(() => parsePolicy("root", "")).toThrow('cannot update "root" policy');
  });

  it("parsePolicy() clips long text in its error messages", () => {
    expect(refusal(`path "${"x".repeat(100_000)}" { foo = 1 }`).length).toBeLessThan(400);
    expect(refusal(`path "x" { ${"y".repeat(100_000)} = 1 }`).length).toBeLessThan(400);
    expect(refusal(`${"x".repeat(100_000)} ]`).length).toBeLessThan(400);
  });

  it("parsePolicy() reads a megabyte of rules", () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `path "kv/${index}" { ${READ} }\n`);
    expect(parsePolicy("p", text.join("")).rules).toHaveLength(20_000);
  });

  it("parsePolicy() reads the default policy", () => {
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
  ])("parsePolicy() reads JSON like HCL when paths are %s", (_what, json) => {
    expect(parsePolicy("p", json)).toEqual(parsePolicy("p", hcl));
  });

  it("parsePolicy() keeps both rules of a JSON path that is named twice", () => {
    const json = '{"path":{"x":{"policy":"deny"},"x":{"policy":"read"}}}';
    expect(parsePolicy("p", json).rules.map((each) => capabilityNames(each.capabilities)))
      .toEqual([["deny"], ["list", "read"]]);
  });

  it("parsePolicy() reads __proto__ in JSON as an ordinary name", () => {
    const json =
      '{"path":{"__proto__":{"capabilities":["read"],"denied_parameters":{"__proto__":[]}}}}';
    expect(rule(json)).toMatchObject({
      path: "__proto__",
      deniedParameters: new Map([["__proto__", []]]),
    });
    expect(refusal('{"path":{"x":{"__proto__":{"policy":"sudo"}}}}')).toContain('"__proto__"');
  });

  it("parsePolicy() refuses JSON that is not an object of rules", () => {
    expect(refusal('{"path":["x"]}')).toContain("cannot check HCL keys");
    expect(refusal('{"path":{"x":null}}')).toContain('path "path": invalid key "x" on line 1');
    expect(refusal('{"path":{"x":{"capabilities":[null]}}}')).toContain("unknown type for string");
    expect(refusal('{"path":{"x":{"capabilities":"read"}}}')).toBe(
      'failed to parse policy: path "x": At -: unknown slice type: *ast.LiteralType',
    );
    expect(refusal('{"foo":{"x":{}}}')).toContain('* invalid key "foo" on line 1');
    expect(refusal('{"path":{}')).toContain("failed to parse policy: At 1:11: ");
  });
});
