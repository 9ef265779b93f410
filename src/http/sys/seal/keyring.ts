/** Rotation of the keyring and of the root key, which needs no shares, and `/sys/key-status`. */

import { formatGoDuration } from "../../../wire/duration.ts";
import { activeTerm, type RotationConfig } from "../../../barrier/keyring.ts";
import { boolean, duration, integer, type Sent } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import {
  TERM_INTERVAL_MIN_SECONDS,
  TERM_OPERATIONS_MAX,
  TERM_OPERATIONS_MIN,
} from "../../../limits.ts";
import {
  DONE,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

const ROTATION_FIELDS = {
  enabled: boolean("rotate by itself"),
  interval: duration("age at which a term is rotated; 0 for no such limit"),
  max_operations: integer("encryptions after which a term is rotated"),
};

export const KEYRING_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...["sys/rotate", "sys/rotate/keyring"].map((path) =>
    logicalEndpoint(path, {
      update: logicalOperation({ summary: "Give the keyring a new term" }, rotateKeyring),
    }, { sudo: true })
  ),
  ...["sys/rotate/config", "sys/rotate/keyring/config"].map((path) =>
    logicalEndpoint(path, {
      read: logicalOperation({ summary: "Show when the keyring rotates by itself" }, readRotation),
      update: logicalOperation(
        { summary: "Set when the keyring rotates by itself", fields: ROTATION_FIELDS },
        writeRotation,
      ),
    }, { slashAlias: true })
  ),
  logicalEndpoint("sys/rotate/root", {
    update: logicalOperation(
      { summary: "Replace the root key under the same shares" },
      rotateRoot,
    ),
  }, { sudo: true }),
  logicalEndpoint("sys/key-status", {
    read: logicalOperation({ summary: "Show the term that encrypts now" }, keyStatus),
  }, { copiesData: true }),
];

async function rotateKeyring({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((unsealed) => unsealed.rotateKeyring());
  return DONE;
}

async function rotateRoot({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((unsealed) => unsealed.rotateRoot());
  return DONE;
}

async function keyStatus({ unsealed }: LogicalCall): Promise<LogicalReply> {
  const term = activeTerm(unsealed.barrier.keyring);
  return {
    kind: "data",
    data: {
      term: term.term,
      install_time: new Date(term.installTimeMs).toISOString(),
      encryptions: unsealed.barrier.operations,
    },
  };
}

async function readRotation({ unsealed }: LogicalCall): Promise<LogicalReply> {
  const { enabled, maxOperations, intervalSeconds } = unsealed.barrier.keyring.rotation;
  const interval = intervalSeconds === 0 ? 0 : formatGoDuration(intervalSeconds);
  return { kind: "data", data: { enabled, interval, max_operations: maxOperations } };
}

async function writeRotation(
  request: LogicalCall,
  sent: Sent<typeof ROTATION_FIELDS>,
): Promise<LogicalReply> {
  const now = request.unsealed.barrier.keyring.rotation;
  const rotation: RotationConfig = {
    enabled: sent.enabled ?? now.enabled,
    intervalSeconds: sent.interval ?? now.intervalSeconds,
    maxOperations: sent.max_operations ?? now.maxOperations,
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
  await request.call.vault.administer((unsealed) => unsealed.configureRotation(rotation));
  return DONE;
}
