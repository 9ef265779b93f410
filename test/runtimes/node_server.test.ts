import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLog } from "../../src/log.ts";
import { startNodeServer } from "../../src/runtimes/node_server.ts";
import type { RequestEnv } from "../../src/runtimes/raw_target.ts";
import type { Handler, Server } from "../../src/runtimes/server.ts";
import { freePort } from "./processes.ts";

const BODY_MAX_BYTES = 1024 * 1024;
let server: Server;
let port: number;
let handler: Handler;
/** One entry for each request that reached the application. */
let seen: string[];

async function echo(request: Request, { rawTarget }: RequestEnv): Promise<Response> {
  const body = await request.text();
  seen.push(`${request.method} ${rawTarget} ${body}`);
  return Response.json({ seen: seen.length });
}

/** Reads up to the limit, answers 413 beyond it. */
async function bounded(request: Request): Promise<Response> {
  let bytes = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (chunk === undefined || chunk.done) return Response.json({ bytes });
    bytes += chunk.value.length;
    if (bytes > BODY_MAX_BYTES) {
      await reader?.cancel();
      return Response.json({ errors: ["too large"] }, { status: 413 });
    }
  }
}

beforeEach(async () => {
  seen = [];
  handler = echo;
  port = await freePort();
  const log = createLog({ level: "error", write: () => {}, style: "text", nowMs: Date.now });
  server = await startNodeServer({
    hostname: "127.0.0.1",
    port,
    tls: null,
    handler: (request, env) => handler(request, env),
    log,
  });
});
afterEach(async () => await server.stop());

/** Sends the parts one after another on one connection; resolves with all that came back. */
function exchange(...parts: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("data", (chunk) => received += chunk.toString("latin1"));
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
    const send = (index: number): void => {
      const part = parts[index];
      if (part === undefined) socket.end();
      else socket.write(part, () => setImmediate(() => send(index + 1)));
    };
    send(0);
  });
}

function statuses(received: string): string[] {
  return [...received.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, status]) => status ?? "");
}

const list = "LIST /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";

describe("the server of Node and Bun", () => {
  it("serves LIST first, later and pipelined on one connection, in order, bodies intact", async () => {
    const body = "LIST /v1/evil HTTP/1.1\r\n\r\n";
    const received = await exchange(
      `LIST /v1/a?x=1 HTTP/1.1\r\nHost: h\r\n\r\n`,
      `PUT /v1/b HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}${list}`,
      "LIST /v1/c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
    );
    expect(statuses(received)).toEqual(["200", "200", "200", "200"]);
    expect(seen).toEqual(["LIST /v1/a?x=1 ", `PUT /v1/b ${body}`, "LIST /v1/a ", "LIST /v1/c abc"]);
  });

  it("serves LIST with a chunked body, then closes, since what follows is not filtered", async () => {
    const chunked = "LIST /v1/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const received = await exchange(`${chunked}3\r\nabc\r\n0\r\n\r\n${list}`);
    expect(seen).toEqual(["LIST /v1/a abc"]);
    expect(received.toLowerCase()).toContain("connection: close");
  });

  it.each([
    ["both framings", "Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"],
    ["two lengths", "Content-Length: 0\r\nContent-Length: 40", ""],
    ["an odd length", "Content-Length: 0x10", ""],
    ["an odd encoding", "Transfer-Encoding: xchunked", ""],
  ])("smuggles no LIST behind a message with %s", async (_what, headers, body) => {
    const received = await exchange(
      `PUT /v1/a HTTP/1.1\r\nHost: h\r\n${headers}\r\n\r\n${body}${list}`,
    );
    expect(seen.filter((line) => line.startsWith("LIST"))).toEqual([]);
    expect(statuses(received)).not.toContain("200");
  });

  it("gives the application the target as it was sent", async () => {
    const target = "/v1//a/./b/../%2e%2e/c\\d?list=true";
    await exchange(`GET ${target} HTTP/1.1\r\nHost: a/b?c\r\n\r\n`);
    expect(seen).toEqual([`GET ${target} `]);
  });

  it("answers methods nobody knows, LOCK's stand-in too, in the API's shape", async () => {
    expect(await exchange("FOO / HTTP/1.1\r\nHost: h\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 405 [^]*\{"errors":\[\]\}$/,
    );
    expect(await exchange("nonsense\r\n\r\n")).toMatch(/^HTTP\/1\.1 405 /);
    await exchange("LOCK /v1/a HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(seen).toEqual(["COPY /v1/a "]);
  });

  it("lets a client that sends too much read its 413, and serves it on", async () => {
    handler = (request, env) => request.method === "PUT" ? bounded(request) : echo(request, env);
    const body = new Uint8Array(33 * BODY_MAX_BYTES);
    const received = await exchange(
      `PUT /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`,
      body,
      list,
    );
    expect(statuses(received)).toEqual(["413", "200"]);
    expect(seen).toEqual(["LIST /v1/a "]);
  });

  it("answers 500 when the application throws, without its message", async () => {
    handler = () => {
      throw new Error("secret");
    };
    const received = await exchange(list);
    expect(statuses(received)).toEqual(["500"]);
    expect(received).not.toContain("secret");
  });

  it("stops after the running request is answered, and accepts no more", async () => {
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    handler = async () => {
      entered.resolve();
      await released.promise;
      return new Response("done");
    };
    const running = fetch(`http://127.0.0.1:${port}/`);
    await entered.promise;
    const stopped = server.stop();
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    released.resolve();
    expect(await (await running).text()).toBe("done");
    await stopped;
  });
});
