import { describe, expect, it } from "vitest";
import { compileAcl } from "../../../src/access/policies/acl.ts";
import type { Acl, AclOperation } from "../../../src/access/policies/acl.ts";
import { DEFAULT_POLICY_TEXT } from "../../../src/access/policies/default_policy.ts";
import { parsePolicy } from "../../../src/access/policies/policy.ts";
import { ROOT_POLICY } from "../../../src/access/policies/root_policy.ts";

function aclOf(...texts: string[]): Acl {
  return compileAcl(texts.map((text, index) => parsePolicy(`p${index}`, text)));
}

/** `{ "kv/a": "read,list" }` as one policy. */
function aclOfRules(rules: Record<string, string>): Acl {
  const blocks = Object.entries(rules).map(([path, words]) =>
    `path ${JSON.stringify(path)} { capabilities = ${JSON.stringify(words.split(","))} }`
  );
  return aclOf(blocks.join("\n"));
}

function allows(
  acl: Acl,
  operation: AclOperation,
  path: string,
  more: { data?: Record<string, unknown>; wrap?: number; sudo?: boolean } = {},
): boolean {
  return acl.allows({
    operation,
    path,
    data: more.data ?? {},
    wrapTtlSeconds: more.wrap ?? null,
    needsSudo: more.sudo ?? false,
  }).allowed;
}

describe("ACL of the recorded kv exchange", () => {
  const acl = aclOf(
    DEFAULT_POLICY_TEXT,
    `path "kv/a" { capabilities = ["read"] }
     path "kv/dir/*" { capabilities = ["create","list"] }
     path "kv/team/+/cfg" { capabilities = ["read"] }
     path "kv/team/secret/cfg" { capabilities = ["deny"] }`,
  );

  it.each<[AclOperation, string, boolean]>([
    ["read", "kv/a", true],
    ["update", "kv/a", false],
    ["delete", "kv/a", false],
    ["list", "kv/dir/", true],
    ["read", "kv/dir/b", false],
    ["update", "kv/dir/b", false],
    ["create", "kv/dir/c", true],
    ["list", "kv/", false],
    ["read", "kv/team/one/cfg", true],
    ["read", "kv/team/secret/cfg", false],
    ["read", "kv/missing", false],
    ["read", "nomount/x", false],
  ])("recorded kv ACL: %s %s is allowed: %s", (operation, path, allowed) => {
    expect(allows(acl, operation, path)).toBe(allowed);
  });

  it.each<[string, string[]]>([
    ["kv/a", ["read"]],
    ["kv/dir/b", ["create", "list"]],
    ["kv/team/x/cfg", ["read"]],
    ["kv/team/secret/cfg", ["deny"]],
    ["kv/none", ["deny"]],
    ["cubbyhole/x", ["create", "delete", "list", "read", "update"]],
  ])("recorded kv ACL: capabilities on %s are %j", (path, names) => {
    expect(acl.capabilities(path)).toEqual(names);
  });
});

describe("root policy", () => {
  it("the root policy allows everything and reports itself as root", () => {
    for (
      const acl of [compileAcl([ROOT_POLICY]), compileAcl([parsePolicy("p", ""), ROOT_POLICY])]
    ) {
      expect(acl.isRoot).toBe(true);
      expect(acl.allows({ operation: "delete", path: "sys/raw/x", data: {}, needsSudo: true }))
        .toEqual({ allowed: true, root: true, sudo: true, policyNames: ["root"] });
      expect(acl.capabilities("x")).toEqual(["root"]);
    }
  });

  it("a token without policies is not root and may do nothing", () => {
    const acl = compileAcl([]);
    expect(acl.isRoot).toBe(false);
    expect(allows(acl, "read", "x")).toBe(false);
    expect(acl.capabilities("x")).toEqual(["deny"]);
  });
});

describe("default policy", () => {
  const acl = aclOf(DEFAULT_POLICY_TEXT);

  it.each<[AclOperation, string]>([
    ["read", "auth/token/lookup-self"],
    ["update", "auth/token/renew-self"],
    ["update", "auth/token/revoke-self"],
    ["update", "sys/capabilities-self"],
    ["update", "sys/leases/renew"],
    ["update", "sys/leases/lookup"],
    ["update", "sys/wrapping/wrap"],
    ["update", "sys/wrapping/lookup"],
    ["update", "sys/wrapping/unwrap"],
    ["update", "sys/tools/hash"],
    ["update", "sys/tools/hash/sha2-256"],
    ["update", "identity/oidc/provider/p/authorize"],
    ["read", "sys/internal/ui/resultant-acl"],
    ["list", "cubbyhole/"],
    ["create", "cubbyhole/a/b"],
  ])("the default policy allows %s %s", (operation, path) => {
    expect(allows(acl, operation, path)).toBe(true);
  });

  it.each<[AclOperation, string]>([
    ["update", "sys/rotate/root/init"],
    ["read", "sys/rotate/config"],
    ["read", "sys/key-status"],
    ["read", "sys/rekey/backup"],
    ["read", "sys/mounts"],
    ["update", "sys/mounts/zz"],
    ["read", "sys/policies/acl"],
    ["update", "sys/policies/acl/zz"],
    ["update", "sys/seal"],
    ["update", "auth/token/create"],
    ["update", "auth/token/lookup"],
    ["read", "cubbyholes/x"],
    ["update", "sys/leases/renew/x"],
  ])("the default policy does not allow %s %s", (operation, path) => {
    expect(allows(acl, operation, path)).toBe(false);
  });
});

describe("sudo", () => {
  const acl = aclOf(
    `path "sys/rotate*" { capabilities = ["create","read","update","delete","sudo"] }
     path "sys/key-status" { capabilities = ["read"] }
     path "sys/seal" { capabilities = ["sudo"] }`,
  );

  it("an operation that needs sudo also needs its own capability", () => {
    expect(allows(acl, "update", "sys/rotate", { sudo: true })).toBe(true);
    expect(allows(acl, "update", "sys/rotate/root/init", { sudo: true })).toBe(true);
    expect(allows(acl, "list", "sys/rotate/", { sudo: true })).toBe(false);
    expect(allows(acl, "read", "sys/key-status", { sudo: true })).toBe(false);
    expect(allows(acl, "read", "sys/key-status")).toBe(true);
    expect(allows(acl, "update", "sys/seal", { sudo: true })).toBe(false);
    expect(acl.capabilities("sys/seal")).toEqual(["sudo"]);
  });

  it("a decision reports sudo even when the request did not need it", () => {
    const request = { operation: "read", data: {}, needsSudo: false } as const;
    expect(acl.allows({ ...request, path: "sys/rotate" }).sudo).toBe(true);
    expect(acl.allows({ ...request, path: "sys/key-status" }).sudo).toBe(false);
  });
});

describe("which ACL pattern decides", () => {
  it.each<[string, Record<string, string>, string, string]>([
    [
      "the exact path wins over any pattern",
      { "a/b": "read", "a/b*": "list", "a/+": "list" },
      "a/b",
      "read",
    ],
    [
      "an exact path that denies wins over a pattern",
      { "a/b": "deny", "a/*": "read" },
      "a/b",
      "deny",
    ],
    [
      "an exact path wins even if it lacks the capability",
      { "a/b": "list", "a/*": "read" },
      "a/b",
      "list",
    ],
    [
      "the later first wildcard wins",
      { "kv1/s/q/*": "read", "kv1/s/+/z": "deny" },
      "kv1/s/q/z",
      "read",
    ],
    ["the longer prefix wins", { "*": "list", "a/*": "deny", "a/b*": "read" }, "a/bc", "read"],
    ["no final * wins over a final *", { "a/+": "read", "a/*": "list" }, "a/b", "read"],
    [
      "+ without a final * wins over + with one",
      { "a/+/c": "read", "a/+/*": "list" },
      "a/b/c",
      "read",
    ],
    ["no final * wins over fewer +", { "a/+/+": "read", "a/+/c*": "list" }, "a/b/c", "read"],
    [
      "fewer + wins",
      { "a/+/c/d": "read", "a/+/+/ddd": "list", "a/+/+/d": "list" },
      "a/b/c/d",
      "read",
    ],
    [
      "fewer + wins over more, before a final *",
      { "a/+/c*": "read", "a/+/+/d*": "list" },
      "a/b/c/d",
      "read",
    ],
    ["the longer pattern wins", { "a/+/c/*": "read", "a/+/c*": "list" }, "a/b/c/d", "read"],
    [
      "the lexically larger pattern wins",
      { "a/+/+/d": "read", "a/+/c/+": "list" },
      "a/b/c/d",
      "list",
    ],
    ["a prefix wins over + at the same place", { "a/*": "read", "a/+/*": "list" }, "a/b/c", "read"],
    ["+ matches one segment only", { "a/+": "read" }, "a/b/c", "deny"],
    ["+ may be the first segment", { "+/b": "read" }, "a/b", "read"],
    ["+ may be the only segment", { "+": "read" }, "a", "read"],
    ["+ inside a segment is literal", { "a/x+/c": "read" }, "a/xy/c", "deny"],
    ["* before the end matches no other text", { "a/*/c": "read" }, "a/b/c", "deny"],
    ["* before the end matches itself", { "a/*/c": "read" }, "a/*/c", "read"],
    ["a final * matches empty text", { "a/b*": "read" }, "a/b", "read"],
    ["a final * crosses segments", { "+/b*": "read" }, "a/bb/c/d", "read"],
    ["a final * after +/ needs the slash", { "a/+/*": "read" }, "a/b", "deny"],
    ["a prefix may end inside a segment", { "a*": "read" }, "ab/c", "read"],
    ["a sibling prefix does not match", { "a/b*": "read", "a/c*": "list" }, "a/d", "deny"],
    ["leading slashes of a requested path are dropped", { "a/b": "read" }, "//a/b", "read"],
    ["__proto__ is an ordinary path", { "x": "read" }, "__proto__", "deny"],
  ])("ACL patterns: %s", (_what, rules, path, word) => {
    expect(aclOfRules(rules).capabilities(path)).toEqual([word]);
  });
});

describe("list requests", () => {
  it.each<[string, Record<string, string>, string, boolean]>([
    ["matches the exact path with its slash", { "a/": "list" }, "a/", true],
    ["matches the exact path without its slash", { "a": "list" }, "a/", true],
    ["prefers the exact path with its slash", { "a": "list", "a/": "read" }, "a/", false],
    [
      "prefers an exact path without its slash to a pattern",
      { "a": "list", "a/*": "deny" },
      "a/",
      true,
    ],
    ["matches a pattern with the slash", { "a/*": "list" }, "a/", true],
    ["tries patterns again without the slash", { "k/+": "list" }, "k/a/", true],
    ["tries again only when nothing matched", { "k/+": "list", "k/a/*": "read" }, "k/a/", false],
    ["drops one slash, not two", { "k/+": "list" }, "k/a//", false],
  ])("a list request %s", (_what, rules, path, allowed) => {
    expect(allows(aclOfRules(rules), "list", path)).toBe(allowed);
  });

  it("only list and scan try a path again without its slash", () => {
    const acl = aclOfRules({ "a": "read,scan,list", "k/+": "read,scan,list" });
    expect(allows(acl, "scan", "a/")).toBe(true);
    expect(allows(acl, "scan", "k/a/")).toBe(true);
    expect(allows(acl, "read", "a/")).toBe(false);
    expect(allows(acl, "read", "k/a/")).toBe(false);
    expect(acl.capabilities("k/a/")).toEqual(["list", "scan"]);
  });

  it("scan does not allow list, and list does not allow scan", () => {
    expect(allows(aclOfRules({ "a/*": "scan" }), "list", "a/")).toBe(false);
    expect(allows(aclOfRules({ "a/*": "list" }), "scan", "a/")).toBe(false);
  });
});

describe("policies on the same pattern", () => {
  it("policies on one pattern add up, and a decision names those that grant it", () => {
    const acl = aclOf(
      'path "a/*" { capabilities = ["read"] }',
      'path "a/*" { capabilities = ["read", "list"] } path "a/*" { capabilities = ["read"] }',
      'path "/a/*" { capabilities = ["sudo"] }',
    );
    expect(acl.capabilities("a/b")).toEqual(["list", "read", "sudo"]);
    const request = { path: "a/b", data: {}, needsSudo: true } as const;
    expect(acl.allows({ ...request, operation: "read" }).policyNames).toEqual(["p0", "p1"]);
    expect(acl.allows({ ...request, operation: "list" }).policyNames).toEqual(["p1"]);
    expect(acl.allows({ ...request, operation: "delete" }))
      .toEqual({ allowed: false, root: false, sudo: false });
  });

  it("one policy that denies overrides all others on its pattern", () => {
    const texts = [
      'path "a/+" { capabilities = ["read", "sudo"] }',
      'path "a/+" { capabilities = ["deny"] }',
    ];
    for (const acl of [aclOf(...texts), aclOf(...texts.toReversed())]) {
      expect(acl.capabilities("a/b")).toEqual(["deny"]);
      expect(allows(acl, "read", "a/b")).toBe(false);
    }
  });

  it("policies on one pattern combine their parameters; an empty list allows any value", () => {
    const head = 'path "a" { capabilities = ["update"]';
    const acl = aclOf(
      `${head} allowed_parameters = { x = ["1"], y = ["1"] } required_parameters = ["x"] }`,
      `${head} allowed_parameters = { x = ["2"], y = [] } required_parameters = ["Y"] }`,
      `${head} denied_parameters = { y = ["no"] } }`,
    );
    const update = (data: Record<string, unknown>) => allows(acl, "update", "a", { data });
    expect(update({ x: "1", y: "any" })).toBe(true);
    expect(update({ x: "2", y: "1" })).toBe(true);
    expect(update({ x: "3", y: "1" })).toBe(false);
    expect(update({ x: "1", y: "no" })).toBe(false);
    expect(update({ x: "1" })).toBe(false);
    expect(update({ y: "1" })).toBe(false);
    expect(update({ x: "1", y: "1", z: "1" })).toBe(false);
  });

  it("policies on one pattern keep the smaller wrapping bounds", () => {
    const head = 'path "a" { capabilities = ["read"]';
    const united = aclOf(
      `${head} min_wrapping_ttl = 20 max_wrapping_ttl = 100 }`,
      `${head} min_wrapping_ttl = 10 max_wrapping_ttl = 50 }`,
    );
    expect(allows(united, "read", "a", { wrap: 10 })).toBe(true);
    expect(allows(united, "read", "a", { wrap: 50 })).toBe(true);
    expect(allows(united, "read", "a", { wrap: 51 })).toBe(false);
    const nothing = aclOf(`${head} min_wrapping_ttl = 20 }`, `${head} max_wrapping_ttl = 10 }`);
    for (const wrap of [5, 10, 15, 20, 25]) {
      expect(allows(nothing, "read", "a", { wrap })).toBe(false);
    }
  });
});

describe("wrapping bounds", () => {
  const acl = aclOf(
    'path "a" { capabilities = ["read", "delete"] min_wrapping_ttl = "1m" max_wrapping_ttl = "1h" }',
  );

  it.each<[number | undefined, boolean]>([
    [undefined, false],
    [59, false],
    [60, true],
    [3600, true],
    [3601, false],
  ])("wrapping bounds of 1m to 1h with a wrap TTL of %s seconds: allowed: %s", (wrap, allowed) => {
    const more = wrap === undefined ? {} : { wrap };
    expect(allows(acl, "read", "a", more)).toBe(allowed);
    expect(allows(acl, "delete", "a", more)).toBe(allowed);
  });
});

describe("parameters", () => {
  const recorded = aclOf(`path "a" {
    capabilities = ["create", "read", "update", "patch", "delete", "list"]
    allowed_parameters = { a = ["x", "y*"], b = [] }
    denied_parameters = { c = [] }
    required_parameters = ["a"]
  }`);

  it.each<[Record<string, unknown>, boolean]>([
    [{ a: "x" }, true],
    [{ a: "yy" }, true],
    [{ a: "y" }, true],
    [{ a: "z" }, false],
    [{ b: "q" }, false],
    [{ a: "x", b: "q" }, true],
    [{ a: "x", B: "q" }, true],
    [{ a: "x", c: 1 }, false],
    [{ a: "x", C: 1 }, false],
    [{ a: "x", d: 1 }, false],
    [{ A: "x" }, false],
    [{ a: ["x"] }, false],
    [{ a: null }, false],
    [{}, false],
    [JSON.parse('{"a":"x","__proto__":1}') as Record<string, unknown>, false],
  ])("parameters as recorded, %j: allowed: %s", (data, allowed) => {
    for (const operation of ["create", "read", "update", "patch"] as const) {
      expect(allows(recorded, operation, "a", { data })).toBe(allowed);
    }
  });

  it("delete and list ignore parameter rules", () => {
    expect(allows(recorded, "delete", "a", { data: { c: 1 } })).toBe(true);
    expect(allows(recorded, "list", "a", { data: { c: 1 } })).toBe(true);
  });

  it("inherited property names do not count as sent parameters", () => {
    const acl = aclOf(
      'path "a" { capabilities = ["update"] required_parameters = ["constructor"] }',
    );
    expect(allows(acl, "update", "a")).toBe(false);
    expect(allows(acl, "update", "a", { data: { constructor: 1 } })).toBe(true);
  });

  it.each<[string, string, Record<string, unknown>, boolean]>([
    ["denied * denies any data", 'denied_parameters = { "*" = [] }', { z: 1 }, false],
    ["denied * lets an empty body pass", 'denied_parameters = { "*" = [] }', {}, true],
    ["a listed value is denied", "denied_parameters = { a = [1] }", { a: 1 }, false],
    ["an unlisted value passes", "denied_parameters = { a = [1] }", { a: 2 }, true],
    ["a denied number as text", "denied_parameters = { a = [1] }", { a: "1" }, false],
    ["denied text as boolean", 'denied_parameters = { a = ["true"] }', { a: true }, false],
    [
      "a denied item of a list",
      'denied_parameters = { a = ["root"] }',
      { a: ["x", "root"] },
      false,
    ],
    ["another item of a list", 'denied_parameters = { a = ["root"] }', { a: ["x"] }, true],
    [
      "a denied policy",
      'denied_parameters = { policies = ["Root"] }',
      { policies: "x, rOOT" },
      false,
    ],
    [
      "another policy",
      'denied_parameters = { policies = ["Root"] }',
      { policies: "x,roots" },
      true,
    ],
    [
      "a denied beginning of a policy",
      'denied_parameters = { token_policies = ["Ops*"] }',
      { token_policies: ["x", " OPS-1"] },
      false,
    ],
    ["letter case elsewhere", 'denied_parameters = { a = ["root"] }', { a: "ROOT" }, true],
    ["a denied prefix", 'denied_parameters = { a = ["x*"] }', { a: "xy" }, false],
    ["a denied lone *", 'denied_parameters = { a = ["*"] }', { a: "y" }, false],
    ["denial before permission", "denied_parameters = { a = [] } allowed_parameters = { a = [] }", {
      a: 1,
    }, false],
    ["allowed * takes every name", 'allowed_parameters = { "*" = [] }', { z: 1 }, true],
    ["allowed * keeps listed values", 'allowed_parameters = { "*" = [], a = ["x"] }', {
      z: 1,
      a: "y",
    }, false],
    ["allowed lone * is itself", 'allowed_parameters = { a = ["*"] }', { a: "y" }, false],
    ["allowed suffix", 'allowed_parameters = { a = ["*.org"] }', { a: "x.org" }, true],
    ["allowed suffix, other", 'allowed_parameters = { a = ["*.org"] }', { a: "x.orgs" }, false],
    ["allowed infix", 'allowed_parameters = { a = ["*b*"] }', { a: "abc" }, true],
    ["allowed number", "allowed_parameters = { a = [1] }", { a: 1 }, true],
    ["allowed number, not text", "allowed_parameters = { a = [1] }", { a: "1" }, false],
    ["allowed list", 'allowed_parameters = { a = [["x", "y"]] }', { a: ["x", "y"] }, true],
    [
      "allowed list, longer",
      'allowed_parameters = { a = [["x", "y"]] }',
      { a: ["x", "y", "z"] },
      false,
    ],
    ["allowed object", "allowed_parameters = { a = [{ b = 1 }] }", { a: { b: 1 } }, true],
    [
      "allowed object, more",
      "allowed_parameters = { a = [{ b = 1 }] }",
      { a: { b: 1, c: 1 } },
      false,
    ],
    ["allowed object, list sent", "allowed_parameters = { a = [{ b = 1 }] }", { a: [1] }, false],
    ["an empty allowed map", "allowed_parameters = { }", { z: 1 }, true],
  ])("parameter rules: %s", (_what, parameters, data, allowed) => {
    const acl = aclOf(`path "a" { capabilities = ["update"] ${parameters} }`);
    expect(allows(acl, "update", "a", { data })).toBe(allowed);
  });
});

describe("lists of folders", () => {
  it("a list is decided by the path with its slash, so one folder can be denied", () => {
    const acl = aclOfRules({ "kv/*": "list", "kv/dir/*": "deny" });
    expect(allows(acl, "list", "kv/")).toBe(true);
    expect(allows(acl, "list", "kv/other/")).toBe(true);
    expect(allows(acl, "list", "kv/dir/")).toBe(false);
    expect(acl.capabilities("kv/dir")).toEqual(["list"]);
    const inverse = aclOfRules({ "kv/*": "deny", "kv/dir/*": "list" });
    expect(allows(inverse, "list", "kv/dir/")).toBe(true);
    expect(allows(inverse, "list", "kv/other/")).toBe(false);
  });
});

describe("pagination limits", () => {
  const limited = (more = "", limit = 2) =>
    `path "kv/*" { capabilities = ["list", "scan", "read"] pagination_limit = ${limit} ${more} }`;
  const listed = (acl: Acl, data: Record<string, unknown>, operation: AclOperation = "list") => [
    allows(acl, operation, "kv/", { data }),
    data["limit"],
  ];

  it.each<[unknown, boolean, unknown]>([
    ["1", true, "1"],
    ["2", true, "2"],
    ["+2", true, "+2"],
    ["3", false, "3"],
    ["-1", false, "-1"],
    ["zz", false, "zz"],
    ["1.0", false, "1.0"],
    [" 2", false, " 2"],
    [["1", "5"], false, ["1", "5"]],
    ["0", true, "2"],
    ["", true, "2"],
    ["max", true, "2"],
  ])("with a pagination limit of 2, a request for %j is allowed: %s", (limit, allowed, obeyed) => {
    for (const operation of ["list", "scan"] as const) {
      expect(listed(aclOf(limited()), { limit }, operation)).toEqual([allowed, obeyed]);
    }
  });

  it("the pagination limit applies when none is sent, unless limit is required", () => {
    expect(listed(aclOf(limited()), { after: "a" })).toEqual([true, "2"]);
    const strict = aclOf(limited('required_parameters = ["Limit"]'));
    expect(listed(strict, {})).toEqual([false, undefined]);
    expect(listed(strict, { limit: "max" })).toEqual([true, "2"]);
  });

  it("the smallest positive pagination limit of all policies counts", () => {
    expect(listed(aclOf(limited("", 5), limited("", 3)), {})).toEqual([true, "3"]);
    expect(listed(aclOf(limited("", 0), limited("", -3)), { limit: "9" })).toEqual([true, "9"]);
  });

  it("a read, or a list without a pagination limit, keeps its limit except for max", () => {
    expect(listed(aclOf(limited()), { limit: "9" }, "read")).toEqual([true, "9"]);
    const free = aclOfRules({ "kv/*": "list" });
    expect(listed(free, {})).toEqual([true, undefined]);
    expect(listed(free, { limit: "zz" })).toEqual([true, "zz"]);
    expect(listed(free, { limit: "max" })).toEqual([true, "0"]);
  });
});

describe("grantsBelow()", () => {
  const mounts = ["s/", "sys/", "kv/", "team/a/", "auth/up/", "auth/token/"];

  // Recorded from OpenBao, except for a lone denial, for which OpenBao shows the mount.
  it.each<[Record<string, string>, string[]]>([
    [{ "s": "read" }, ["s/"]],
    [{ "s/": "read" }, ["s/"]],
    [{ "s/x": "read" }, ["s/"]],
    [{ "s*": "read" }, ["s/", "sys/"]],
    [{ "s/*": "deny" }, []],
    [{ "s/*": "deny", "s/x": "read" }, ["s/"]],
    [{ "k": "read" }, []],
    [{ "team": "read" }, []],
    [{ "team/*": "read" }, ["team/a/"]],
    [{ "+": "read" }, ["s/", "sys/", "kv/"]],
    [{ "+/x": "read" }, ["s/", "sys/", "kv/"]],
    [{ "+/+": "read" }, mounts],
    [{ "team/+/x": "read" }, ["team/a/"]],
    [{ "team/+": "read" }, ["team/a/"]],
    [{ "+/a/b": "read" }, ["s/", "sys/", "kv/", "team/a/"]],
    [{ "auth/+/login": "read" }, ["auth/up/", "auth/token/"]],
    [{ "auth/u*": "read" }, ["auth/up/"]],
    [{ "+/u*": "read" }, ["s/", "sys/", "kv/", "auth/up/"]],
    [{ "+/u*": "read", "auth/up/": "deny" }, ["s/", "sys/", "kv/", "auth/up/"]],
    [{ "+/+/x": "deny" }, []],
    [{ "a/+": "read" }, []],
    [{ "*": "read" }, mounts],
  ])("grantsBelow() for %j finds the mounts %j", (rules, found) => {
    const acl = aclOfRules(rules);
    expect(mounts.filter((mount) => acl.grantsBelow(mount))).toEqual(found);
  });

  it("grantsBelow() finds no mount without a grant, and every mount for root", () => {
    const none = aclOf('path "s/x" { capabilities = [] } path "+/x" { }');
    expect(mounts.filter((mount) => none.grantsBelow(mount))).toEqual([]);
    expect(mounts.every((mount) => compileAcl([ROOT_POLICY]).grantsBelow(mount))).toBe(true);
  });
});
