/**
 * Stops every flow that changes keys at each of its commits, in each way, and opens a vault on what is
 * left. One suite for every store.
 */

import { readFileSync } from "node:fs";
import * as openpgp from "openpgp";
import { describe, expect, it } from "vitest";
import { decodeHex } from "../../src/crypto/bytes.ts";
import { REWRAP_BATCH_ENTRIES } from "../../src/limits.ts";
import type { SealSettings } from "../../src/seal/kinds.ts";
import type { StaticSealSettings } from "../../src/seal/seal_settings.ts";
import { type AfterRefusal, attemptFlow, type Flow } from "./flow_runner.ts";
import type { PgpHolder } from "./share_holders.ts";
import { ceremonyFlow, sealFlow } from "./ceremony_flows.ts";
import { initFlow, keyChangeFlow, rewrapFlow, rotationFlow, unsealFlow } from "./other_flows.ts";
import { type Seed, seedPendingRewrap, seedVault } from "./seeded_vaults.ts";
import { newSiteOn, type NewStore } from "./stored_vault.ts";
import type { StoreLimits } from "../../src/storage/store.ts";
import type { StopMode } from "./stop_store.ts";

const SHAMIR = { type: "shamir" } as const;
const K1 = { id: "static-key-one", key: new Uint8Array(32).fill(1) };
const K2 = { id: "static-key-two", key: new Uint8Array(32).fill(2) };
const STATIC: StaticSealSettings = { type: "static", current: K1, previous: null };
const CHANGED: StaticSealSettings = { type: "static", current: K2, previous: K1 };
const COUNTS = { shares: 4, threshold: 3 } as const;
const VERIFIED = { ...COUNTS, requireVerification: true } as const;

/** More than one slice of a rewrap, and less than two. */
function manyFor({ commitMaxWrites, commitMaxExpectations }: StoreLimits): number {
  return Math.min(REWRAP_BATCH_ENTRIES, commitMaxWrites - 8, commitMaxExpectations - 8) + 10;
}

function pgpVector(file: string): string {
  return readFileSync(new URL(`../vectors/pgp/ed25519.${file}`, import.meta.url), "utf8").trim();
}

const pgp: PgpHolder = {
  publicKey: pgpVector("pub.b64"),
  decrypt: async (text) => {
    const decryptionKeys = await openpgp.readPrivateKey({ armoredKey: pgpVector("sec.asc") });
    const binaryMessage = decodeHex(text) ?? new Uint8Array();
    const message = await openpgp.readMessage({ binaryMessage });
    return String((await openpgp.decrypt({ message, decryptionKeys })).data);
  },
};

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}

function emptySeed(newStore: NewStore, seal: SealSettings): () => Promise<Seed> {
  return async () => ({
    site: await newSiteOn(newStore, seal),
    holdings: null,
    token: "",
    secrets: new Map(),
  });
}

function flowsOn(newStore: NewStore, limits: StoreLimits): readonly Flow[] {
  const shamir = once(async () => await seedVault(await newSiteOn(newStore, SHAMIR)));
  const ofStatic = once(async () => await seedVault(await newSiteOn(newStore, STATIC)));
  const shareless = once(async () => await seedVault(await newSiteOn(newStore, STATIC), false));
  const rekeyed = once(async () => await seedPendingRewrap(await shamir(), 0));
  const pendingRewrap = once(async () => await seedPendingRewrap(await shamir(), manyFor(limits)));
  const changedKey = once(async (): Promise<Seed> => {
    const seed = await ofStatic();
    return { ...seed, site: { ...seed.site, seal: CHANGED } };
  });

  return [
    initFlow("init with a Shamir seal", "secret", emptySeed(newStore, SHAMIR)),
    initFlow("init with a static seal", "recovery", emptySeed(newStore, STATIC)),
    unsealFlow("unseal", shamir),
    sealFlow("seal in the middle of a rekey", shamir, { path: "sys/rekey", ...COUNTS }),
    ceremonyFlow("rekey", shamir, 3, { path: "sys/rekey", ...COUNTS }),
    ceremonyFlow("rekey with PGP and backup", shamir, 3, { path: "sys/rekey", ...COUNTS, pgp }),
    ceremonyFlow("rekey with verification", shamir, 6, { path: "sys/rekey", ...VERIFIED }),
    ceremonyFlow("rotation of the root with PGP and verification", shamir, 6, {
      path: "sys/rotate/root",
      ...VERIFIED,
      pgp,
    }),
    ceremonyFlow("rekey before the rewrap of the last one", rekeyed, 3, {
      path: "sys/rekey",
      ...COUNTS,
    }),
    ceremonyFlow("recovery rekey", ofStatic, 3, { path: "sys/rekey-recovery-key", ...COUNTS }),
    ceremonyFlow("recovery rekey with verification", ofStatic, 6, {
      path: "sys/rotate/recovery",
      ...VERIFIED,
    }),
    ceremonyFlow("first recovery shares", shareless, 1, { path: "sys/rotate/recovery", ...COUNTS }),
    ceremonyFlow("barrier rekey of a static seal", ofStatic, 3, {
      path: "sys/rekey",
      shares: 1,
      threshold: 1,
    }),
    rotationFlow("rotation of the root key of a Shamir seal", shamir, "sys/rotate/root"),
    rotationFlow("rotation of the root key of a static seal", ofStatic, "sys/rotate/root"),
    rotationFlow("rotation of the keyring", shamir, "sys/rotate/keyring"),
    keyChangeFlow("start with a changed static key", changedKey),
    rewrapFlow("rewrap after a rekey", pendingRewrap),
  ];
}

interface Ending {
  readonly name: string;
  readonly mode: StopMode;
  readonly after: AfterRefusal;
}

const ENDINGS: readonly Ending[] = [
  { name: "is refused and the process ends", mode: "refused", after: "give_up" },
  { name: "is refused and the request is sent again", mode: "refused", after: "send_again" },
  { name: "and the next are both refused", mode: "refused_twice", after: "send_again" },
  { name: "never happens because the process dies", mode: "stopped_before", after: "give_up" },
  { name: "is the last act of the process", mode: "stopped_after", after: "give_up" },
];

const SECONDS = 1000;

/** `limits` are those of each new store. */
export function stopAtEveryWrite(newStore: NewStore, limits: StoreLimits): void {
  for (const flow of flowsOn(newStore, limits)) stopFlow(flow);
}

function stopFlow(flow: Flow): void {
  describe(flow.name, () => {
    it(`${flow.name}: the flow completes when nothing stops it`, async () => {
      const store = await attemptFlow(flow, null, "give_up");
      expect(store.commits()).toBe(flow.commits);
    });

    // An unseal by shares writes nothing: there is no commit to stop it at.
    for (const { name, mode, after } of flow.commits === 0 ? [] : ENDINGS) {
      it(`${flow.name}: the vault stays whole when a commit ${name}`, async () => {
        for (let atCommit = 1;; atCommit++) {
          const store = await attemptFlow(flow, { mode, atCommit }, after);
          if (store.wasHit()) continue;
          expect(atCommit).toBeGreaterThan(flow.commits);
          return;
        }
      }, 60 * SECONDS);
    }
  });
}
