/** The parts of the secrecy check: what counts as secret, the search, the report, and the wire tap. */

import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Exchange, witness } from "./exchange.ts";
import { FileRecorder } from "./file_recorder.ts";
import { formsOf, Needles, toBytes } from "./needles.ts";
import { scanEvidence } from "./scan.ts";
import { exchangesOf, startTap } from "./tap.ts";

const TOKEN = "s.AbCdEfGhIjKlMnOpQrStUvWx";
const SHARE = "0fe1d2c3b4a5968778695a4b3c2d1e0f".repeat(2) + "07";

function exchange(parts: Partial<Exchange>): Exchange {
  const nothing = { method: "PUT", target: "/v1/kv/garden", headers: [], sent: "", received: "" };
  return { ...nothing, ...parts };
}

const valuesIn = (parts: Partial<Exchange>): readonly string[] =>
  witness(exchange(parts)).secrets.map(({ value }) => value);

describe("witness()", () => {
  it("witness() finds tokens in either header, and texts of a value at any depth", () => {
    expect(valuesIn({ headers: [["X-Vault-Token", TOKEN]] })).toEqual([TOKEN]);
    expect(valuesIn({ headers: [["Authorization", `Bearer ${TOKEN}`]] })).toEqual([TOKEN]);
    const sent = JSON.stringify({ path: "open sesame", deep: [{ type: ["correct horse"] }] });
    expect(valuesIn({ sent }).toSorted()).toEqual(["correct horse", "open sesame"]);
  });

  it("witness() ignores what the trail shows: ids of attempts, policies, list names, times", () => {
    const shown = { nonce: "3a4b5c6d-0000-1111-2222-333344445555", policies: ["gardeners"] };
    const target = "/v1/sys/rekey/init";
    expect(valuesIn({ target, received: JSON.stringify(shown) })).toEqual([]);
    const listed = JSON.stringify({ data: { keys: ["a-long-name-of-a-secret"] } });
    expect(valuesIn({ method: "LIST", received: listed })).toEqual([]);
    expect(valuesIn({ target, received: JSON.stringify({ keys: [SHARE] }) })).toEqual([SHARE]);
    const times = { at: "2026-01-02T03:04:05Z", since: "1790000000.25" };
    expect(valuesIn({ sent: JSON.stringify(times) })).toEqual([]);
    const entity = { data: { mount_accessor: "auth_userpass_0a1b2c3d", entity: "gardeners-id" } };
    const received = JSON.stringify(entity);
    expect(valuesIn({ target: "/v1/identity/entity/id/x", received })).toEqual(["gardeners-id"]);
    const metrics = "# HELP seals_interrupted How many seals were interrupted";
    for (const at of ["/v1/sys/metrics?format=prometheus", "/v1/sys/wrapping/unwrap"]) {
      expect(valuesIn({ target: at, received: metrics })).toEqual([]);
    }
    const help = JSON.stringify({ info: { title: "Sealwright, a vault" } });
    expect(valuesIn({ target: "/v1/sys/mounts?help=1", received: help })).toEqual([]);
    const asked = JSON.stringify({ paths: ["kv/a-name-of-a-secret"] });
    expect(valuesIn({ target: "/v1/sys/capabilities", sent: asked })).toEqual([]);
  });

  it("witness() ignores texts that are short or have few distinct characters", () => {
    const sent = JSON.stringify({ a: "abc", b: "0000000000", c: "x".repeat(500) });
    expect(valuesIn({ sent })).toEqual([]);
    expect(valuesIn({ sent: JSON.stringify({ key: "ab".repeat(32) }) })).toHaveLength(1);
  });

  it("witness() finds secrets in a body that is not JSON, without its member names", () => {
    expect(valuesIn({ sent: `{"secret_shares": 5, "key": "${SHARE}"` })).toEqual([SHARE]);
    expect(valuesIn({ sent: `{"secret_shares": 5, "key": "${SHARE}` })).toEqual([SHARE]);
    expect(valuesIn({ sent: `key=${SHARE}&reset=false` })).toEqual([SHARE]);
  });
});

describe("Needles", () => {
  it.each([
    ["unchanged", SHARE, SHARE],
    ["in upper case", SHARE, SHARE.toUpperCase()],
    ["hexadecimal as base64", SHARE, Buffer.from(SHARE, "hex").toString("base64")],
    ["hexadecimal as base64url", SHARE, Buffer.from(SHARE, "hex").toString("base64url")],
    ["base64 as hexadecimal", Buffer.from(SHARE, "hex").toString("base64"), SHARE],
    ["text as base64", "open sesame", Buffer.from("open sesame").toString("base64")],
    ["base64 as text", Buffer.from("open sesame").toString("base64"), "open sesame"],
    ["text as hexadecimal", "open sesame", Buffer.from("open sesame").toString("hex")],
    ["in a URL", "open sesame", "open%20sesame"],
    ["in JSON", 'say "sesame"', 'say \\"sesame\\"'],
    ["beyond ASCII", "öffne dich", "öffne dich"],
  ])("Needles finds a secret %s, between other characters", (_how, secret, shown) => {
    const needles = new Needles();
    for (const form of formsOf(secret)) needles.add(form, 7);
    const [hit] = [...needles.find(toBytes(`{"x":"é${shown}!"}`))];
    expect(hit).toMatchObject({ at: 8, id: 7 });
  });

  it("Needles finds exactly what indexOf finds, even with common beginnings", () => {
    const texts = Array.from({ length: 3000 }, (_, n) => `the secret of ${n * 7919 % 3000}.`);
    const needles = new Needles();
    texts.forEach((text, id) => needles.add(text, id));
    const line = texts.filter((_, n) => n % 3 === 0).join("the secret of ");
    const found = new Set([...needles.find(line)].map(({ id }) => id));
    expect([...found].toSorted((a, b) => a - b))
      .toEqual(texts.flatMap((text, id) => line.includes(text) ? [id] : []));
  });
});

describe("scanEvidence()", () => {
  let directory: string;
  beforeEach(() => directory = mkdtempSync(join(tmpdir(), "secrecy-scan-")));
  afterEach(() => rmSync(directory, { recursive: true }));

  it("a leak report names file, line and origin of the secret without showing it", () => {
    const recorder = new FileRecorder(directory, "a.test.ts.1");
    recorder.exchange(exchange({
      target: `/v1/auth/token/lookup/${TOKEN}`,
      headers: [["x-vault-token", TOKEN]],
    }));
    recorder.exchange(exchange({ sent: JSON.stringify({ gate: "open sesame" }) }));
    recorder.line("log-node", "first");
    recorder.line("log-node", `second token=${TOKEN}, value open sesame, ${TOKEN}`);
    recorder.flush();
    const { leaks, secrets, sources } = scanEvidence(directory);
    expect(secrets).toBe(2);
    expect(sources.get("log-node")).toEqual({ files: 1, lines: 2 });
    expect(leaks).toHaveLength(2);
    expect(leaks[0]).toContain("lines/log-node/a.test.ts.1.log:2: x-vault-token in PUT");
    expect(leaks[0]).toContain("second token=▇▇▇, value ▇▇▇, ▇▇▇");
    expect(leaks[1]).toContain("gate in PUT /v1/kv/garden");
    expect(leaks.join("\n")).not.toMatch(/sesame|AbCdEf/);
  });

  it("scanEvidence() ignores a value that is also a path, unless it is a credential", () => {
    const recorder = new FileRecorder(directory, "a");
    const sent = JSON.stringify({ text: "garden/gate", token: TOKEN });
    recorder.exchange(exchange({ target: `/v1/kv/garden/gate/${TOKEN}`, sent }));
    recorder.line("audit-bun", '"path":"kv/garden/gate"');
    recorder.flush();
    expect(scanEvidence(directory).leaks).toEqual([]);
    recorder.line("audit-bun", `"path":"kv/${TOKEN}"`);
    recorder.flush();
    expect(scanEvidence(directory).leaks).toHaveLength(1);
  });
});

describe("wire tap", () => {
  const REQUESTS = [
    'PUT /v1/kv/a HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n{"a":1}',
    "LIST /v1/kv HTTP/1.1\r\nHost: h\r\nX-Vault-Token: t\r\n\r\n",
    "PUT /v1/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  ].join("");
  const ANSWERS = [
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlist\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
  ].join("");
  const READ = [
    { method: "PUT", target: "/v1/kv/a", sent: '{"a":1}', received: "" },
    { method: "LIST", target: "/v1/kv", sent: "", received: "list" },
    { method: "PUT", target: "/v1/b", sent: "abcde", received: "to the end" },
  ];

  it("exchangesOf() pairs requests and answers of a connection in any framing", () => {
    expect(exchangesOf(Buffer.from(REQUESTS), Buffer.from(ANSWERS))).toMatchObject(READ);
  });

  it("the wire tap passes every byte on and records exchanges when a connection ends", async () => {
    let arrived = "";
    const server = createServer((socket) => {
      socket.on("data", (chunk) => {
        arrived += String(chunk);
        if (arrived.length === REQUESTS.length) socket.end(ANSWERS);
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const seen: Exchange[] = [];
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const tap = await startTap(port, (exchange) => seen.push(exchange));
    const client = connect(tap.port, "127.0.0.1");
    client.write(REQUESTS);
    let received = "";
    client.on("data", (chunk) => received += String(chunk));
    await new Promise((resolve) => client.once("close", resolve));
    await tap.close();
    server.close();
    expect(arrived).toBe(REQUESTS);
    expect(received).toBe(ANSWERS);
    expect(seen).toMatchObject(READ);
  });
});
