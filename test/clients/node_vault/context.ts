/** Shared by every chapter: the task, the client, the report, and how answers get into it. */

import { execFileSync } from "node:child_process";
import process from "node:process";
import { text } from "node:stream/consumers";
import createClient from "node-vault";
import type { Task } from "../task.ts";

// deno-lint-ignore no-explicit-any -- The client's own type for every answer.
export type Answer = any;
export type Client = ReturnType<typeof createClient>;

export const task: Task = JSON.parse(await text(process.stdin));
export const report: Record<string, unknown> = {};
export const client = withToken("");

export function withToken(token: string): Client {
  return createClient({ endpoint: task.address, token });
}

/** Uses a client of its own, because a client takes over each token that it creates. */
export async function createToken(by: string, options: object): Promise<Answer> {
  return (await withToken(by).tokenCreate(options)).auth;
}

/** The answer to a call that must fail; {} if it did not fail. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ status?: number; errors?: string[] }> {
  try {
    await call;
    return {};
  } catch (error) {
    const { statusCode, body } = (error as Answer).response;
    return { status: statusCode, errors: body.errors };
  }
}

export function pick(source: Answer, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, source[name] ?? null]));
}

export function decrypt(holder: string, message: string): string {
  const [program = "", ...args] = task.decrypt;
  return execFileSync(program, [...args, holder], { input: message, encoding: "utf8" });
}

export async function counts(): Promise<unknown> {
  return pick(await client.status(), "t", "n");
}

/** The value that must survive every step. */
export async function garden(): Promise<unknown> {
  return (await client.read("plain/garden")).data;
}

/** The share with another first byte, which is almost certainly not a share of any set. */
export function changed(share: string): string {
  const first = Number.parseInt(share.slice(0, 2), 16) ^ 1;
  return first.toString(16).padStart(2, "0") + share.slice(2);
}
