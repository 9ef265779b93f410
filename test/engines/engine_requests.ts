/** Builds requests for engines, sends them and reads replies, for the tests of engines. */

import type { Engine, EngineReply, EngineRequest } from "../../src/engines/engine.ts";
import type { Operation } from "../../src/wire/operation.ts";
import { VaultError } from "../../src/errors.ts";

export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const NOW_TEXT = "2026-01-02T03:04:05.678000000Z";
export const MOUNT_LEASE_SECONDS = 2_764_800;

export type Data = Readonly<Record<string, unknown>>;

/** A request as the HTTP layer makes it: data is parsed JSON, so `__proto__` is an own name. */
export function request(
  operation: Operation,
  path: string,
  data: Data | string = {},
  more: Partial<EngineRequest> = {},
): EngineRequest {
  return {
    operation,
    path,
    data: JSON.parse(typeof data === "string" ? data : JSON.stringify(data)) as Data,
    tokenScope: "scope",
    tokenType: "service",
    nowMs: NOW_MS,
    defaultLeaseSeconds: MOUNT_LEASE_SECONDS,
    ...more,
  };
}

export function send(
  engine: Engine,
  operation: Operation,
  path: string,
  data: Data | string = {},
  more: Partial<EngineRequest> = {},
): Promise<EngineReply> {
  return engine.handle(request(operation, path, data, more));
}

/** `code: message` of the VaultError that `action` throws, or "accepted". */
export async function refusal(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (error instanceof VaultError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

export function dataOf(reply: EngineReply): Data {
  if (reply.kind !== "data") throw new Error(`expected data, got ${reply.kind}`);
  if (reply.data === null) throw new Error("expected data, got warnings only");
  return reply.data;
}
