/**
 * Moving a mount to another path. Its records stay in place, so a move is one commit, which also
 * stores the outcome for later status requests. The tokens of a moved auth method are revoked.
 */

import type { AuthMount } from "../../access/auth_mount.ts";
import type { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { REMOUNTS_MAX } from "../../limits.ts";
import { REMOUNTS_PATH } from "../../storage/record_paths.ts";
import { revokeBelow } from "./disable_login.ts";
import { PROTECTED_MOUNTS } from "./mounts.ts";
import type { UnsealedVault } from "../unsealed_vault.ts";
import type { Vault } from "../vault.ts";

export interface Remount {
  readonly id: string;
  /** Both end in "/". Paths of auth methods begin with `auth/`. */
  readonly from: string;
  readonly to: string;
}

const AUTH = "auth/";
const PROTECTED_LOGINS: readonly string[] = ["auth/token/"];

/** Throws `invalid_request` in Vault's words if `from` has no mount or `to` is not free. */
export async function remount(
  vault: Vault,
  random: RandomBytes,
  from: string,
  to: string,
): Promise<Remount> {
  refuseProtected(from, to);
  const move: Remount = { id: randomUuid(random), from, to };
  if (from.startsWith(AUTH)) await endTokens(vault.unsealed(), move);
  await vault.administer(async (unsealed) => {
    const remembered = await rememberEntry(unsealed.barrier, move);
    if (from.startsWith(AUTH)) await moveLogin(unsealed, move, remembered);
    else await moveMount(unsealed, move, remembered);
  });
  // Revokes tokens issued meanwhile. An interruption before this leaves only those.
  if (from.startsWith(AUTH)) await revokeBelow(vault.unsealed(), from);
  return move;
}

/** One of the last `REMOUNTS_MAX` moves; null if unknown. */
export async function readRemount(barrier: Barrier, id: string): Promise<Remount | null> {
  return (await readRemounts(barrier)).find((move) => move.id === id) ?? null;
}

async function moveMount(
  unsealed: UnsealedVault,
  { from, to }: Remount,
  entry: Entry,
): Promise<void> {
  const { mounts } = unsealed;
  const mount = mounts.at(from);
  if (mount === null) throw invalidRequest(`no matching mount at ${JSON.stringify(from)}`);
  const conflict = mounts.list().find(({ path }) => path.startsWith(to) || to.startsWith(path));
  refuseConflict(conflict?.path ?? null);
  await mounts.move(mount, to, [entry]);
}

/** Checks the move first, so that a refused one revokes nothing. */
async function endTokens(unsealed: UnsealedVault, { from, to }: Remount): Promise<void> {
  loginToMove(unsealed, from, to);
  await revokeBelow(unsealed, from);
}

async function moveLogin(
  unsealed: UnsealedVault,
  { from, to }: Remount,
  entry: Entry,
): Promise<void> {
  await unsealed.logins.move(loginToMove(unsealed, from, to), to.slice(AUTH.length), [entry]);
}

function loginToMove({ logins }: UnsealedVault, from: string, to: string): AuthMount {
  const mount = logins.at(from.slice(AUTH.length));
  if (mount === null || mount.closing) {
    throw invalidRequest(`no matching mount at ${JSON.stringify(from)}`);
  }
  const conflict = logins.conflict(to.slice(AUTH.length));
  refuseConflict(conflict === null ? null : AUTH + conflict);
  return mount;
}

function refuseConflict(path: string | null): void {
  if (path !== null) throw invalidRequest(`path already in use at ${JSON.stringify(path)}`);
}

function refuseProtected(from: string, to: string): void {
  const isLogin = from.startsWith(AUTH);
  if (isLogin && !to.startsWith(AUTH)) {
    throw invalidRequest(`cannot remount auth mount to non-auth mount ${JSON.stringify(to)}`);
  }
  const guarded = isLogin ? PROTECTED_LOGINS : PROTECTED_MOUNTS;
  const isGuarded = (path: string) => guarded.some((prefix) => path.startsWith(prefix));
  if (isGuarded(from)) throw invalidRequest(`cannot remount ${JSON.stringify(from)}`);
  if (isGuarded(to)) {
    throw invalidRequest(`cannot remount to destination ${isLogin ? JSON.stringify(to) : to}`);
  }
}

async function readRemounts(barrier: Barrier): Promise<readonly Remount[]> {
  const record = await barrier.get(REMOUNTS_PATH);
  if (record === null) return [];
  return (JSON.parse(decodeUtf8(record.value)) as { moves: readonly Remount[] }).moves;
}

async function rememberEntry(barrier: Barrier, move: Remount): Promise<Entry> {
  const moves = [move, ...await readRemounts(barrier)].slice(0, REMOUNTS_MAX);
  return { path: REMOUNTS_PATH, value: encodeUtf8(JSON.stringify({ version: 1, moves })) };
}
