/**
 * Opens Deno KV, which Deno has only with `--unstable-kv`. Deno itself reads `DENO_KV_ACCESS_TOKEN`,
 * the secret of a `denokv` server.
 */

import { encodeHex } from "../../crypto/bytes.ts";
import { randomBytes } from "../../crypto/random.ts";
import { messageOf, VaultError } from "../../errors.ts";
import { createDenoKvStore } from "../../storage/deno_kv/deno_kv_store.ts";
import type { Kv } from "../../storage/deno_kv/kv.ts";
import type { Store } from "../../storage/store.ts";
import { createPrivateFile } from "./private_file.ts";

/** The part of Deno's API used here. */
declare const Deno: { readonly openKv?: (location: string) => Promise<Kv> };

const OWNER_NAME_BYTES = 16;

/**
 * `location` is the path of a local file, made with mode 0600 if it is missing, or the URL of a
 * `denokv` server. Rejects with `VaultError("store_failed")` if it cannot be opened. A process that
 * has it open loses it.
 */
export async function openDenoKv(location: string): Promise<Store> {
  if (Deno.openKv === undefined) {
    throw new VaultError("store_failed", "cannot open Deno KV: start Deno with --unstable-kv");
  }
  let kv: Kv | undefined;
  try {
    if (!isUrl(location)) createPrivateFile(location);
    kv = await Deno.openKv(location);
    return await createDenoKvStore(kv, encodeHex(randomBytes(OWNER_NAME_BYTES)));
  } catch (error) {
    kv?.close();
    if (error instanceof VaultError) throw error;
    const message = `cannot open Deno KV at ${location}: ${messageOf(error)}`;
    throw new VaultError("store_failed", message, { cause: error });
  }
}

function isUrl(location: string): boolean {
  return /^https?:\/\//.test(location);
}
