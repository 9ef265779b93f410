/** Sends raw bytes over a socket, and starts the echo program that they are sent to. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { connect as connectTls } from "node:tls";
import type { ServerBounds, TlsIdentity } from "../../src/runtimes/local/server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = fileURLToPath(new URL("echo_program.ts", import.meta.url));

/** The command with which each runtime runs a program. */
export const RUNTIMES = {
  deno: ["deno", "run", "--cached-only", "--no-lock", "--quiet", "--config=deno.json", "-A"],
  node: ["node"],
  bun: ["bun"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Runtime = keyof typeof RUNTIMES;

/** Bounds too wide to be reached, except where a test narrows them. */
export const WIDE: ServerBounds = {
  connections: 100,
  transfersBytes: 128 * 1024 * 1024,
  headMs: 600_000,
  stallMs: 600_000,
  idleMs: 600_000,
};

export interface Echo {
  readonly port: number;
  /** Everything logged so far. */
  log(): string;
  /** Resolves when this text was logged. */
  logged(text: string): Promise<void>;
  /** Sends SIGTERM. Resolves with the exit status. */
  stop(): Promise<number | null>;
  kill(): void;
}

export async function startEcho(
  runtime: Runtime,
  bounds: Partial<ServerBounds> = {},
  tls: TlsIdentity | null = null,
): Promise<Echo> {
  const [program, ...flags] = RUNTIMES[runtime];
  const given = JSON.stringify({ bounds: { ...WIDE, ...bounds }, tls });
  const child: ChildProcess = spawn(
    `${ROOT}node_modules/.bin/${program}`,
    [...flags, PROGRAM, given],
    { cwd: ROOT, env: { PATH: process.env["PATH"], HOME: process.env["HOME"] } },
  );
  let log = "";
  let look = (): void => {};
  child.stderr?.on("data", (chunk) => {
    log += String(chunk);
    look();
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const first = await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), ended]);
  if (!Array.isArray(first)) throw new Error(`the echo program ended: ${log}`);
  return {
    port: Number(String(first[0])),
    log: () => log,
    logged: (text) =>
      new Promise((resolve) => {
        look = () => {
          if (log.includes(text)) resolve();
        };
        look();
      }),
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
    kill: () => child.kill("SIGKILL"),
  };
}

/** A client that sends only what the test tells it to send. */
export class RawClient {
  readonly socket: Socket;
  /** Everything received, once the server has closed the connection. */
  readonly closed: Promise<string>;
  #received = "";
  #look: () => void = () => {};

  constructor(port: number, isTls = false) {
    const target = { port, host: "127.0.0.1" };
    this.socket = isTls ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target);
    this.socket.setNoDelay(true);
    this.socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#look();
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.#look();
        resolve(this.#received);
      });
    });
  }

  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(
        typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes,
        () => resolve(),
      );
    });
  }

  /** Resolves with what was received once it matches. Rejects if the connection ends first. */
  until(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#look = () => {
        if (pattern.test(this.#received)) resolve(this.#received);
        else if (this.socket.destroyed) reject(new Error(`it ended after: ${this.#received}`));
      };
      this.#look();
    });
  }
}

/** Sends the parts one after another, then ends. Resolves with everything received. */
export async function exchange(
  port: number,
  ...parts: readonly (string | Uint8Array)[]
): Promise<string> {
  const client = new RawClient(port);
  for (const part of parts) await client.send(part);
  client.socket.end();
  return await client.closed;
}

export function statuses(received: string): string[] {
  return [...received.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, status]) => status ?? "");
}
