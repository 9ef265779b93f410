/** Starts a real process on a data directory and kills it; its client notices. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { evidence } from "../secrecy/evidence.ts";
import { type Answer, Gone, type Json } from "./stored_vault.ts";

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const CONNECTIONS_MAX = 8;

/** What is killed. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** Settings, besides the data directory and the address. */
  readonly settings: (directory: string) => Readonly<Record<string, string>>;
}

export const ON_NODE: Program = {
  command: process.execPath,
  args: [fromRoot("src/runtimes/local/node.ts")],
  settings: () => ({}),
};

/** Replaces itself with Deno, so that the signal reaches Deno. */
export const ON_DENO_KV: Program = {
  command: process.execPath,
  args: [fromRoot("scripts/start_deno.mjs")],
  settings: (directory) => ({
    SEALWRIGHT_STORAGE: "deno-kv",
    SEALWRIGHT_DENO_KV: join(directory, "kv.db"),
  }),
};

export interface Server {
  /** Rejects with `Gone` when the process dies before it has answered. */
  send(method: string, path: string, body?: Json, token?: string): Promise<Answer>;
  /** SIGKILL; resolves when the process has gone. */
  kill(): Promise<void>;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const closed = once(probe, "close");
  probe.close();
  await closed;
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Starts the vault on this directory; resolves when it serves. */
export async function startServer(directory: string, program: Program): Promise<Server> {
  // A new port each time: another process may have taken the old one.
  const port = await freePort();
  const inherited = Object.entries(process.env).filter(([name]) =>
    !/^(SEALWRIGHT|VITEST)/.test(name)
  );
  const child = spawn(program.command, program.args, {
    env: {
      ...Object.fromEntries(inherited),
      // Most of a round's time goes into the start.
      NODE_COMPILE_CACHE: join(dirname(directory), "compile-cache"),
      ...program.settings(directory),
      SEALWRIGHT_DATA: directory,
      SEALWRIGHT_LISTEN: `127.0.0.1:${port}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kept = evidence.newFile("log-killed");
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => evidence.chunk(kept, chunk));
  }
  const exited = once(child, "exit");
  await serving(child);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  return {
    send: (method, path, body, token) => send(agent, port, { method, path, body, token }),
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
      agent.destroy();
    },
  };
}

function serving(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stderr?.on("data", (chunk) => {
      output += String(chunk);
      if (output.includes('"message":"serving"')) resolve();
    });
    child.on("exit", () => reject(new Error(`the server did not start; it wrote:\n${output}`)));
  });
}

interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly body: Json | undefined;
  readonly token: string | undefined;
}

function send(agent: Agent, port: number, outgoing: Outgoing): Promise<Answer> {
  const { method, path, body, token } = outgoing;
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Gone("the process died"));
    const headers = token === undefined ? {} : { "x-vault-token": token };
    const target = `/v1/${path}`;
    const sent = body === undefined ? "" : JSON.stringify(body);
    const witnessed = (received: string) =>
      evidence.exchange({ method, target, headers: Object.entries(headers), sent, received });
    const options = { agent, host: "127.0.0.1", port, method, path: target, headers };
    request(options, (incoming) => {
      const status = incoming.statusCode ?? 0;
      text(incoming).then((read) => {
        witnessed(read);
        resolve({ status, body: read === "" ? {} : JSON.parse(read) as Json });
      }).catch(gone);
    }).on("error", () => {
      witnessed("");
      gone();
    }).end(body === undefined ? undefined : sent);
  });
}
