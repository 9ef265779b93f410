/** Rotation of the keyring and of the root key, which need no shares, and `/sys/key-status`. */

import type { Hono } from "hono";
import { formatGoDuration } from "../access/duration.ts";
import { activeTerm, type RotationConfig } from "../barrier/keyring.ts";
import { readBoolean, readDurationSeconds, readInteger, requestFields } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { TERM_INTERVAL_MIN_SECONDS, TERM_OPERATIONS_MAX, TERM_OPERATIONS_MIN } from "../limits.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";

const DONE: LogicalReply = { kind: "done" };

export function registerKeyringEndpoints(app: Hono, context: AppContext): void {
  for (const path of ["sys/rotate", "sys/rotate/keyring"]) {
    registerLogical(app, context, { path, sudo: true, operations: { update: rotateKeyring } });
  }
  for (const path of ["sys/rotate/config", "sys/rotate/keyring/config"]) {
    const operations = { read: readRotation, update: writeRotation };
    registerLogical(app, context, { path, slashAlias: true, operations });
  }
  registerLogical(app, context, {
    path: "sys/rotate/root",
    sudo: true,
    operations: { update: rotateRoot },
  });
  registerLogical(app, context, {
    path: "sys/key-status",
    copiesData: true,
    operations: { read: keyStatus },
  });
}

async function rotateKeyring({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.rotateKeyring());
  return DONE;
}

async function rotateRoot({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.rotateRoot());
  return DONE;
}

async function keyStatus({ open }: LogicalCall): Promise<LogicalReply> {
  const term = activeTerm(open.barrier.keyring);
  return {
    kind: "data",
    data: {
      term: term.term,
      install_time: new Date(term.installTimeMs).toISOString(),
      encryptions: open.barrier.operations,
    },
  };
}

async function readRotation({ open }: LogicalCall): Promise<LogicalReply> {
  const { enabled, maxOperations, intervalSeconds } = open.barrier.keyring.rotation;
  const interval = intervalSeconds === 0 ? 0 : formatGoDuration(intervalSeconds);
  return { kind: "data", data: { enabled, interval, max_operations: maxOperations } };
}

async function writeRotation({ call, open, data }: LogicalCall): Promise<LogicalReply> {
  const fields = requestFields(data);
  const now = open.barrier.keyring.rotation;
  const rotation: RotationConfig = {
    enabled: readBoolean(fields, "enabled") ?? now.enabled,
    intervalSeconds: readDurationSeconds(fields, "interval") ?? now.intervalSeconds,
    maxOperations: readInteger(fields, "max_operations") ?? now.maxOperations,
  };
  if (rotation.intervalSeconds !== 0 && rotation.intervalSeconds < TERM_INTERVAL_MIN_SECONDS) {
    const shortest = formatGoDuration(TERM_INTERVAL_MIN_SECONDS);
    throw invalidRequest(`interval must be greater or equal to ${shortest}`);
  }
  if (
    rotation.maxOperations < TERM_OPERATIONS_MIN || rotation.maxOperations > TERM_OPERATIONS_MAX
  ) {
    throw invalidRequest(
      `max_operations must be in the range [${TERM_OPERATIONS_MIN},${TERM_OPERATIONS_MAX}]`,
    );
  }
  await call.vault.administer((open) => open.configureRotation(rotation));
  return DONE;
}
