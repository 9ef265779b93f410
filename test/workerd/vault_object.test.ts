import { describe, expect, it } from "vitest";
import {
  at,
  initialise,
  rewrapSettled,
  textAt,
  textsAt,
  unseal,
} from "../contract/api.contract.ts";
import { type ObjectApi, startObject } from "./object_api.ts";

const LONG_MS = 120_000;

async function call(
  api: ObjectApi,
  method: string,
  path: string,
  token: string,
  body?: unknown,
): Promise<unknown> {
  const given = body === undefined ? { token } : { token, body };
  const { status, json } = await api.request(method, `/v1/${path}`, given);
  expect({ status, json }).toMatchObject({ status: expect.toSatisfy((s: number) => s < 300) });
  return json;
}

async function open(shares: number, threshold: number) {
  const api = startObject("shamir");
  const holders = await initialise(api, shares, threshold);
  await unseal(api, holders.shares.slice(0, threshold));
  return { api, ...holders };
}

async function evictAndUnseal(api: ObjectApi, shares: readonly string[]): Promise<void> {
  await api.restart();
  await unseal(api, shares);
}

async function mountWrapped(api: ObjectApi, token: string, entries: number): Promise<void> {
  await call(api, "POST", "sys/mounts/kv", token, { type: "kv", seal_wrap: true });
  const writes = Array.from({ length: entries }, (_, n) => n);
  for (let start = 0; start < entries; start += 100) {
    const page = writes.slice(start, start + 100);
    await Promise.all(page.map((n) => call(api, "PUT", `kv/${n}`, token, { n })));
  }
}

async function expectEntries(api: ObjectApi, token: string, entries: number): Promise<void> {
  for (let start = 0; start < entries; start += 100) {
    const page = Array.from({ length: Math.min(100, entries - start) }, (_, n) => start + n);
    const read = await Promise.all(page.map((n) => call(api, "GET", `kv/${n}`, token)));
    expect(read.map((json) => at(json, "data", "n"))).toEqual(page);
  }
}

describe("concurrent holders", { timeout: LONG_MS }, () => {
  it("two holders who give different shares at once are both counted", async () => {
    const { api, root, shares } = await open(5, 3);
    const start = { secret_shares: 3, secret_threshold: 2 };
    const nonce = textAt(await call(api, "PUT", "sys/rekey/init", root, start), "nonce");
    const progress = await Promise.all([0, 1].map(async (n) => {
      const body = { key: shares[n], nonce };
      return at(await call(api, "PUT", "sys/rekey/update", root, body), "progress");
    }));
    expect(progress.toSorted()).toEqual([1, 2]);
    await api.stop();
  });

  it("of two holders who give the same share at once, one is counted and one refused", async () => {
    const { api, root, shares } = await open(3, 2);
    const start = { secret_shares: 3, secret_threshold: 2 };
    const nonce = textAt(await call(api, "PUT", "sys/rekey/init", root, start), "nonce");
    const body = { key: shares[0], nonce };
    const answers = await Promise.all(
      [1, 2].map(() => api.request("PUT", "/v1/sys/rekey/update", { token: root, body })),
    );
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 400]);
    await api.stop();
  });

  it("concurrent last shares make exactly one set of new shares, which opens the vault", async () => {
    const { api, root, shares } = await open(3, 2);
    const start = { secret_shares: 3, secret_threshold: 2 };
    const nonce = textAt(await call(api, "PUT", "sys/rekey/init", root, start), "nonce");
    await call(api, "PUT", "sys/rekey/update", root, { key: shares[0], nonce });
    const answers = await Promise.all([1, 2].map((n) =>
      api.request("PUT", "/v1/sys/rekey/update", {
        token: root,
        body: { key: shares[n], nonce },
      })
    ));
    const complete = answers.filter((answer) => at(answer.json, "complete") === true);
    expect(complete).toHaveLength(1);
    const fresh = textsAt(complete[0]?.json, "keys");
    await evictAndUnseal(api, fresh.slice(1));
    await rewrapSettled(api, root);
    await api.stop();
  });
});

describe("repeated alarms", { timeout: LONG_MS }, () => {
  it("a rewrap alarm that is delivered twice rewraps and counts each entry once", async () => {
    const api = startObject("shamir");
    const { root, shares } = await initialise(api, 1, 1);
    await unseal(api, shares);
    await mountWrapped(api, root, 1100);
    const start = { secret_shares: 1, secret_threshold: 1 };
    const nonce = textAt(await call(api, "PUT", "sys/rekey/init", root, start), "nonce");
    await call(api, "PUT", "sys/rekey/update", root, { key: shares[0], nonce });
    for (let delivery = 0; delivery < 6; delivery++) await api.deliverAlarm(2);
    const settled = await rewrapSettled(api, root);
    const entries = at(settled.json, "data", "entries");
    // Besides the values: the root key, the keyring and the previous seal keys.
    expect(entries).toEqual({ processed: 1103, succeeded: 1103, failed: 0 });
    expect(at(settled.json, "data", "run", "total")).toBe(1103);
    await api.deliverAlarm(2);
    expect(at((await rewrapSettled(api, root)).json, "data", "entries")).toEqual(entries);
    await expectEntries(api, root, 1100);
    await api.stop();
  });
});

describe("eviction", { timeout: LONG_MS }, () => {
  it("eviction during gathering or verification loses no counted share", async () => {
    const { api, root, shares } = await open(5, 3);
    const start = { secret_shares: 4, secret_threshold: 3, require_verification: true };
    const nonce = textAt(await call(api, "PUT", "sys/rekey/init", root, start), "nonce");
    for (const [n, key] of shares.slice(0, 2).entries()) {
      await call(api, "PUT", "sys/rekey/update", root, { key, nonce });
      await evictAndUnseal(api, shares.slice(2));
      const status = await call(api, "GET", "sys/rekey/init", root);
      expect(status).toMatchObject({ nonce, started: true, progress: n + 1 });
    }
    const done = await call(api, "PUT", "sys/rekey/update", root, { key: shares[4], nonce });
    const fresh = textsAt(done, "keys");
    const verification = textAt(done, "verification_nonce");
    for (const [n, key] of fresh.slice(0, 2).entries()) {
      await call(api, "PUT", "sys/rekey/verify", root, { key, nonce: verification });
      await evictAndUnseal(api, shares.slice(0, 3));
      const status = await call(api, "GET", "sys/rekey/verify", root);
      expect(status).toMatchObject({ nonce: verification, started: true, progress: n + 1 });
    }
    await call(api, "PUT", "sys/rekey/verify", root, { key: fresh[3], nonce: verification });
    await api.restart();
    expect((await unseal(api, shares.slice(0, 3))).status).toBe(400);
    expect((await unseal(api, fresh.slice(1))).json).toMatchObject({ sealed: false });
    await rewrapSettled(api, root);
    await api.stop();
  });

  it("a rewrap goes on by itself after eviction under a static seal", async () => {
    const api = startObject("static");
    const { root } = await initialise(api, 3, 2, "static");
    await mountWrapped(api, root, 1100);
    await api.request("POST", "/v1/sys/sealwrap/rewrap", { token: root });
    await api.restart();
    const settled = await rewrapSettled(api, root);
    expect(at(settled.json, "data", "entries", "failed")).toBe(0);
    await expectEntries(api, root, 1100);
    await api.stop();
  });

  it("a hundred evictions at random points lose no secret, and the shares in force open the vault", async () => {
    const random = seededRandom(20261122);
    const api = startObject("shamir");
    const holders = await initialise(api, 3, 2);
    const { root } = holders;
    let inForce = holders.shares;
    await unseal(api, inForce.slice(0, 2));
    await mountWrapped(api, root, 40);
    let evictions = 0;
    const perhapsEvict = async (shares: readonly string[]): Promise<void> => {
      if (random() < 0.4) return;
      evictions += 1;
      const pending = random() < 0.5 ? api.request("GET", "/v1/kv/1", { token: root }) : null;
      await evictAndUnseal(api, shares.slice(0, 2));
      await pending?.catch(() => null);
    };
    for (let round = 0; evictions < 100; round++) {
      const verified = round % 2 === 0;
      const start = { secret_shares: 3, secret_threshold: 2, require_verification: verified };
      const nonce = textAt(await call(api, "PUT", "sys/rekey/init", root, start), "nonce");
      await perhapsEvict(inForce);
      await call(api, "PUT", "sys/rekey/update", root, { key: inForce[0], nonce });
      await perhapsEvict(inForce);
      const done = await call(api, "PUT", "sys/rekey/update", root, { key: inForce[2], nonce });
      const fresh = textsAt(done, "keys");
      if (verified) {
        const verification = textAt(done, "verification_nonce");
        await perhapsEvict(inForce);
        await call(api, "PUT", "sys/rekey/verify", root, { key: fresh[1], nonce: verification });
        await perhapsEvict(inForce);
        await call(api, "PUT", "sys/rekey/verify", root, { key: fresh[0], nonce: verification });
      }
      inForce = fresh;
      await perhapsEvict(inForce);
      await api.deliverAlarm(1 + Math.floor(random() * 2));
      await perhapsEvict(inForce);
      const settled = await rewrapSettled(api, root);
      expect(at(settled.json, "data", "entries", "failed")).toBe(0);
    }
    await expectEntries(api, root, 40);
    const inventory = await call(api, "GET", "sys/sealwrap/rewrap?inventory=true", root);
    expect(Object.keys(at(inventory, "data", "inventory") as object)).toHaveLength(1);
    await api.stop();
  });
});

/** Mulberry32: the same numbers in every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
