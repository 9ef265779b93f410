import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ListMethodFilter } from "../../src/runtimes/list_method.ts";

/** What the parser gets when the bytes arrive in these chunks. */
function filtered(chunks: readonly string[]): string {
  const filter = new ListMethodFilter();
  const parts = chunks.map((chunk) => filter.push(Buffer.from(chunk, "latin1")));
  return Buffer.concat([...parts, filter.flush()]).toString("latin1");
}

const get = "GET /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";
const list = "LIST /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";
const lock = "LOCK /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";
const scan = "SCAN /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";
const bind = "BIND /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";
const copy = "COPY /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";

function post(body: string, length = `${body.length}`): string {
  return `POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** Messages as sent and as they must come out. */
const message = fc.oneof(
  fc.constant([get, get]),
  fc.constant([list, lock]),
  fc.constant([lock, copy]),
  fc.constant([scan, bind]),
  fc.constant([bind, copy]),
  fc.constant([`\r\n${list}`, `\r\n${lock}`]),
  fc.constantFrom("", "LIST /v1/b HTTP/1.1\r\n\r\n", "x", "\r\nLIST / HTTP/1.1\r\n\r\n").map(
    (body) => [post(body), post(body)],
  ),
  fc.constantFrom("abc", list).map((body) => {
    const head = ` /v1/a HTTP/1.1\r\ncontent-length:${body.length}\r\n\r\n`;
    return [`LIST${head}${body}`, `LOCK${head}${body}`];
  }),
);

describe("the filter for LIST and SCAN", () => {
  it("replaces the method of each message and nothing else, however the bytes are cut", () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    fc.assert(fc.property(fc.array(message, { maxLength: 6 }), cuts, (messages, lengths) => {
      const sent = messages.map(([before]) => before).join("");
      const chunks: string[] = [];
      for (let at = 0, i = 0; at < sent.length; i++) {
        const length = lengths[i % lengths.length] ?? 1;
        chunks.push(sent.slice(at, at + length));
        at += length;
      }
      expect(filtered(chunks)).toBe(messages.map(([, after]) => after).join(""));
    }));
  });

  it("never changes a length or a byte outside the first four of a line", () => {
    const piece = fc.constantFrom(
      ...[
        "LIST ",
        "LOCK ",
        "SCAN ",
        "BIND ",
        "/v1",
        " HTTP/1.1",
        "\r\n",
        "\n",
        "\r",
        "Content-Length: 5",
        "GET ",
      ],
      ...["Transfer-Encoding: chunked", ":", " ", "5", "\0", "\u00ff", "Content-Length: 3, 3"],
    );
    fc.assert(fc.property(fc.array(piece), fc.array(piece), (first, second) => {
      const chunks = [first.join(""), second.join("")];
      const sent = chunks.join("");
      const received = filtered(chunks);
      expect(received.length).toBe(sent.length);
      const anyOf = /LOCK |SCAN |BIND |COPY /g;
      expect(received.replaceAll(anyOf, "LIST ")).toBe(sent.replaceAll(anyOf, "LIST "));
    }));
  });

  it.each([
    ["a chunked body", "Transfer-Encoding: chunked"],
    ["two lengths", "Content-Length: 0\r\nContent-Length: 0"],
    ["a list of lengths", "Content-Length: 0, 0"],
    ["a length with a sign", "Content-Length: +0"],
    ["a space before the colon", "Content-Length : 0"],
    ["a folded line", "X: 1\r\n Content-Length: 0"],
    ["a lone line feed", "X: 1\nContent-Length: 0"],
    ["an upgrade", "Upgrade: websocket"],
  ])("replaces nothing after a message with %s", (_what, header) => {
    const odd = `POST / HTTP/1.1\r\n${header}\r\n\r\n`;
    expect(filtered([odd + list, list])).toBe(odd + list + list);
  });

  it("replaces nothing after CONNECT, or after a head that is too long", () => {
    const connect = "CONNECT h:1 HTTP/1.1\r\n\r\n";
    expect(filtered([connect, list])).toBe(connect + list);
    const long = `GET /${"a".repeat(40_000)}`;
    const rest = " HTTP/1.1\r\n\r\n";
    expect(filtered([long, rest, list])).toBe(long + rest + list);
  });

  it("knows when it is inside a message, so that a stalled one can be cut", () => {
    const filter = new ListMethodFilter();
    const after = (text: string): boolean => {
      filter.push(Buffer.from(text));
      return filter.isMidMessage;
    };
    expect(filter.isMidMessage).toBe(false);
    expect(after("LI")).toBe(true);
    expect(after("ST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n")).toBe(true);
    expect(after("ab")).toBe(true);
    expect(after("c")).toBe(false);
  });
});
