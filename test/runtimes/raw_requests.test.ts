import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHUNK_LINE_MAX_BYTES, HEAD_MAX_BYTES, HEADERS_MAX } from "../../src/limits.ts";
import {
  type Echo,
  exchange,
  RawClient,
  type Runtime,
  RUNTIMES,
  startEcho,
  statuses,
} from "./raw_exchange.ts";

const TIMEOUT_MS = 60_000;
const list = "LIST /next HTTP/1.1\r\nHost: h\r\n\r\n";

function put(headers: string, body = ""): string {
  return `PUT /a HTTP/1.1\r\nHost: h\r\n${headers}\r\n\r\n${body}`;
}

function get(...headers: readonly string[]): string {
  return ["GET /a HTTP/1.1", "Host: h", ...headers, "", ""].join("\r\n");
}

/** Unambiguous messages, with what must reach the application. The next message is served too. */
const SERVED: readonly (readonly [what: string, bytes: string, reached: object])[] = [
  ["LIST", list, { method: "LIST", rawTarget: "/next" }],
  ["an unknown method", "FOO /a HTTP/1.1\r\nHost: h\r\n\r\n", { method: "FOO" }],
  ["a method in lower case", "put /a HTTP/1.1\r\nHost: h\r\n\r\n", { method: "put" }],
  ["a body", put("Content-Length: 3", "abc"), { body: "abc" }],
  ["a body that looks like a request", put(`Content-Length: ${list.length}`, list), { body: list }],
  ["a chunked body", put("Transfer-Encoding: chunked", "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"), {
    body: "abcd",
  }],
  ["a trailer", put("Transfer-Encoding: chunked", "1\r\na\r\n0\r\nX: y\r\n\r\n"), { body: "a" }],
  ["GET with a meaningless body", get("Content-Length: 3") + "abc", {
    method: "GET",
    body: "",
  }],
  ["GET with Content-Length: 0", get("Content-Length: 0"), { method: "GET", body: "" }],
  ["Upgrade with a body", put("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2", "ab"), {
    body: "ab",
  }],
  ["200 headers", get(...Array.from({ length: 199 }, (_, i) => `X-${i}: 1`)), { headers: 200 }],
  ["bytes above ASCII in a header", get("X: \xe9"), { headers: 2 }],
  ["a leading empty line", `\r\n${list}`, { method: "LIST" }],
  [
    "a target that a URL would change",
    "GET /v1//a/./b/../%2e%2e/c\\d?x=.. HTTP/1.1\r\nHost: h\r\n\r\n",
    { rawTarget: "/v1//a/./b/../%2e%2e/c\\d?x=.." },
  ],
  ["a target in absolute form", "GET http://x/a?b HTTP/1.1\r\nHost: h\r\n\r\n", {
    rawTarget: "/a?b",
    pathname: "/a",
  }],
  ["HTTP/1.0 with keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {
    method: "GET",
  }],
];

const chunked = "Transfer-Encoding: chunked";

/** Messages that end the connection with a status and never reach the application. */
const REFUSED: readonly (readonly [what: string, status: string, bytes: string])[] = [
  ["both framings", "400", put(`Content-Length: 4\r\n${chunked}`, "0\r\n\r\n")],
  ["two equal lengths", "400", put("Content-Length: 0\r\nContent-Length: 0")],
  ["a list of lengths", "400", put("Content-Length: 0, 0")],
  ["a length with a sign", "400", put("Content-Length: +0")],
  ["a length in hexadecimal", "400", put("Content-Length: 0x10")],
  ["an empty length", "400", put("Content-Length:")],
  ["an unknown encoding", "400", put("Transfer-Encoding: xchunked")],
  ["an encoding before chunked", "400", put("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")],
  ["chunked, twice", "400", put(`${chunked}\r\n${chunked}`, "0\r\n\r\n")],
  ["chunked under HTTP/1.0", "400", `PUT /a HTTP/1.0\r\n${chunked}\r\n\r\n0\r\n\r\n`],
  ["an invalid chunk size", "400", put(chunked, "zz\r\nabc\r\n0\r\n\r\n")],
  ["a chunk longer than its size", "400", put(chunked, "3\r\nabcd\r\n0\r\n\r\n")],
  ["chunks with lone line feeds", "400", put(chunked, "3\nabc\n0\n\n")],
  ["a chunk line without an end", "400", put(chunked, `1;${"x".repeat(CHUNK_LINE_MAX_BYTES)}`)],
  ["a trailer that is not a header", "400", put(chunked, "0\r\nx\r\n\r\n")],
  ["a body that ends early", "400", put("Content-Length: 10", "abc")],
  ["a chunked body that ends early", "400", put(chunked, "5\r\nab")],
  ["a chunked body without its last line", "400", put(chunked, "1\r\na\r\n0\r\n")],
  ["a head that ends early", "400", "GET /a HTTP/1.1\r\nHost: h"],
  ["a folded header", "400", get("X: 1", " Content-Length: 0")],
  ["a space before the colon", "400", get("X : 1")],
  ["a line without a colon", "400", get("X")],
  ["NUL in a header", "400", get("X: a\0b")],
  ["a lone CR in a header", "400", get("X: a\rContent-Length: 3")],
  ["lone line feeds", "400", "GET /a HTTP/1.1\nHost: h\n\n"],
  ["one lone line feed", "400", get("X: 1\nY: 2")],
  ["two spaces in the request line", "400", "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["a target without a slash", "400", "GET a HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["no target", "400", "GET HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["a control character in the target", "400", "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["no Host", "400", "GET /a HTTP/1.1\r\n\r\n"],
  ["two Hosts", "400", get("Host: i")],
  ["a Host with a path", "400", "GET /a HTTP/1.1\r\nHost: h/b\r\n\r\n"],
  ["TLS on a plain port", "400", "\x16\x03\x01\x02\x00\x01\x00"],
  ["CONNECT", "405", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["TRACE", "405", "TRACE /a HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["an unknown expectation", "417", put("Expect: x\r\nContent-Length: 3", "abc")],
  ["a head that is too long", "431", get(`X: ${"a".repeat(HEAD_MAX_BYTES)}`)],
  ["too many headers", "431", get(...Array.from({ length: HEADERS_MAX }, () => "X: 1"))],
  ["an endless head", "431", `GET /${"a".repeat(100_000)}`],
  ["HTTP/1.2", "505", "GET /a HTTP/1.2\r\nHost: h\r\n\r\n"],
  ["HTTP/2.0", "505", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
];

describe.each(Object.keys(RUNTIMES) as Runtime[])("the server on %s", (runtime) => {
  let echo: Echo;
  beforeAll(async () => {
    echo = await startEcho(runtime);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await echo?.stop();
  });

  it.each(SERVED)(
    `the server on ${runtime} serves %s, and the next request`,
    async (_what, bytes, reached) => {
      const received = await exchange(echo.port, bytes + list);
      expect(statuses(received)).toEqual(["200", "200"]);
      const [, first = ""] = /\r\n\r\n(\{[^\r]*?\})HTTP/.exec(received) ?? [];
      expect(JSON.parse(first)).toMatchObject(reached);
      expect(received).toContain('"rawTarget":"/next"');
    },
  );

  it.each(REFUSED)(
    `the server on ${runtime} refuses %s with %s and closes`,
    async (_what, status, bytes) => {
      const received = await exchange(echo.port, bytes.endsWith("\r\n\r\n") ? bytes + list : bytes);
      expect(statuses(received)).toEqual([status]);
      const [head = "", body = ""] = received.split("\r\n\r\n");
      expect(head.toLowerCase()).toContain("connection: close");
      expect(head.toLowerCase()).toContain("content-type: application/json");
      expect(JSON.parse(body)).toHaveProperty("errors");
    },
  );

  it(`the server on ${runtime} reads requests the same however the bytes are split`, async () => {
    const bytes = put("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\nX: y\r\n\r\n") + list +
      put("Content-Length: 3", "abc");
    const received = await exchange(echo.port, ...bytes);
    expect(statuses(received)).toEqual(["200", "200", "200"]);
  });

  it(`the server on ${runtime} sends 100 Continue, except for a body that is too large`, async () => {
    const expectation = "Expect: 100-continue\r\nContent-Length";
    const client = new RawClient(echo.port);
    await client.send(put(`${expectation}: 3`));
    await client.until(/100 Continue/);
    await client.send("abc");
    expect(statuses(await client.until(/"body":"abc"/))).toEqual(["100", "200"]);
    client.socket.destroy();
    const large = await exchange(echo.port, put(`${expectation}: 99999999`));
    expect(statuses(large)).not.toContain("100");
  });

  it(`the server on ${runtime} answers HEAD and 204 without a body`, async () => {
    const heads = "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /empty HTTP/1.1\r\nHost: h\r\n\r\n";
    const received = await exchange(echo.port, heads + list);
    expect(received.split("\r\n\r\n")).toHaveLength(4);
    expect(statuses(received)).toEqual(["200", "204", "200"]);
  });

  it(`the server on ${runtime} closes on request, and under HTTP/1.0 by default`, async () => {
    expect(statuses(await exchange(echo.port, get("Connection: close") + list))).toEqual(["200"]);
    const http10 = "GET /a HTTP/1.0\r\n\r\n";
    expect(statuses(await exchange(echo.port, http10 + list))).toEqual(["200"]);
  });

  it(`the server on ${runtime} answers a throwing application with 500, logs why and goes on`, async () => {
    const received = await exchange(echo.port, "GET /throw HTTP/1.1\r\nHost: h\r\n\r\n" + list);
    expect(statuses(received)).toEqual(["500", "200"]);
    expect(received).not.toContain("secret");
    expect(echo.log()).toContain("a request failed");
  });

  it(`the server on ${runtime} lets a client that sends too much read the answer`, async () => {
    const body = new Uint8Array(33 * 1024 * 1024);
    const received = await exchange(echo.port, put(`Content-Length: ${body.length}`), body);
    expect(statuses(received)).toHaveLength(1);
    expect(received).toContain('"body":""');
    expect(received.toLowerCase()).toContain("connection: close");
  });
});
