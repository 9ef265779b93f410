/**
 * HTTP load over raw sockets, because a client library would cost more than the servers it
 * measures. Speaks only the HTTP/1.1 that these servers send: keep-alive, Content-Length or chunks.
 */

import { connect } from "node:net";
import { quantile } from "./numbers.mjs";

/** The bytes of one request. */
export function encodeRequest(method, path, { token, json } = {}) {
  const body = json === undefined ? "" : JSON.stringify(json);
  const lines = [`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1"];
  if (token !== undefined) lines.push(`X-Vault-Token: ${token}`);
  if (json !== undefined) {
    lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Sends each request once, one after another. */
export async function sendAll(port, requests) {
  const connection = new Connection(port);
  for (const request of requests) await connection.send(request);
  connection.close();
}

/** Keeps `connections` busy for `seconds`. `request(n)` returns the n-th request. */
export async function loadClosedLoop({ port, connections, seconds, request }) {
  const opened = Array.from({ length: connections }, () => new Connection(port));
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const timesMs = [];
  let next = 0;
  await Promise.all(opened.map(async (connection) => {
    while (performance.now() < endMs) {
      const sentMs = performance.now();
      await connection.send(request(next++));
      timesMs.push(performance.now() - sentMs);
    }
  }));
  const elapsedSeconds = (performance.now() - startMs) / 1000;
  for (const connection of opened) connection.close();
  return { perSecond: timesMs.length / elapsedSeconds, ...latencies(timesMs) };
}

/**
 * Sends at a fixed rate whatever the server does. A request's time starts when it was due, so a
 * stall of the server shows in every request due meanwhile.
 */
export function startOpenLoop({ port, perSecond, request }) {
  const idle = [];
  const opened = [];
  const pending = new Set();
  const timesMs = [];
  const startMs = performance.now();
  let sent = 0;
  let failure = null;
  const send = async (dueMs) => {
    let connection = idle.pop() ?? new Connection(port);
    // The server may have closed an idle one.
    while (!connection.isOpen) connection = idle.pop() ?? new Connection(port);
    if (!opened.includes(connection)) opened.push(connection);
    await connection.send(request(sent++));
    timesMs.push(performance.now() - dueMs);
    idle.push(connection);
  };
  const timer = setInterval(() => {
    while (sent < (performance.now() - startMs) / 1000 * perSecond) {
      const sending = send(startMs + sent / perSecond * 1000)
        .catch((error) => failure = error)
        .finally(() => pending.delete(sending));
      pending.add(sending);
    }
  }, 1);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      for (const connection of opened) connection.close();
      if (failure !== null) throw failure;
      return { count: timesMs.length, ...latencies(timesMs) };
    },
  };
}

function latencies(timesMs) {
  const sorted = timesMs.toSorted((left, right) => left - right);
  return {
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? 0,
  };
}

class Connection {
  isOpen = true;
  #socket;
  #received = Buffer.alloc(0);
  #waiting = null;

  constructor(port) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    const fail = (error) => {
      this.isOpen = false;
      this.#waiting?.reject(error ?? new Error("the server closed a connection"));
    };
    this.#socket.on("error", fail);
    this.#socket.on("close", () => fail());
  }

  /** Sends one request at a time. Rejects unless the status is 200 or 204. */
  send(bytes) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  close() {
    this.#socket.destroy();
  }

  #receive(chunk) {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const head = this.#received.latin1Slice(0, headEnd).toLowerCase();
    if (!this.#isWhole(head, headEnd + 4)) return;
    const status = Number(head.slice(9, 12));
    const { resolve, reject } = this.#waiting;
    const body = this.#received;
    this.#received = Buffer.alloc(0);
    this.#waiting = null;
    if (status === 200 || status === 204) resolve(status);
    else reject(new Error(`answered with ${status}: ${body.subarray(headEnd + 4, headEnd + 300)}`));
  }

  #isWhole(head, bodyStart) {
    if (head.includes("\r\ntransfer-encoding: chunked")) {
      return this.#received.subarray(bodyStart).includes("0\r\n\r\n");
    }
    const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? "0";
    return this.#received.length >= bodyStart + Number(length);
  }
}
