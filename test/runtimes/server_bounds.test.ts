import { afterEach, describe, expect, it } from "vitest";
import type { ServerBounds } from "../../src/runtimes/local/server.ts";
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
const SHORT_MS = 200;
const MIB = 1024 * 1024;
const get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const hold = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n";

function put(bytes: number): string {
  return `PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: ${bytes}\r\n\r\n`;
}

describe.each(Object.keys(RUNTIMES) as Runtime[])("the server on %s", (runtime) => {
  let echo: Echo | null = null;
  afterEach(() => {
    echo?.kill();
    echo = null;
  });
  const start = async (bounds: Partial<ServerBounds>): Promise<Echo> => {
    echo = await startEcho(runtime, bounds);
    return echo;
  };

  it(
    `the server on ${runtime} ends an incomplete head, even if bytes keep dripping in`,
    async () => {
      const { port } = await start({ headMs: SHORT_MS });
      const client = new RawClient(port);
      await client.send("GET /a HTTP/1.1\r\nX: ");
      const drip = setInterval(() => client.socket.write("x"), SHORT_MS / 10);
      expect(statuses(await client.closed)).toEqual(["408"]);
      clearInterval(drip);
    },
    TIMEOUT_MS,
  );

  it(`the server on ${runtime} ends a stalled body, but not a slow one`, async () => {
    const { port } = await start({ stallMs: SHORT_MS });
    const stalled = new RawClient(port);
    await stalled.send(`${put(10)}abc`);
    expect(statuses(await stalled.closed)).toEqual(["408"]);
    const slow = new RawClient(port);
    await slow.send(put(30));
    const drip = setInterval(() => slow.socket.write("x"), SHORT_MS / 10);
    expect(statuses(await slow.until(/\r\n\r\n\{/))).toEqual(["200"]);
    clearInterval(drip);
    slow.socket.destroy();
  }, TIMEOUT_MS);

  it(`the server on ${runtime} closes an idle connection, before or after a request`, async () => {
    const { port } = await start({ idleMs: SHORT_MS });
    expect(await new RawClient(port).closed).toBe("");
    const used = new RawClient(port);
    await used.send(get);
    expect(statuses(await used.closed)).toEqual(["200"]);
  }, TIMEOUT_MS);

  it(`the server on ${runtime} gives up an answer that nobody reads`, async () => {
    const { port } = await start({ stallMs: SHORT_MS, connections: 1, transfersBytes: 64 * MIB });
    const deaf = new RawClient(port);
    deaf.socket.pause();
    await deaf.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    // The only place for a connection is free again when the answer was given up.
    let received = "";
    while (!received.includes("200 OK")) received = await exchange(port, get);
    deaf.socket.destroy();
  }, TIMEOUT_MS);

  it(
    `the server on ${runtime} serves others between the pipelined requests of one client`,
    async () => {
      const { port } = await start({});
      const request = "GET /served HTTP/1.1\r\nHost: h\r\n\r\n";
      const other = new RawClient(port);
      await other.send(request);
      await other.until(/"served":1\}/);
      const greedy = new RawClient(port);
      // Sent in one piece, so that the server gets 64 KiB at once.
      await greedy.send(request.repeat(1800));
      await greedy.until(/"served":2\}/);
      other.socket.end(request);
      const [, place] = [...(await other.closed).matchAll(/"served":(\d+)/g)].map(([, n]) => n);
      expect(Number(place)).toBeLessThan(1800);
      greedy.socket.destroy();
    },
    TIMEOUT_MS,
  );

  it(
    `the server on ${runtime} gives up an idle connection for a new one, never a working one`,
    async () => {
      const { port, logged } = await start({ connections: 3 });
      const working = new RawClient(port);
      await working.send(hold);
      await logged("holding");
      const idlers = Array.from({ length: 10 }, () => new RawClient(port));
      for (const idler of idlers) await idler.send("GET / HTTP/1.1\r\nX: ");
      expect(statuses(await exchange(port, get))).toEqual(["200"]);
      await exchange(port, "GET /release HTTP/1.1\r\nHost: h\r\n\r\n");
      expect(statuses(await working.until(/\r\n\r\n\{/))).toEqual(["200"]);
      working.socket.destroy();
      for (const idler of idlers) idler.socket.destroy();
    },
    TIMEOUT_MS,
  );

  it(`the server on ${runtime} closes a new connection while all places are in use`, async () => {
    const { port, logged } = await start({ connections: 1 });
    const working = new RawClient(port);
    await working.send(hold);
    await logged("holding");
    expect(await exchange(port, get)).toBe("");
    working.socket.destroy();
  }, TIMEOUT_MS);

  it(
    `the server on ${runtime} gives up the longest-stalled bodies when memory runs out`,
    async () => {
      const { port } = await start({ transfersBytes: 8 * MIB });
      const halves = Array.from({ length: 4 }, () => new RawClient(port));
      for (const half of halves) {
        await half.send(put(5 * MIB));
        await half.send(new Uint8Array(4 * MIB));
      }
      // Until then the halves are not stalled, although their clients have sent everything.
      let received = 0;
      while (received < halves.length * 4 * MIB) {
        const answer = await exchange(port, "GET /received HTTP/1.1\r\nHost: h\r\n\r\n");
        received = Number(/"received":(\d+)/.exec(answer)?.[1]);
      }
      expect(statuses(await exchange(port, put(6 * MIB), new Uint8Array(6 * MIB)))).toEqual([
        "200",
      ]);
      expect(statuses(await exchange(port, `${put(3)}abc`))).toEqual(["200"]);
      for (const half of halves) half.socket.end();
      const answers = await Promise.all(halves.map(({ closed }) => closed));
      expect(answers.flatMap(statuses)).toEqual(["503", "503", "503", "503"]);
    },
    TIMEOUT_MS,
  );

  it(
    `the server on ${runtime} stops after the running request, without waiting for idle clients`,
    async () => {
      const { port, stop, logged } = await start({});
      const idle = new RawClient(port);
      await idle.send(get);
      await idle.until(/\r\n\r\n\{/);
      const working = new RawClient(port);
      await working.send(hold);
      await logged("holding");
      // Not read before the server is stopping, but still served because it has begun to arrive.
      const releasing = new RawClient(port);
      const invited = "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n";
      await releasing.send(`PUT /release HTTP/1.1\r\nHost: h\r\n${invited}`);
      await releasing.until(/100 Continue/);
      const ended = stop();
      await idle.closed;
      await releasing.send("x");
      expect(await working.closed).toMatch(/200 OK[^]*connection: close/i);
      expect(await ended).toBe(0);
      expect(await exchange(port, get)).toBe("");
    },
    TIMEOUT_MS,
  );
});
