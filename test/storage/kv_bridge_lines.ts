/** The lines between a test and `kv_bridge.ts`: JSON, with bytes as base64 and maps as lists. */

import { Buffer } from "node:buffer";
import type { ErrorCode } from "../../src/errors.ts";
import type { Store } from "../../src/storage/store.ts";

export type Method = Exclude<keyof Store, "storageType" | "limits">;

export interface Call {
  readonly id: number;
  readonly store: number;
  readonly method: Method | "open";
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly result: unknown;
  readonly error:
    | { readonly name: string; readonly message: string; readonly code: ErrorCode | null }
    | null;
}

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) => {
    if (item instanceof Uint8Array) return { $bytes: Buffer.from(item).toString("base64") };
    if (item instanceof Map) return { $map: [...item] };
    return typeof item === "number" && !Number.isFinite(item) ? { $number: String(item) } : item;
  });
}

export function fromJson(text: string): unknown {
  return JSON.parse(text, (_name, item: unknown) => {
    if (typeof item !== "object" || item === null) return item;
    if ("$bytes" in item) return Uint8Array.from(Buffer.from(item.$bytes as string, "base64"));
    if ("$map" in item) return new Map(item.$map as [unknown, unknown][]);
    return "$number" in item ? Number(item.$number) : item;
  });
}
