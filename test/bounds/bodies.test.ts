/** Bodies, forms, queries and paths are bounded in size and count, and cost linear time. */

import { describe, expect, it } from "vitest";
import { parameters, parseForm, parseJsonObject } from "../../src/http/request/json.ts";
import {
  ANONYMOUS_BODY_MAX_BYTES,
  FORM_FIELDS_MAX,
  FORM_MAX_BYTES,
  INIT_BODY_MAX_BYTES,
  JSON_DEPTH_MAX,
  JSON_ESCAPES_MAX,
  JSON_MEMORY_MAX_BYTES,
  JSON_NUMBER_MAX_CHARS,
  JSON_TEXTS_MAX,
  JSON_VALUES_MAX,
  RECORD_MAX_BYTES,
  REQUEST_BODY_MAX_BYTES,
  TARGET_MAX_CHARS,
} from "../../src/limits.ts";
import { textAt } from "../contract/api.contract.ts";
import { ORIGIN, startMemoryApi } from "../http/memory_api.ts";
import { prepare, type Stage } from "../http/stages.ts";
import { expectLinear } from "./cost.ts";

const MEBIBYTE = 1024 * 1024;

describe("JSON after the first value", () => {
  const TAILS: Readonly<Record<string, readonly [tail: string, wanted: RegExp]>> = {
    "more texts": [`[${'"",'.repeat(JSON_TEXTS_MAX)}""]`, /maximum number of strings/],
    "more values": [`[${"{},".repeat(JSON_VALUES_MAX)}1]`, /maximum number of values/],
    "more numbers": [`[${"1.0,".repeat(JSON_VALUES_MAX)}1]`, /maximum number of values/],
    "more depth": [
      `${"[".repeat(JSON_DEPTH_MAX + 1)}${"]".repeat(JSON_DEPTH_MAX + 1)}`,
      /nested too deeply/,
    ],
    "a longer number": ["1".repeat(JSON_NUMBER_MAX_CHARS + 1), /number too long/],
    "more escapes": [`"${'\\"'.repeat(JSON_ESCAPES_MAX + 1)}"`, /maximum number of escapes/],
    "more memory": [`"${"x".repeat(JSON_MEMORY_MAX_BYTES)}"`, /maximum estimated memory/],
  };
  for (const [what, [tail, wanted]] of Object.entries(TAILS)) {
    it(`JSON with ${what} than allowed is refused, also after a first value`, () => {
      expect(() => parseJsonObject(tail)).toThrow(wanted);
      expect(() => parseJsonObject(`{}${tail}`)).toThrow(wanted);
    });
  }

  it("two JSON values together may have as much as one", () => {
    const half = `{${Array.from({ length: 260 }, (_, n) => `"${n}":""`).join(",")}}`;
    expect(Object.keys(parseJsonObject(half) ?? {})).toHaveLength(260);
    expect(() => parseJsonObject(half + half)).toThrow(/maximum number of strings/);
    expect(parseJsonObject('{"a":"b"} {"c":1.50}')).toEqual({ a: "b" });
  });

  it("JSON exactly at its bounds is accepted", () => {
    const values = JSON_VALUES_MAX - 2;
    const { list } = parseJsonObject(`{"list":[${"1,".repeat(values - 1)}2]}`) as {
      list: readonly number[];
    };
    expect(list).toHaveLength(values);
    const digits = "1".repeat(JSON_NUMBER_MAX_CHARS);
    expect(JSON.stringify(parseJsonObject(`{"a":${digits}}`))).toBe(`{"a":${digits}}`);
  });
});

describe("forms and queries", () => {
  const fields = (count: number) => Array.from({ length: count }, (_, n) => `${n}=1`).join("&");

  it("a form may have as many fields as JSON may have texts, and no more", () => {
    expect(Object.keys(parseForm(fields(FORM_FIELDS_MAX)))).toHaveLength(FORM_FIELDS_MAX);
    expect(() => parseForm(fields(FORM_FIELDS_MAX + 1))).toThrow(/^error parsing form data: more/);
    expect(() => parseForm("&".repeat(FORM_FIELDS_MAX))).toThrow(/more than/);
    expect(() => parseForm(`a=${"x".repeat(FORM_MAX_BYTES)}`)).toThrow(/longer than/);
  });

  it("a repeated name keeps its values in order at its first place", () => {
    const search = new URLSearchParams("b=1&a=2&b=3&help=1&__proto__=4");
    expect(Object.entries(parameters(search, ["help"]))).toEqual([
      ["b", ["1", "3"]],
      ["a", "2"],
      ["__proto__", "4"],
    ]);
    expect(parseForm("b=1&a=2&b=3")).toEqual({ b: "1,3", a: "2" });
  });

  it("reading forms and queries takes linear time", async () => {
    const many = (count: number) => new URLSearchParams(fields(count));
    await expectLinear((factor) => {
      const search = many(FORM_FIELDS_MAX / 4 * factor);
      return () => parameters(search);
    });
    await expectLinear((factor) => {
      const text = fields(50_000 * factor);
      return () => parseForm(text);
    });
  });

  it("a request target that is too long or has too many parameters is refused", async () => {
    const api = await startMemoryApi();
    const long = await api.request("GET", `/v1/${"a".repeat(TARGET_MAX_CHARS)}`);
    expect([long.status, long.json]).toEqual([414, { errors: ["request target too long"] }]);
    const many = await api.request("GET", `/v1/sys/health?${fields(FORM_FIELDS_MAX + 1)}`);
    expect([many.status, many.json]).toEqual([400, {
      errors: ["more than 1000 query parameters"],
    }]);
  });
});

describe("cost of JSON", () => {
  const BODIES: Readonly<Record<string, (length: number) => string>> = {
    "one text": (length) => `{"a":"${"x".repeat(length)}"}`,
    "escaped quotes": (length) => `{"a":"${'\\"'.repeat(length / 4)}"}`,
    spaces: (length) => `{"a":1}${" ".repeat(length)}`,
    numbers: (length) => `{"a":[${"1.0,".repeat(length / 64)}1]}`,
    "a tail of lists": (length) => `{}[${"[],".repeat(length / 3)}[]]`,
    "a tail of numbers": (length) => `{}[${"1.0,".repeat(length / 4)}1]`,
    "a tail of brackets": (length) => `{}${"[".repeat(length / 2)}${"]".repeat(length / 2)}`,
    "a tail of names": (length) => `{}{${'"a":1,'.repeat(length / 6)}"a":1}`,
    digits: (length) => `{"a":${"1".repeat(length)}}`,
  };
  for (const [what, make] of Object.entries(BODIES)) {
    it(`parsing JSON with ${what} takes linear time`, async () => {
      await expectLinear((factor) => {
        const text = make(MEBIBYTE * factor);
        return () => parseJsonObject(text);
      });
    });
  }
});

describe("bodies without a valid token", () => {
  const TOO_LARGE = { errors: ["http: request body too large"] };

  /** Streams spaces while they are read. Gives the answer and the number of bytes taken. */
  async function stream(stage: Stage, path: string, length: number, token?: string) {
    const chunk = new Uint8Array(64 * 1024).fill(0x20);
    let taken = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (taken >= length) return controller.close();
        taken += chunk.length;
        controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
    const headers: Record<string, string> = token === undefined ? {} : { "X-Vault-Token": token };
    const init = { method: "PUT", headers, body, duplex: "half" } as RequestInit;
    const { status, json } = await stage.api.fetch(new Request(ORIGIN + path, init));
    return { status, json, taken };
  }

  const ANONYMOUS = [
    "/v1/nothing/here",
    "/v1/kv/a",
    "/v1/sys/unseal",
    "/v1/sys/wrapping/unwrap",
    "/v1/sys/decode-token",
    "/v1/auth/userpass/login/a",
    "/v1/sys/rekey/init",
    "/v1/sys/capabilities-self",
  ];
  for (const path of ANONYMOUS) {
    it(`${path} reads at most 2 MiB without a valid token`, async () => {
      const stage = await prepare("unsealed");
      for (const token of [undefined, "hvs.wrong"]) {
        const { status, json, taken } = await stream(stage, path, 8 * MEBIBYTE, token);
        // Paths that need a token check it first.
        expect([403, 413]).toContain(status);
        if (status === 413) expect(json).toEqual(TOO_LARGE);
        expect(taken).toBeLessThanOrEqual(2 * ANONYMOUS_BODY_MAX_BYTES);
      }
    });
  }

  it("a body without a token is refused by its declared length", async () => {
    const stage = await prepare("sealed");
    const headers = { "Content-Length": String(ANONYMOUS_BODY_MAX_BYTES + 1) };
    const { status, json } = await stage.api.request("PUT", "/v1/sys/unseal", {
      headers,
      rawBody: "{}",
    });
    expect([status, json]).toEqual([413, TOO_LARGE]);
  });

  it("a body with a valid token has the larger bound", async () => {
    const stage = await prepare("unsealed");
    const large = await stream(stage, "/v1/kv/a", 2 * MEBIBYTE, stage.token);
    expect([large.status, large.json]).toEqual([400, { errors: ["missing data fields"] }]);
    const larger = await stream(stage, "/v1/kv/a", REQUEST_BODY_MAX_BYTES + MEBIBYTE, stage.token);
    expect([larger.status, larger.json]).toEqual([413, TOO_LARGE]);
  });

  it("a secret too long for a record is refused and changes nothing", async () => {
    const { api, token } = await prepare("unsealed");
    const before = await api.snapshot();
    const large = { a: "x".repeat(RECORD_MAX_BYTES) };
    for (const path of ["kv/large", "kv2/data/large", "cubbyhole/large"]) {
      const body = path.startsWith("kv2") ? { data: large } : large;
      const { status, json } = await api.request("PUT", `/v1/${path}`, { token, body });
      expect([path, status]).toEqual([path, 400]);
      expect(textAt(json, "errors", 0)).toMatch(
        /^cannot store a record: it has \d{7} characters, more than 1995904 bytes$/,
      );
    }
    expect(await api.snapshot()).toBe(before);
  });

  it("init takes 4 MiB, because it may have 255 PGP keys", async () => {
    const stage = await prepare("fresh");
    const within = await stream(stage, "/v1/sys/init", INIT_BODY_MAX_BYTES);
    expect(within.status).toBe(400);
    const beyond = await stream(stage, "/v1/sys/init", 2 * INIT_BODY_MAX_BYTES);
    expect([beyond.status, beyond.json]).toEqual([413, TOO_LARGE]);
    expect(beyond.taken).toBeLessThanOrEqual(INIT_BODY_MAX_BYTES + MEBIBYTE);
  });
});
