/**
 * The holders of shares: they complete a rekey over HTTP from whatever state the vault is in, and
 * remember the answers. For a vault in memory and for a real process.
 */

import { type Answer, type Json, type Send } from "./stored_vault.ts";

/** Shares (hex), `threshold` of which open the vault or, under a static seal, authorise. */
export interface Holdings {
  readonly shares: readonly string[];
  readonly threshold: number;
}

export type CeremonyPath =
  | "sys/rekey"
  | "sys/rekey-recovery-key"
  | "sys/rotate/root"
  | "sys/rotate/recovery";

export interface Wish {
  readonly path: CeremonyPath;
  readonly shares: number;
  readonly threshold: number;
  readonly requireVerification?: boolean;
  /** If set, each share is encrypted to this key, and a backup is requested. */
  readonly pgp?: PgpHolder;
}

export interface PgpHolder {
  readonly publicKey: string;
  /** Takes a PGP message in hex; returns its text. */
  readonly decrypt: (message: string) => Promise<string>;
}

/** What the holders still know after the process has died. */
export interface Memory {
  /** The shares that were handed out; null if the answer never came. */
  next: Holdings | null;
  /** Whether the request that installs the new key was sent, and answered. */
  install: "not_sent" | "in_flight" | "done";
  /** Old shares acknowledged in the current attempt. */
  gathered: number;
  /** New shares acknowledged in the current verification. */
  verified: number;
}

export function newMemory(): Memory {
  return { next: null, install: "not_sent", gathered: 0, verified: 0 };
}

/** The data of an answer of either API family. Throws Error for a failure status. */
export function dataOf(answer: Answer): Json {
  if (answer.status >= 300) {
    throw new Error(`status ${answer.status}: ${JSON.stringify(answer.body["errors"] ?? null)}`);
  }
  const data = answer.body["data"];
  return typeof data === "object" && data !== null ? data as Json : answer.body;
}

function isDuplicate({ status, body }: Answer): boolean {
  return status === 400 && JSON.stringify(body["errors"]).includes("already been provided");
}

/**
 * Installs a new key. Carries on with a current attempt, unless its new shares were handed out and
 * `memory` has none of them; then it cancels the attempt and begins again. Returns the shares in force,
 * which are those of `current` if the seal keeps its key itself.
 */
export async function completeCeremony(
  send: Send,
  wish: Wish,
  current: Holdings,
  memory: Memory,
): Promise<Holdings> {
  const { path } = wish;
  const found = dataOf(await send("GET", `${path}/init`));
  const isVerifying = verificationNonce(found) !== "";
  if (isVerifying && memory.next !== null) {
    const verification = dataOf(await send("GET", `${path}/verify`));
    await giveBack(send, wish, memory.next, verification, memory);
    return memory.next;
  }
  if (isVerifying) dataOf(await send("DELETE", `${path}/init`));
  Object.assign(memory, newMemory());
  const status = found["started"] === true && !isVerifying
    ? found
    : await start(send, wish, memory);
  const result = status["complete"] === true
    ? status
    : await gather(send, wish, current, status, memory);
  const keys = result["keys"] as readonly string[];
  const shares = wish.pgp === undefined
    ? keys
    : await Promise.all(keys.map((message) => wish.pgp!.decrypt(message)));
  const next = shares.length === 0 ? current : { shares, threshold: wish.threshold };
  memory.next = next;
  const nonce = verificationNonce(result);
  if (nonce !== "") await giveBack(send, wish, next, { nonce, progress: 0 }, memory);
  memory.install = "done";
  return next;
}

function verificationNonce(status: Json): string {
  return typeof status["verification_nonce"] === "string" ? status["verification_nonce"] : "";
}

async function start(send: Send, wish: Wish, memory: Memory): Promise<Json> {
  const { path, shares, threshold, requireVerification = false, pgp } = wish;
  const { required } = dataOf(await send("GET", `${path}/init`));
  // Without holders to ask, the first shares are handed out at once.
  if (required === 0 && !requireVerification) memory.install = "in_flight";
  return dataOf(
    await send("PUT", `${path}/init`, {
      secret_shares: shares,
      secret_threshold: threshold,
      require_verification: requireVerification,
      ...(pgp === undefined ? {} : { pgp_keys: Array(shares).fill(pgp.publicKey), backup: true }),
    }),
  );
}

async function gather(
  send: Send,
  wish: Wish,
  current: Holdings,
  status: Json,
  memory: Memory,
): Promise<Json> {
  const required = Number(status["required"]);
  memory.gathered = Number(status["progress"]);
  for (const key of current.shares) {
    const isLast = memory.gathered + 1 === required;
    if (isLast && wish.requireVerification !== true) memory.install = "in_flight";
    const answer = await send("PUT", `${wish.path}/update`, { key, nonce: status["nonce"] });
    if (isDuplicate(answer)) continue;
    const data = dataOf(answer);
    memory.gathered += 1;
    if (data["complete"] === true) return data;
  }
  throw new Error("the shares at hand did not complete the ceremony");
}

async function giveBack(
  send: Send,
  wish: Wish,
  next: Holdings,
  status: Json,
  memory: Memory,
): Promise<void> {
  memory.verified = Number(status["progress"]);
  for (const key of next.shares) {
    if (memory.verified + 1 === next.threshold) memory.install = "in_flight";
    const answer = await send("PUT", `${wish.path}/verify`, { key, nonce: status["nonce"] });
    if (isDuplicate(answer)) continue;
    const data = dataOf(answer);
    memory.verified += 1;
    if (data["complete"] === true) {
      memory.install = "done";
      return;
    }
  }
  throw new Error("the new shares did not complete the verification");
}
