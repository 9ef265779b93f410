/** Ten clients without a token, each with its own address. Each runs all attacks in turn. */

import { Buffer } from "node:buffer";
import { connect } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { createCostlyKey } from "./costly_key.mjs";

const CLIENTS = 10;
const BODY_BYTES = 1024 * 1024;
/** Connections that one client leaves open, idle or with a partial request. */
const LEFT_OPEN = 100;
const ANSWER_MAX_MS = 20_000;
const FORM = "application/x-www-form-urlencoded";

const port = Number(process.argv[2]);
const endMs = performance.now() + Number(process.argv[3]) * 1000;
const costlyKey = await createCostlyKey();
const answers = new Map();
const left = new Set();

function repeated(text, bytes = BODY_BYTES) {
  return text.repeat(Math.floor(bytes / text.length));
}

function names(count, join) {
  return Array.from({ length: count }, (_, index) => join(index.toString(36))).join("");
}

/** Complete requests, by name of the attack. */
const REQUESTS = {
  "form of many names": () => post("nothing/here", names(100_000, (name) => `&${name}=1`), FORM),
  "query of many names": () => `GET /v1/kv/a?${names(8000, (name) => `&${name}`)} HTTP/1.1\r\n`,
  "JSON behind the first value": () => post("nothing/here", `{}[${repeated("1.0,")}1]`),
  "JSON of many names": () =>
    post("nothing/here", `{${names(60_000, (name) => `"${name}":1,`)}"z":1}`),
  "JSON that is deep": () => post("nothing/here", repeated("[")),
  "PGP key of many signatures": () =>
    post(
      "sys/rekey/init",
      JSON.stringify({ secret_shares: 1, secret_threshold: 1, pgp_keys: [costlyKey] }),
    ),
  "login": () => post("auth/userpass/login/nobody", JSON.stringify({ password: "x".repeat(4000) })),
  "OpenAPI document": () => "GET /v1/sys/internal/specs/openapi HTTP/1.1\r\n",
  "chunks that are broken": () =>
    "POST /v1/kv/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\nzz\r\n",
};

/** The beginnings of requests that never end, by name of the attack. */
const HALVES = {
  "idle connection": () => "",
  "half a head": () => "GET /v1/sys/health HTTP/1.1\r\nX-A: ",
  "half a body": () =>
    `${head("kv/a", BODY_BYTES, "application/json")}${repeated("a", BODY_BYTES / 2)}`,
};

function head(path, length, type) {
  return `POST /v1/${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\n` +
    `Content-Length: ${length}\r\n\r\n`;
}

function post(path, body, type = "application/json") {
  return head(path, Buffer.byteLength(body), type) + body;
}

function ended(request) {
  return request.includes("\r\n\r\n") ? request : `${request}Host: 127.0.0.1\r\n\r\n`;
}

function count(attack, answer) {
  const key = `${attack}: ${answer}`;
  answers.set(key, (answers.get(key) ?? 0) + 1);
}

/** Sends a request. Resolves to its status, or to how the connection ended. */
function send(text, localAddress) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    const give = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(ANSWER_MAX_MS, () => give("no answer"));
    socket.on("error", (error) => give(error.code));
    socket.on("close", () => give("closed"));
    socket.on("data", (chunk) => give(chunk.toString("latin1").slice(9, 12)));
    socket.write(text);
  });
}

function leaveOpen(text, localAddress) {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  left.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => left.delete(socket));
  socket.write(text);
}

async function attack(client) {
  // Every address of 127.0.0.0/8 is loopback on Linux.
  const localAddress = process.platform === "linux" ? `127.0.0.${client + 2}` : undefined;
  const kinds = Object.entries(REQUESTS);
  const halves = Object.entries(HALVES);
  for (let turn = client; performance.now() < endMs; turn++) {
    const [name, request] = kinds[turn % kinds.length];
    count(name, await send(ended(request()), localAddress));
    const [half, text] = halves[turn % halves.length];
    if (left.size < CLIENTS * LEFT_OPEN) {
      leaveOpen(text(), localAddress);
      count(half, "left open");
    }
    await sleep(1);
  }
}

await Promise.all(Array.from({ length: CLIENTS }, (_, client) => attack(client)));
for (const socket of left) socket.destroy();
const rows = [...answers].sort(([one], [other]) => one < other ? -1 : 1);
process.stdout.write(`${rows.map(([key, times]) => `  ${key} × ${times}`).join("\n")}\n`);
