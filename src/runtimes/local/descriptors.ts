/** The limit on open files and connections of this process, and the server bounds that follow. */

import { readFileSync } from "node:fs";
import process from "node:process";
import {
  CONNECTIONS_MAX,
  DESCRIPTORS_RESERVED,
  HEAD_MAX_MS,
  IDLE_MAX_MS,
  TRANSFER_STALL_MAX_MS,
  TRANSFERS_MAX_BYTES,
} from "../../limits.ts";
import type { ServerBounds } from "./server.ts";

/** A common default on small systems. */
const ASSUMED = 1024;

/** Bounds of a server whose process may open `descriptors` files. */
export function boundsFor(descriptors: number): ServerBounds {
  return {
    connections: Math.max(1, Math.min(CONNECTIONS_MAX, descriptors - DESCRIPTORS_RESERVED)),
    transfersBytes: TRANSFERS_MAX_BYTES,
    headMs: HEAD_MAX_MS,
    stallMs: TRANSFER_STALL_MAX_MS,
    idleMs: IDLE_MAX_MS,
  };
}

/** Asks the system; assumes a low limit if it cannot tell. */
export function descriptorLimit(): number {
  return limitFromProc() ?? limitFromReport() ?? ASSUMED;
}

function limitFromProc(): number | null {
  try {
    const text = readFileSync("/proc/self/limits", "latin1");
    const [, soft] = /^Max open files +([0-9]+)/m.exec(text) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    // Not Linux.
    return null;
  }
}

function limitFromReport(): number | null {
  try {
    const report: unknown = process.report.getReport();
    const { userLimits } = report as { userLimits: { open_files: { soft: unknown } } };
    const soft = Number(userLimits.open_files.soft);
    return Number.isSafeInteger(soft) ? soft : null;
  } catch {
    // Bun's report lacks it.
    return null;
  }
}
