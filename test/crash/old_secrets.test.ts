/** What attempts leave of their shares in the files, and what keys of an older backup still do. */

import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BatchTokens } from "../../src/access/tokens/batch_tokens.ts";
import { newToken, rootTokenTemplate } from "../../src/access/tokens/token.ts";
import type { Keyring } from "../../src/barrier/keyring.ts";
import { decodeHex } from "../../src/crypto/bytes.ts";
import { hkdfSha256 } from "../../src/crypto/digest.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import type { StaticSealSettings } from "../../src/seal/seal_settings.ts";
import type { SealSettings } from "../../src/seal/kinds.ts";
import { createStaticSeal } from "../../src/seal/static_seal.ts";
import { PGP_FINGERPRINT, PGP_PUBLIC_KEY } from "../contract/api.contract.ts";
import { ceremonyPath } from "../../src/storage/record_paths.ts";
import type { Store, StoredRecord } from "../../src/storage/store.ts";
import {
  type CeremonyPath,
  completeCeremony,
  dataOf,
  type Holdings,
  newMemory,
} from "./share_holders.ts";
import { reopen } from "./vault_checks.ts";
import { captureKeys, shamirSealOf, unsealKeyOf } from "./old_keys.ts";
import { allRecords, findPieces, openedBy, readDatabase } from "./raw_bytes.ts";
import { seedVault } from "./seeded_vaults.ts";
import { newSite, type Send, type Session, type Site } from "./stored_vault.ts";

const SHAMIR: SealSettings = { type: "shamir" };
const K1 = { id: "static-one", key: randomBytes(32) };
const K2 = { id: "static-two", key: randomBytes(32) };
const STATIC: StaticSealSettings = { type: "static", current: K1, previous: null };
const ATTEMPTS = ["barrier", "recovery", "generate-root"];
const DAY_MS = 24 * 60 * 60 * 1000;

const folder = mkdtempSync(join(tmpdir(), "old-secrets-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

/** A stored attempt with its plaintext. */
interface Seen {
  readonly record: StoredRecord;
  readonly plaintext: Uint8Array;
}

interface Story {
  readonly file: string;
  readonly store: Store;
  readonly site: Site;
  readonly session: Session;
  readonly token: string;
  readonly holdings: Holdings;
  /** Sends a request, then records every attempt that is stored. */
  readonly send: Send;
  readonly seen: readonly Seen[];
}

async function begin(seal: SealSettings, withShares = true): Promise<Story> {
  files += 1;
  const file = join(folder, String(files), "vault.db");
  const store = openNodeSqlite(file);
  const seed = await seedVault(newSite(seal, store), withShares);
  const { site, token } = seed;
  const holdings = seed.holdings ?? { shares: [], threshold: 0 };
  const session = await reopen(site, holdings, token);
  const seen: Seen[] = [];
  const send: Send = async (...request) => {
    const answer = await session.send(...request);
    for (const name of ATTEMPTS) {
      const record = await store.get(ceremonyPath(name));
      const opened = await session.vault.unsealed().barrier.get(ceremonyPath(name));
      if (record !== null && opened !== null) seen.push({ record, plaintext: opened.value });
    }
    return answer;
  };
  return { file, store, site, session, token, holdings, send, seen };
}

/** The shares that some attempt held, in any of its states. */
function heldShares({ seen }: Story, shares: readonly string[]): readonly string[] {
  return shares.filter((share) => {
    const bytes = Buffer.from(decodeHex(share) ?? []);
    const forms = [bytes, share, bytes.toString("base64"), [...bytes].join(",")];
    return seen.some(({ plaintext }) =>
      forms.some((form) => Buffer.from(plaintext).includes(form))
    );
  });
}

/** Paths of the stored attempts that have left a piece in the files. */
function tracesOf({ file, seen }: Story): readonly string[] {
  return findPieces(readDatabase(file), seen.map(({ record }) => record));
}

async function startRekey({ send }: Story, path: CeremonyPath, verified: boolean): Promise<string> {
  const body = { secret_shares: 5, secret_threshold: 3, require_verification: verified };
  return String(dataOf(await send("PUT", `${path}/init`, body))["nonce"]);
}

/** Starts a rekey with verification and verifies two of the three new shares that it needs. */
async function verifyPartly(story: Story, path: CeremonyPath): Promise<readonly string[]> {
  const { send, holdings } = story;
  const nonce = await startRekey(story, path, true);
  let made: readonly string[] = [];
  let verification = "";
  for (const key of holdings.shares.slice(0, 2)) {
    const data = dataOf(await send("PUT", `${path}/update`, { key, nonce }));
    made = data["keys"] as readonly string[] ?? made;
    verification = String(data["verification_nonce"] ?? "");
  }
  for (const key of made.slice(0, 2)) {
    dataOf(await send("PUT", `${path}/verify`, { key, nonce: verification }));
  }
  return made;
}

async function generateRoot({ send }: Story, shares: readonly string[]): Promise<void> {
  const { nonce } = dataOf(await send("PUT", "sys/generate-root/attempt", {}));
  for (const key of shares) {
    dataOf(await send("PUT", "sys/generate-root/update", { key, nonce }));
  }
}

const TARGETS: readonly [CeremonyPath, SealSettings][] = [
  ["sys/rekey", SHAMIR],
  ["sys/rotate/root", SHAMIR],
  ["sys/rekey-recovery-key", STATIC],
  ["sys/rotate/recovery", STATIC],
];

/** Every way in which an attempt ends. */
const ENDS: readonly [string, (story: Story, path: string) => Promise<unknown>][] = [
  ["cancelled", async ({ send }, path) => dataOf(await send("DELETE", path))],
  ["expired", async ({ site, session }) => {
    site.nowMs += DAY_MS + 1;
    await session.vault.fire();
  }],
  ["ended by sealing", ({ session }) => session.vault.seal()],
];

describe("authorising shares", () => {
  it.each(TARGETS)(
    "no record or file holds an authorising share, during or after %s",
    async (path, seal) => {
      const story = await begin(seal);
      const { shares } = story.holdings;
      const nonce = await startRekey(story, path, false);
      dataOf(await story.send("PUT", `${path}/update`, { key: shares[0], nonce }));
      await generateRoot(story, shares.slice(1, 2));
      expect(story.seen.length).toBeGreaterThan(2);
      expect(tracesOf(story)).not.toEqual([]);
      const data = dataOf(await story.send("PUT", `${path}/update`, { key: shares[2], nonce }));
      expect(data["complete"]).toBe(true);
      expect(heldShares(story, [...shares, ...data["keys"] as readonly string[]])).toEqual([]);
      await story.store.close();
    },
  );

  it.each([
    ...ENDS,
    ["replaced after it expired", async ({ site, session }: Story, path: string) => {
      site.nowMs += DAY_MS + 1;
      dataOf(await session.send("PUT", path, {}));
    }] as const,
  ])(
    "a root token generation that is %s leaves no trace of its shares",
    async (_name, end) => {
      const story = await begin(SHAMIR);
      await generateRoot(story, story.holdings.shares.slice(0, 1));
      await end(story, "sys/generate-root/attempt");
      expect(heldShares(story, story.holdings.shares)).toEqual([]);
      expect(tracesOf(story)).toEqual([]);
      await story.store.close();
    },
  );

  it("the shares of several root token generations never add up in the files", async () => {
    const story = await begin(SHAMIR);
    const [a, b, c] = story.holdings.shares as [string, string, string];
    for (const pair of [[a, b], [b, c], [c, a]]) await generateRoot(story, pair);
    expect(heldShares(story, story.holdings.shares)).toEqual([]);
    expect(tracesOf(story)).toEqual([]);
    await story.store.close();
  });

  it("a share counts once for a root token, however often it is given", async () => {
    const { send, holdings, store } = await begin(SHAMIR);
    const { nonce } = dataOf(await send("PUT", "sys/generate-root/attempt", {}));
    const [key] = holdings.shares;
    const statuses: number[] = [];
    for (let time = 1; time <= 3; time++) {
      statuses.push((await send("PUT", "sys/generate-root/update", { key, nonce })).status);
    }
    expect(statuses).toEqual([200, 400, 400]);
    expect(dataOf(await send("GET", "sys/generate-root/attempt")))
      .toMatchObject({ started: true, nonce, progress: 1, required: 2 });
    await store.close();
  });

  it.each(TARGETS)(
    "replaced shares do not count for a root token, and enough new ones do: %s",
    async (path, seal) => {
      const { send, holdings, store } = await begin(seal);
      const { nonce } = dataOf(await send("PUT", "sys/generate-root/attempt", {}));
      const give = (key: string | undefined) =>
        send("PUT", "sys/generate-root/update", { key, nonce });
      expect(dataOf(await give(holdings.shares[0]))).toMatchObject({ progress: 1, required: 2 });
      const wish = { path, shares: 5, threshold: 3 };
      const { shares } = await completeCeremony(send, wish, holdings, newMemory());
      for (const old of holdings.shares) expect((await give(old)).status).toBe(400);
      for (const [place, key] of shares.slice(0, 3).entries()) {
        const status = dataOf(await send("GET", "sys/generate-root/attempt"));
        expect(status).toMatchObject({ started: true, nonce, progress: place, required: 3 });
        expect(dataOf(await give(key))).toMatchObject({ complete: place === 2 });
      }
      await store.close();
    },
  );
});

describe("PGP messages", () => {
  it("deleting the backup and the holder's copy leaves no trace of the encrypted shares", async () => {
    const story = await begin(SHAMIR);
    const body = {
      secret_shares: 1,
      secret_threshold: 1,
      backup: true,
      pgp_keys: [PGP_PUBLIC_KEY],
    };
    const { nonce } = dataOf(await story.send("PUT", "sys/rekey/init", body));
    for (const key of story.holdings.shares.slice(0, 2)) {
      dataOf(await story.send("PUT", "sys/rekey/update", { key, nonce }));
    }
    const copies = ["core/backup/barrier", "core/delivery/barrier"];
    const stored = (await allRecords(story.store)).filter(({ path }) => copies.includes(path));
    expect(stored).toHaveLength(2);
    expect(findPieces(readDatabase(story.file), stored)).toEqual(copies);
    dataOf(await story.send("DELETE", "sys/rekey/backup"));
    dataOf(await story.send("DELETE", `sys/rekey/backup/${PGP_FINGERPRINT}`));
    expect(findPieces(readDatabase(story.file), stored)).toEqual([]);
    await story.store.close();
  });
});

describe("shares under verification", () => {
  it.each(TARGETS)(
    "the store holds fewer new shares than the threshold during verification: %s",
    async (path, seal) => {
      const story = await begin(seal);
      const made = await verifyPartly(story, path);
      expect(heldShares(story, made)).toEqual(made.slice(0, 2));
      expect(heldShares(story, story.holdings.shares)).toEqual([]);
      // The data keys alone, as an older backup has them, do not open even these.
      const { keyring } = story.session.vault.unsealed().barrier;
      const records = story.seen.map(({ record }) => record).slice(-1);
      expect(await openedBy(keyring.terms.map(({ key }) => key), records)).toEqual([]);
      await story.store.close();
    },
  );

  it.each([
    ...ENDS,
    [
      "restarted",
      async ({ send }: Story, path: string) =>
        dataOf(await send("DELETE", path.replace("init", "verify"))),
    ] as const,
  ])("a verification that is %s leaves no trace of its shares", async (_name, end) => {
    for (const [path, seal] of TARGETS) {
      const story = await begin(seal);
      await verifyPartly(story, path);
      expect(tracesOf(story)).not.toEqual([]);
      const before = story.seen.length;
      await end(story, `${path}/init`);
      const old = { ...story, seen: story.seen.slice(0, before) };
      expect(tracesOf(old), path).toEqual([]);
      await story.store.close();
    }
  });

  it("a finished verification leaves no trace of its shares or of other attempts", async () => {
    for (const [path, seal] of TARGETS) {
      const story = await begin(seal);
      const made = await verifyPartly(story, path);
      await generateRoot(story, story.holdings.shares.slice(0, 1));
      const { nonce } = dataOf(await story.send("GET", `${path}/verify`));
      const before = story.seen.length;
      const last = await story.send("PUT", `${path}/verify`, { key: made[2], nonce });
      expect(dataOf(last)["complete"]).toBe(true);
      expect(tracesOf({ ...story, seen: story.seen.slice(0, before) }), path).toEqual([]);
      await story.store.close();
    }
  });

  it("an expired verification leaves no trace when the next attempt precedes the alarm", async () => {
    const story = await begin(SHAMIR);
    await verifyPartly(story, "sys/rekey");
    story.site.nowMs += DAY_MS + 1;
    const before = story.seen.length;
    await startRekey(story, "sys/rekey", false);
    expect(tracesOf({ ...story, seen: story.seen.slice(0, before) })).toEqual([]);
    await story.store.close();
  });

  it("an expired verification of first recovery shares leaves no trace when they are made again", async () => {
    const story = await begin(STATIC, false);
    const path = "sys/rotate/recovery";
    const body = { secret_shares: 5, secret_threshold: 3, require_verification: true };
    const made = dataOf(await story.send("PUT", `${path}/init`, body));
    for (const key of (made["keys"] as readonly string[]).slice(0, 2)) {
      const nonce = made["verification_nonce"];
      dataOf(await story.send("PUT", `${path}/verify`, { key, nonce }));
    }
    expect(tracesOf(story)).not.toEqual([]);
    story.site.nowMs += DAY_MS + 1;
    const before = story.seen.length;
    expect(dataOf(await story.send("PUT", `${path}/init`, body))["keys"]).toHaveLength(5);
    expect(tracesOf({ ...story, seen: story.seen.slice(0, before) })).toEqual([]);
    await story.store.close();
  });

  it("the next start clears the traces of a verification when the process died first", async () => {
    const story = await begin(SHAMIR);
    await verifyPartly(story, "sys/rekey");
    const { store, session } = story;
    await store.commit({ writes: session.vault.unsealed().endRecords() });
    await store.close();
    const reopened = openNodeSqlite(story.file);
    expect(tracesOf(story)).toEqual([]);
    await reopened.close();
  });
});

/** Rekeys, rotates the root key or changes the static key. Returns the vault after that. */
type Change = (story: Story) => Promise<Session>;

const rekeyBy = (path: CeremonyPath): Change => async ({ session, holdings }) => {
  const wish = { path, shares: 5, threshold: 3 };
  await completeCeremony(session.send, wish, holdings, newMemory());
  return session;
};

const requestBy = (path: string): Change => async ({ session }) => {
  dataOf(await session.send("PUT", path));
  return session;
};

const changeStaticKey: Change = async ({ site, token }) =>
  await reopen({ ...site, seal: { type: "static", current: K2, previous: K1 } }, null, token);

const NEW_ROOT_KEYS: readonly [string, SealSettings, Change][] = [
  ["a rekey", SHAMIR, rekeyBy("sys/rekey")],
  ["a rekey by the rotate family", SHAMIR, rekeyBy("sys/rotate/root")],
  ["a rekey of recovery shares", STATIC, rekeyBy("sys/rotate/recovery")],
  ["a rekey of the barrier under a static seal", STATIC, rekeyBy("sys/rekey")],
  ["a rotation of the root key", SHAMIR, requestBy("sys/rotate/root")],
  ["a rotation of the root key under a static seal", STATIC, requestBy("sys/rotate/root")],
  ["a changed static key", STATIC, changeStaticKey],
];

describe("forged batch tokens", () => {
  const forge = async ({ credentialKey }: Keyring): Promise<string> => {
    const nowMs = Date.UTC(2026, 0, 1);
    const batch = new BatchTokens({
      deriveKey: (salt) => hkdfSha256(credentialKey, salt, "sealwright batch token", 32),
      random: randomBytes,
      nowMs: () => nowMs,
      maxLeaseSeconds: () => 3600,
    });
    const template = { ...rootTokenTemplate(nowMs), type: "batch" as const };
    const expiresAtMs = nowMs + 3_600_000;
    return await batch.issue(
      newToken({ ...template, policies: ["default"], expiresAtMs }, "", "scope"),
    );
  };

  it.each(NEW_ROOT_KEYS)(
    "a batch token forged with an old credential key is invalid after %s",
    async (_name, seal, change) => {
      const story = await begin(seal);
      const { barrier, tokens } = story.session.vault.unsealed();
      const forged = await forge(barrier.keyring);
      const body = { type: "batch", policies: ["default"] };
      const created = await story.session.send("POST", "auth/token/create", body);
      const honest = String((created.body["auth"] as Record<string, unknown>)["client_token"]);
      for (const id of [forged, honest]) expect(await tokens.find(id)).not.toBeNull();
      const after = (await change(story)).vault.unsealed();
      for (const id of [forged, honest]) expect(await after.tokens.find(id)).toBeNull();
      // Stored tokens live on.
      expect(await after.tokens.find(story.token)).not.toBeNull();
      await story.store.close();
    },
  );

  it("a new term alone leaves batch tokens valid", async () => {
    const story = await begin(SHAMIR);
    const { barrier, tokens } = story.session.vault.unsealed();
    const id = await forge(barrier.keyring);
    dataOf(await story.session.send("PUT", "sys/rotate"));
    expect(await tokens.find(id)).not.toBeNull();
    await story.store.close();
  });
});

describe("data keys of an old backup", () => {
  it.each(["sys/rekey", "sys/rotate/root"] as const)(
    "data keys of an old backup open nothing that a rekey writes, or that is written later: %s",
    async (path) => {
      const story = await begin(SHAMIR);
      const { store, session } = story;
      const { barrier } = session.vault.unsealed();
      const old = barrier.keyring.terms.map(({ key }) => key);
      const before = await allRecords(store);
      expect(await openedBy(old, before)).not.toEqual([]);
      const earlier = new Set(before.map(({ revision }) => revision));
      await rekeyBy(path)(story);
      dataOf(await session.send("PUT", "plain/later", { is: "written after the rekey" }));
      dataOf(await session.send("PUT", "sys/policies/acl/later", { policy: 'path "a" {}' }));
      await session.work();
      const written = (await allRecords(store)).filter(({ revision }) => !earlier.has(revision));
      expect(written.map((record) => record.path)).toEqual(
        expect.arrayContaining(["core/share-checks/barrier", "core/rewrap", "core/keyring"]),
      );
      const unwrapped = written.map(async (record) => {
        const isRewrapped = before.some((other) => other.path === record.path) &&
          record.path.startsWith("logical/");
        if (isRewrapped) return null;
        return record.sealKeyId === null
          ? record
          : { ...record, bytes: await barrier.outer.unwrap(record.path, record.bytes) };
      });
      const records = (await Promise.all(unwrapped)).filter((record) => record !== null);
      expect(await openedBy(old, records)).toEqual([]);
      await store.close();
    },
  );

  it("each rekey of unseal shares adds a term, and no other change of keys does", async () => {
    const terms = async (seal: SealSettings, change: Change): Promise<number> => {
      const story = await begin(seal);
      const session = await change(story);
      const { term } = dataOf(await session.send("GET", "sys/key-status"));
      await story.store.close();
      return Number(term);
    };
    const found = await Promise.all(
      NEW_ROOT_KEYS.map(async ([name, seal, change]) => [name, await terms(seal, change)]),
    );
    expect(Object.fromEntries(found)).toEqual({
      "a rekey": 2,
      "a rekey by the rotate family": 2,
      "a rekey of recovery shares": 1,
      "a rekey of the barrier under a static seal": 1,
      "a rotation of the root key": 1,
      "a rotation of the root key under a static seal": 1,
      "a changed static key": 1,
    });
  });
});

describe("replaced seal keys", () => {
  it.each(NEW_ROOT_KEYS)(
    "a replaced seal key opens no key record right after %s",
    async (name, seal, change) => {
      const story = await begin(seal);
      const given = seal.type === "static" ? K1.key : unsealKeyOf(story.holdings);
      const sealKey = seal.type === "static"
        ? createStaticSeal(seal, randomBytes)
        : shamirSealOf(story.holdings);
      const old = await captureKeys(story.store, sealKey, given);
      const root = old.keys.slice(2);
      await change(story);
      const core = (await allRecords(story.store)).filter(({ path }) => path.startsWith("core/"));
      const changesSeal = name === "a rekey" || name.includes("family") || name.includes("changed");
      if (changesSeal) expect(await openedBy(old.keys, core)).toEqual([]);
      expect(await openedBy(root, core)).toEqual([]);
      const keyRecords = old.records.filter(({ path }) => path.startsWith("core/"));
      const replaced = changesSeal
        ? keyRecords
        : keyRecords.filter(({ path }) => path !== "core/recovery-key");
      expect(replaced.length).toBeGreaterThan(1);
      expect(findPieces(readDatabase(story.file), replaced)).toEqual([]);
      await story.store.close();
    },
  );
});

describe("count of encryptions", () => {
  it("the count of encryptions does not grow with starts", async () => {
    const story = await begin(STATIC);
    const count = async (session: Session): Promise<number> =>
      Number(dataOf(await session.send("GET", "sys/key-status"))["encryptions"]);
    const first = await count(story.session);
    expect(first).toBeGreaterThan(0);
    for (let start = 1; start <= 3; start++) {
      const session = await reopen(story.site, null, story.token);
      expect(await count(session)).toBe(first + start - 1);
      dataOf(await session.send("PUT", "plain/a", { start }));
      expect(await count(session)).toBe(first + start);
    }
    await story.store.close();
  });
});
