import { createServer, type Server } from "node:http";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditSink } from "../../src/audit/sinks.ts";
import { createFileDevices } from "../../src/runtimes/audit_file.ts";
import { createAuditSettings } from "../../src/runtimes/audit_sinks.ts";
import { LineQueue } from "../../src/runtimes/line_queue.ts";
import { codeOf } from "../barrier/doubles.ts";

const NONE = { filePath: null, httpUrl: null, console: false };

let directory: string;
let opened: AuditSink[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealwright-audit-"));
  opened = [];
});
afterEach(async () => {
  for (const sink of opened) await sink.close();
  rmSync(directory, { recursive: true, force: true });
});

function runtimeSinks(writeConsole: (line: string) => void = () => {}) {
  const files = createFileDevices(directory);
  const { sinks } = createAuditSettings({ writeConsole, files }, NONE);
  const open = async (...given: Parameters<typeof sinks.open>): Promise<AuditSink> => {
    const sink = await sinks.open(...given);
    opened.push(sink);
    return sink;
  };
  return { open, settle: sinks.settle };
}

const textOf = (path: string) => readFileSync(path, "utf8");

describe("line queue", () => {
  it("a line queue joins waiting lines into one append, in order, and reports on each", async () => {
    const appends: (readonly string[])[] = [];
    let release = () => {};
    const queue = new LineQueue((lines) => {
      appends.push(lines);
      return appends.length === 1
        ? new Promise((resolve) => release = resolve)
        : Promise.reject(new Error("full"));
    });
    const first = [queue.write("1"), queue.write("2")];
    await Promise.resolve();
    await Promise.resolve();
    const second = [queue.write("3"), queue.write("4")];
    release();
    await Promise.all(first);
    const outcomes = await Promise.allSettled(second);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(appends).toEqual([["1", "2"], ["3", "4"]]);
    await queue.drained();
  });
});

describe("file device", () => {
  it("a file device appends lines to a file that only its owner can read", async () => {
    const path = join(directory, "a.log");
    const sink = await runtimeSinks().open("file", { file_path: path }, "settings");
    await Promise.all([sink.write("1"), sink.write("2")]);
    await sink.write("3");
    expect(textOf(path)).toBe("1\n2\n3\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await sink.close();
    const again = await runtimeSinks().open("file", { file_path: path }, "settings");
    await again.write("4");
    expect(textOf(path)).toBe("1\n2\n3\n4\n");
  });

  it("a file device goes on in a new file after a rename and reopen, without losing a line", async () => {
    const path = join(directory, "a.log");
    const sink = await runtimeSinks().open("file", { file_path: path }, "settings");
    await sink.write("1");
    renameSync(path, `${path}.1`);
    await sink.write("2");
    sink.reopen();
    await sink.write("3");
    expect(textOf(`${path}.1`)).toBe("1\n2\n");
    expect(textOf(path)).toBe("3\n");
  });

  it("a file device rejects a line that it cannot write, and takes later ones", async () => {
    const folder = join(directory, "folder");
    mkdirSync(folder);
    const path = join(folder, "a.log");
    const sink = await runtimeSinks().open("file", { file_path: path }, "settings");
    rmSync(folder, { recursive: true });
    sink.reopen();
    await expect(sink.write("1")).rejects.toThrow("ENOENT");
    mkdirSync(folder);
    await sink.write("2");
    expect(textOf(path)).toBe("2\n");
  });

  it("a file device enabled by request must be below audit/ of the data directory", async () => {
    const { open } = runtimeSinks();
    const inside = await open("file", { file_path: "x/a.log" }, "api");
    await inside.write("1");
    expect(textOf(join(directory, "audit/x/a.log"))).toBe("1\n");
    await open("file", { path: join(directory, "audit/b.log") }, "api");
    const outside = [
      join(directory, "a.log"),
      join(directory, "audit"),
      join(directory, "audit-x/a.log"),
      "../a.log",
      "x/../../a.log",
      "/etc/a.log",
      "stdout",
      "discard",
      "",
    ];
    for (const file_path of outside) {
      const outcome = await codeOf(() => open("file", { file_path }, "api"));
      expect([file_path, outcome]).toEqual([file_path, "invalid_request"]);
    }
    expect(existsSync(join(directory, "a.log"))).toBe(false);
  });

  it("a file device follows no link out of audit/, and needs a data directory", async () => {
    mkdirSync(join(directory, "audit"));
    symlinkSync(join(directory, "target"), join(directory, "audit/link"));
    await expect(runtimeSinks().open("file", { file_path: "link" }, "api")).rejects.toThrow(
      "ELOOP",
    );
    const inMemory = createFileDevices(null);
    expect(await codeOf(() => inMemory.open({ file_path: "a" }, "api"))).toBe("invalid_request");
    expect(await codeOf(() => inMemory.settle({ file_path: "a" }, "api"))).toBe("invalid_request");
  });

  it("a file device enabled by request moves with its data directory", async () => {
    const before = runtimeSinks();
    const asked = { path: join(directory, "audit/x/a.log"), hmac_accessor: "false" };
    const settled = before.settle("file", asked, "api");
    expect(settled).toEqual({ file_path: join("x", "a.log"), hmac_accessor: "false" });
    expect(before.settle("file", settled, "api")).toEqual(settled);
    await (await before.open("file", settled, "api")).write("1");
    const original = directory;
    directory = `${original}-moved`;
    renameSync(original, directory);
    await (await runtimeSinks().open("file", settled, "api")).write("2");
    expect(textOf(join(directory, "audit/x/a.log"))).toBe("1\n2\n");
    expect(existsSync(original)).toBe(false);
  });

  it("a file device enabled by request recreates its folder", async () => {
    const sink = await runtimeSinks().open("file", { file_path: "x/a.log" }, "api");
    rmSync(join(directory, "audit"), { recursive: true });
    sink.reopen();
    await sink.write("1");
    expect(textOf(join(directory, "audit/x/a.log"))).toBe("1\n");
  });

  it("a file device of the settings uses the path that they name", () => {
    const { settle } = runtimeSinks();
    expect(settle("file", { file_path: "/x/../a" }, "settings")).toEqual({ file_path: "/x/../a" });
  });
});

describe("http device", () => {
  let server: Server;
  let url: string;
  let bodies: string[];
  let status: number;
  beforeEach(async () => {
    bodies = [];
    status = 204;
    server = createServer(async (incoming, outgoing) => {
      let body = "";
      for await (const chunk of incoming) body += String(chunk);
      bodies.push(`${incoming.method} ${incoming.headers["content-type"]} ${body}`);
      outgoing.writeHead(status, { location: "/elsewhere" }).end("x");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("an http device posts lines that wait together in one request", async () => {
    const sink = await runtimeSinks().open("http", { uri: url }, "api");
    await Promise.all([sink.write("1"), sink.write("2")]);
    expect(bodies).toEqual(["POST application/x-ndjson 1\n2\n"]);
  });

  it.each([302, 400, 503])("an http device does not take %i for success", async (code) => {
    status = code;
    const sink = await runtimeSinks().open("http", { uri: url }, "api");
    await expect(sink.write("1")).rejects.toThrow(`the collector answered ${code}`);
    expect(bodies).toHaveLength(1);
  });

  it("an http device rejects a line when nothing listens", async () => {
    const sink = await runtimeSinks().open("http", { uri: "http://127.0.0.1:1/" }, "api");
    await expect(sink.write("1")).rejects.toThrow();
  });
});

describe("options of devices", () => {
  it.each([
    ["http", { uri: "ftp://host/" }],
    ["http", { uri: "https://user:word@host/" }],
    ["http", {}],
    ["syslog", {}],
    ["console", { log_raw: "true" }],
    ["console", { format: "jsonx" }],
    ["console", { prefix: "x" }],
  ])("device options for %s are refused: %j", async (type, options) => {
    const { open, settle } = runtimeSinks();
    expect(await codeOf(() => open(type, options, "api"))).toBe("invalid_request");
    expect(await codeOf(() => settle(type, options, "api"))).toBe("invalid_request");
  });

  it("a file device is refused without files, and the console takes lines", async () => {
    const lines: string[] = [];
    const writeConsole = (line: string) => void lines.push(line);
    const { sinks, devices } = createAuditSettings(
      { writeConsole, files: null },
      { filePath: "f", httpUrl: "http://h/", console: true },
    );
    expect(devices).toEqual([
      { type: "file", options: { file_path: "f" } },
      { type: "http", options: { uri: "http://h/" } },
      { type: "console", options: {} },
    ]);
    expect(await codeOf(() => sinks.open("file", { file_path: "f" }, "settings")))
      .toBe("invalid_request");
    await (await sinks.open("console", { log_raw: "false", format: "json" }, "api")).write("1");
    expect(lines).toEqual(["1"]);
  });
});
