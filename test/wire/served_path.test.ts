import { describe, expect, it } from "vitest";
import { integer, text } from "../../src/wire/fields.ts";
import {
  fieldWarnings,
  findPath,
  operation,
  operationOf,
  parameter,
  type ServedPath,
  servedPath,
} from "../../src/wire/served_path.ts";
import { expectLinear } from "../bounds/cost.ts";

type Path = ServedPath<null, string>;

const path = (template: string): Path => servedPath(template, {});
const serves = (answer: string, notes = {}) =>
  operation<null, string>({ summary: "Test", ...notes }, async () => answer);

describe("templates", () => {
  it.each([
    ["keys/{name}", "keys/a", { name: "a" }],
    ["keys/{name}", "keys/a.b-c_9", { name: "a.b-c_9" }],
    ["keys/{name}", "keys/__proto__", { name: "__proto__" }],
    ["keys/{name}", "keys/.a", null],
    ["keys/{name}", "keys/a.", null],
    ["keys/{name}", "keys/-a", null],
    ["keys/{name}", "keys/a@b", null],
    ["keys/{name}", "keys/é", null],
    ["keys/{name}", "keys/a\n", null],
    ["keys/{name}", "keys/", null],
    ["keys/{name}", "keys", null],
    ["keys/{name}", "keys/a/b", null],
    ["keys/{name}", "xkeys/a", null],
    ["keys/{name}/config", "keys/a/config", { name: "a" }],
    ["keys/{name}/config", "keys/a/configs", null],
    ["datakey/{plaintext}/{name}", "datakey/p/n", { plaintext: "p", name: "n" }],
    ["users/{name@}", "users/a@b.c", { name: "a@b.c" }],
    ["users/{name@}", "users/@b", null],
    ["users/{name@}", "users/a/b", null],
    ["random/{bytes~}", "random/-1", { bytes: "-1" }],
    ["random/{bytes~}", "random/é @", { bytes: "é @" }],
    ["random/{bytes~}", "random/", null],
    ["random/{bytes~}", "random/1/2", null],
    ["raw/{path+}", "raw/a/b", { path: "a/b" }],
    ["raw/{path+}", "raw/", null],
    ["raw/{path+}", "raw", null],
    ["data/{path*}", "data/", { path: "" }],
    ["data/{path*}", "data/a\n/b", { path: "a\n/b" }],
    ["data/{path*}", "data", null],
    ["{path*}", "", { path: "" }],
    ["config", "config", {}],
    ["config", "config/", null],
    ["keys/", "keys/", {}],
    ["keys/", "keys", {}],
    ["keys/", "keys/a", null],
    ["keys/{name}/", "keys/a/", { name: "a" }],
    ["keys/{name}/", "keys/a", { name: "a" }],
  ])("the template %j matches %j as %j", (template, sent, expected) => {
    const found = path(template).match(sent);
    expect(found === null ? null : { ...found }).toEqual(expected);
  });

  it.each([
    ["v1.0/{name}", "v1.0/a", "v1x0/a"],
    ["a.b", "a.b", "axb"],
    ["a+b?/{name}", "a+b?/c", "aab/c"],
    ["(a|b)[c]^$\\/{name}", "(a|b)[c]^$\\/d", "a/d"],
    ["a*/{name}", "a*/c", "aa/c"],
  ])("the template %j is literal outside its braces", (template, same, other) => {
    expect(path(template).match(same)).not.toBeNull();
    expect(path(template).match(other)).toBeNull();
  });

  it("a template lists its parameters in order", () => {
    expect(path("a/{first}/{second*}").parameters).toEqual(["first", "second"]);
    expect(path("a").parameters).toEqual([]);
  });

  it("a template rejects a long path in linear time", async () => {
    const template = path("datakey/{plaintext}/{name@}");
    await expectLinear((factor) => {
      const times = factor * 100_000;
      const long = `datakey/${"a.".repeat(times)}/${"b-".repeat(times)}`;
      expect(template.match(long)).toBeNull();
      return () => template.match(long);
    });
  });
});

describe("findPath()", () => {
  it("findPath() returns the first match, or null", () => {
    const paths = [path("keys/{name}"), path("keys/{rest+}"), path("keys/a")];
    expect(findPath(paths, "keys/a")?.served.template).toBe("keys/{name}");
    const found = findPath(paths, "keys/a/b");
    expect(found?.served.template).toBe("keys/{rest+}");
    expect(parameter(found?.parameters ?? {}, "rest")).toBe("a/b");
    expect(findPath(paths, "other")).toBeNull();
  });
});

describe("parameter()", () => {
  it("parameter() throws for a name that is not in the template", () => {
    const parameters = path("keys/{name}").match("keys/a") ?? {};
    expect(() => parameter(parameters, "type")).toThrow(TypeError);
  });
});

describe("operationOf()", () => {
  const update = serves("updated");

  it("operationOf() falls back from create to update", async () => {
    const create = serves("created");
    expect(operationOf(servedPath("a", { update }), "create")).toBe(update);
    expect(operationOf(servedPath("a", { update, create }), "create")).toBe(create);
    expect(await operationOf(servedPath("a", { update }), "create").serve(null, {})).toBe(
      "updated",
    );
  });

  it.each(["read", "patch", "delete", "list"] as const)(
    "operationOf() refuses a missing %s",
    (name) => {
      expect(() => operationOf(servedPath("a", { update }), name)).toThrow("unsupported operation");
    },
  );
});

describe("fieldWarnings()", () => {
  const known = servedPath("keys/{name}", {
    update: serves("", { fields: { type: text("a type") } }),
    read: serves("", { fields: { version: integer("a number") } }),
  });

  it.each([
    [{}, []],
    [{ type: 1, version: 2 }, []],
    [{ z: 1, type: 1, a: 1 }, ["Endpoint ignored these unrecognized parameters: [a z]"]],
    [{ constructor: 1 }, ["Endpoint ignored these unrecognized parameters: [constructor]"]],
    [{ name: null }, []],
    [{ name: "x", other: 1 }, [
      "Endpoint ignored these unrecognized parameters: [other]",
      "Endpoint replaced the value of these parameters with the values captured from the " +
      "endpoint's path: [name]",
    ]],
  ])("fieldWarnings() for %j are %j", (data, expected) => {
    expect(fieldWarnings(known, data)).toEqual(expected);
  });

  it("fieldWarnings() is empty where any field is taken", () => {
    const open = servedPath("{path*}", { update: serves("", { takesAnything: true }) });
    expect(fieldWarnings(open, { path: 1, other: 2 })).toEqual([]);
  });
});
