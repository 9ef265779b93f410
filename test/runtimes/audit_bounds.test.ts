import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { createServer as createSocket } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditSink } from "../../src/audit/sinks.ts";
import { createFileDevices } from "../../src/runtimes/audit_file.ts";
import { createAuditSettings } from "../../src/runtimes/audit_sinks.ts";
import { boundSink, type SinkBounds } from "../../src/runtimes/bounded_sink.ts";
import { settle } from "../barrier/doubles.ts";

const NONE = { filePath: null, httpUrl: null, console: false };
/** `SHORT` is always exceeded; `LONG` allows more time than a busy machine needs. */
const SHORT: SinkBounds = { maxMs: 20, maxLines: 100, maxCharacters: 1000 };
const LONG: SinkBounds = { ...SHORT, maxMs: 60_000 };

let directory: string;
let endings: (() => void | Promise<void>)[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealwright-bounds-"));
  endings = [];
});
afterEach(async () => {
  for (const end of endings.toReversed()) await end();
  rmSync(directory, { recursive: true, force: true });
});

async function open(
  type: string,
  options: Readonly<Record<string, string>>,
  bounds = LONG,
  writeConsole: (line: string) => void | Promise<void> = () => {},
): Promise<AuditSink> {
  const files = createFileDevices(directory);
  const { sinks } = createAuditSettings({ writeConsole, files }, NONE, bounds);
  const sink = await sinks.open(type, options, "settings");
  endings.push(() => sink.close());
  return sink;
}

function makePipe(): string {
  const path = join(directory, "pipe");
  execFileSync("mkfifo", [path]);
  return path;
}

/** Reads what was written since the last call and has arrived. */
function openReader(path: string): { read(): string; close(): void } {
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(reader);
    isOpen = false;
  };
  endings.push(close);
  const buffer = new Uint8Array(1 << 20);
  const read = (): string => {
    try {
      return new TextDecoder().decode(buffer.subarray(0, readSync(reader, buffer)));
    } catch (error) {
      if (Reflect.get(error as Error, "code") === "EAGAIN") return "";
      throw error;
    }
  };
  return { read, close };
}

async function startCollector(
  answer: (response: ServerResponse) => void,
): Promise<{ readonly uri: string; readonly bodies: string[] }> {
  const bodies: string[] = [];
  const server: Server = createServer(async (incoming, outgoing) => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    bodies.push(body);
    answer(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endings.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies };
}

type Opener = () => Promise<AuditSink>;

const WORKING: readonly (readonly [string, Opener])[] = [
  ["a file", () => open("file", { file_path: join(directory, "a") })],
  ["a named pipe that is read", async () => {
    const path = makePipe();
    openReader(path);
    return await open("file", { file_path: path });
  }],
  ["a collector that answers only when the next turn comes", async () => {
    const { uri } = await startCollector((response) => setImmediate(() => response.end()));
    return await open("http", { uri });
  }],
  ["the console", () => open("console", {})],
];

const HANGING: readonly (readonly [string, Opener])[] = [
  ["a collector that takes the lines and never answers", async () => {
    const { uri } = await startCollector(() => {});
    return await open("http", { uri }, SHORT);
  }],
  ["a collector that takes connections and reads nothing", async () => {
    const server = createSocket((socket) => void socket.on("error", () => {}).pause());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endings.push(() => void server.close());
    const { port } = server.address() as AddressInfo;
    return await open("http", { uri: `http://127.0.0.1:${port}/` }, SHORT);
  }],
  [
    "a console that never says it is done",
    () => open("console", {}, SHORT, () => new Promise(() => {})),
  ],
  ["a named pipe whose reader reads nothing", async () => {
    const path = makePipe();
    openReader(path);
    const sink = await open("file", { file_path: path }, LONG);
    await expect(sink.write("x".repeat(1 << 20))).rejects.toThrow("the named pipe is full");
    return sink;
  }],
];

describe.each(WORKING)("%s", (name, opener) => {
  it(`${name} takes lines, one by one or together, and closes`, async () => {
    const sink = await opener();
    await sink.write("1");
    await Promise.all([sink.write("2"), sink.write("3")]);
    sink.reopen();
    await sink.write("4");
    await sink.close();
  });
});

describe.each(HANGING)("%s", (name, opener) => {
  it(`${name} has each line rejected with a reason, and delays nothing`, async () => {
    const sink = await opener();
    const outcomes = await Promise.allSettled([sink.write("1"), sink.write("2")]);
    for (const outcome of outcomes) {
      expect(outcome.status).toBe("rejected");
      expect(String(Reflect.get(outcome, "reason"))).toMatch(/did not take|timeout|is full/);
    }
    await sink.close();
  });
});

describe("named pipes", () => {
  it("a named pipe without a reader cannot be opened, and the error says why", async () => {
    await expect(open("file", { file_path: makePipe() })).rejects.toThrow(
      "nobody reads the named pipe",
    );
  });

  it("a named pipe takes lines again after its reader was away", async () => {
    const path = makePipe();
    const first = openReader(path);
    const sink = await open("file", { file_path: path });
    await sink.write("1");
    expect(first.read()).toBe("1\n");
    first.close();
    await expect(sink.write("2")).rejects.toThrow("nobody reads the named pipe any more");
    const second = openReader(path);
    await sink.write("3");
    expect(second.read()).toBe("3\n");
  });

  it("a named pipe takes a line longer than its buffer while its reader reads", async () => {
    const path = makePipe();
    const reader = openReader(path);
    const sink = await open("file", { file_path: path });
    const line = "x".repeat(300_000);
    let isDone = false;
    const written = sink.write(line).finally(() => isDone = true);
    let text = "";
    while (!isDone) {
      text += reader.read();
      await settle();
    }
    await written;
    expect(text + reader.read()).toBe(`${line}\n`);
  });
});

describe("hanging devices", () => {
  interface Held {
    readonly sink: AuditSink;
    readonly written: string[];
    release(): void;
  }

  function hold(bounds: SinkBounds): Held {
    const gate = Promise.withResolvers<void>();
    const written: string[] = [];
    const write = async (line: string) => {
      written.push(line);
      await gate.promise;
    };
    const sink = boundSink({ write, reopen: () => {}, close: () => gate.promise }, bounds);
    return { sink, written, release: gate.resolve };
  }

  it("a hanging device has a bounded number of waiting lines", async () => {
    const { sink, written, release } = hold({ ...LONG, maxLines: 2 });
    const waiting = [sink.write("1"), sink.write("2")];
    await expect(sink.write("3")).rejects.toThrow("too many lines wait");
    expect(written).toEqual(["1", "2"]);
    release();
    await Promise.all(waiting);
    await sink.write("4");
    expect(written).toEqual(["1", "2", "4"]);
  });

  it("a hanging device has a bounded number of waiting characters, but at least one line", async () => {
    const { sink, written, release } = hold({ ...LONG, maxCharacters: 10 });
    const waiting = [sink.write("x".repeat(50))];
    await expect(sink.write("y")).rejects.toThrow("too many lines wait");
    expect(written).toHaveLength(1);
    release();
    await Promise.all(waiting);
    await sink.write("12345");
  });

  it("lines of a hanging device still count as waiting after they timed out", async () => {
    const { sink } = hold({ ...SHORT, maxLines: 1 });
    await expect(sink.write("1")).rejects.toThrow("did not take a line within 0.02 s");
    await expect(sink.write("2")).rejects.toThrow("too many lines wait");
    await sink.close();
  });
});

describe("torn lines", () => {
  it("the line after a torn one starts on a line of its own", async () => {
    const path = makePipe();
    const reader = openReader(path);
    const sink = await open("file", { file_path: path });
    await expect(sink.write("x".repeat(1 << 20))).rejects.toThrow("is full");
    let text = reader.read();
    await sink.write("whole");
    text += reader.read();
    expect(text).toMatch(/^x+\nwhole\n$/);
  });
});
