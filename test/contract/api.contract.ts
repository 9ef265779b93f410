/**
 * The contract of the product's API, as one suite for every runtime: it gets a way to start a server
 * and uses only requests that a client could send. Polls where the server works by itself, never waits
 * for a fixed time. Imports nothing of a platform. Other tests take its types and helpers too.
 */

import { describe, expect, it } from "vitest";

export type SealKind = "shamir" | "static";

export interface ApiRequest {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent unchanged, instead of `body`. */
  readonly rawBody?: string | Uint8Array<ArrayBuffer>;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; null for an empty one. */
  readonly json: unknown;
}

/** One server with its own empty storage. `path` begins with "/v1/" and is sent unchanged. */
export interface Api {
  request(method: string, path: string, request?: ApiRequest): Promise<ApiResponse>;
  /** Ends the process (or evicts the object) without warning and starts it on the same storage. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A member of a JSON value, by names and indices; undefined if there is none. */
export function at(json: unknown, ...path: readonly (string | number)[]): unknown {
  let value = json;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      return undefined;
    }
    value = Reflect.get(value, name);
  }
  return value;
}

export function textAt(json: unknown, ...path: readonly (string | number)[]): string {
  const value = at(json, ...path);
  if (typeof value !== "string") throw new Error(`no text at ${path.join(".")}`);
  return value;
}

export function textsAt(json: unknown, ...path: readonly (string | number)[]): readonly string[] {
  const value = at(json, ...path);
  if (!Array.isArray(value)) throw new Error(`no list at ${path.join(".")}`);
  return value.map(String);
}

export const PERMISSION_DENIED = { errors: ["permission denied"] };
export const POLICY_DENIED = { errors: ["1 error occurred:\n\t* permission denied\n\n"] };
export const UNSUPPORTED_OPERATION = {
  errors: ["1 error occurred:\n\t* unsupported operation\n\n"],
};
export const UNSUPPORTED_PATH = { errors: ["1 error occurred:\n\t* unsupported path\n\n"] };

/** A throw-away public key (Ed25519 with a Curve25519 subkey), and its fingerprint. */
export const PGP_PUBLIC_KEY = [
  "mDMEawI5pBYJKwYBBAHaRw8BAQdAhlgtjfBQs9MatYFfPVTXCzQymEjuabFvM6oJMLrm9my0MlRIUk9XLUFXQVkg",
  "VEVTVCBLRVkgZWQyNTUxOSA8ZWQyNTUxOUB0ZXN0LmludmFsaWQ+iJAEExYIADgWIQR6fmu9iRl7CA16R0YwR+mo",
  "W1sUfgUCawI5pAIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRAwR+moW1sUfvtuAP99ulIweBctuUTdGDEM",
  "BwprIFukHd3h8Y170RLEnqsDcAEAgPR2TvOFjhlo/UQ0O0336WaYH/jTo+bdSneDfSQsSgK4OARrAjmkEgorBgEE",
  "AZdVAQUBAQdA1Edj07TmUMDF8d5z465LZNYjxrQINZic4JF1krmM2VcDAQgHiHgEGBYIACAWIQR6fmu9iRl7CA16",
  "R0YwR+moW1sUfgUCawI5pAIbDAAKCRAwR+moW1sUfs68AP0eqBb5xGMFkVR1/Esde2asJ9GRzXyZatZhhT22UW2m",
  "xgEAh4U4F1gZqTLsbVoTRP4emEEaHId+XnkJLlhkbh3rgAs=",
].join("");
export const PGP_FINGERPRINT = "7a7e6bbd89197b080d7a47463047e9a85b5b147e";

/** The root token and shares that init gave out. */
export interface Holders {
  readonly root: string;
  /** Unseal shares, or recovery shares of a static seal. */
  readonly shares: readonly string[];
}

function share(shares: readonly string[], index: number): string {
  const found = shares[index];
  if (found === undefined) throw new Error(`there is no share ${index}`);
  return found;
}

/** The share with another first byte: the right length, but wrong. */
export function spoiled(text: string): string {
  return (text.startsWith("00") ? "ff" : "00") + text.slice(2);
}

export async function initialise(
  api: Api,
  shares: number,
  threshold: number,
  seal: SealKind = "shamir",
): Promise<Holders> {
  const kind = seal === "shamir" ? "secret" : "recovery";
  const body = { [`${kind}_shares`]: shares, [`${kind}_threshold`]: threshold };
  const made = await api.request("PUT", "/v1/sys/init", { body });
  expect(made.status).toBe(200);
  const keys = seal === "shamir" ? "keys" : "recovery_keys";
  return {
    root: textAt(made.json, "root_token"),
    shares: shares === 0 ? [] : textsAt(made.json, keys),
  };
}

/** Submits shares to unseal. Resolves to the last answer. */
export async function unseal(api: Api, shares: readonly string[]): Promise<ApiResponse> {
  let last: ApiResponse | null = null;
  for (const key of shares) last = await api.request("PUT", "/v1/sys/unseal", { body: { key } });
  if (last === null) throw new Error("no share was given");
  return last;
}

export async function initialiseOpen(
  api: Api,
  shares: number,
  threshold: number,
): Promise<Holders> {
  const holders = await initialise(api, shares, threshold);
  const opened = await unseal(api, holders.shares.slice(0, threshold));
  expect(opened.json).toMatchObject({ sealed: false });
  return holders;
}

/** Polls until no rewrap runs. */
export async function rewrapSettled(api: Api, token: string): Promise<ApiResponse> {
  for (let attempt = 0; attempt < 2000; attempt++) {
    const status = await api.request("GET", "/v1/sys/sealwrap/rewrap?detail=true", { token });
    expect(status.status).toBe(200);
    if (at(status.json, "data", "is_running") === false) return status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the rewrap does not end");
}

const LONG_MS = 60_000;

/**
 * `start` gives a new server each time, with the requested seal and `rekey_access` = `token`. A start
 * that supports only Shamir may ignore its argument: the tests of auto-unseal are then skipped with a
 * reason.
 */
export function apiContract(name: string, start: (seal: SealKind) => Promise<Api>): void {
  const withApi = (body: (api: Api) => Promise<void>, seal: SealKind = "shamir") => async () => {
    const api = await start(seal);
    try {
      await body(api);
    } finally {
      await api.stop();
    }
  };

  describe(`${name} keeps the API contract:`, { timeout: LONG_MS }, () => {
    describe("init and unseal", () => initContract(withApi));
    describe("secrets", () => secretsContract(withApi));
    describe("a rekey", () => rekeyContract(withApi));
    describe("verification", () => verificationContract(withApi));
    describe("backups", () => backupContract(withApi));
    describe("recovery shares", () => recoveryContract(start));
    describe("the keyring", () => keyringContract(withApi));
    describe("a rewrap", () => rewrapContract(withApi));
    describe("tokens and policies", () => accessContract(withApi));
    describe("errors", () => errorContract(withApi));
  });
}

type WithApi = (body: (api: Api) => Promise<void>, seal?: SealKind) => () => Promise<void>;

function initContract(withApi: WithApi): void {
  it(
    "init happens once, and a refused init changes nothing",
    withApi(async (api) => {
      const before = await api.request("GET", "/v1/sys/seal-status");
      expect(before.json).toMatchObject({ initialized: false, sealed: true, t: 0, n: 0 });
      expect((await api.request("GET", "/v1/sys/health")).status).toBe(501);
      const bad = { secret_shares: 3, secret_threshold: 5 };
      const refused = await api.request("PUT", "/v1/sys/init", { body: bad });
      expect(refused.status).toBe(400);
      expect(refused.json).toEqual({
        errors: ["invalid seal configuration: threshold cannot be larger than shares"],
      });
      expect((await api.request("GET", "/v1/sys/init")).json).toEqual({ initialized: false });

      const { shares, root } = await initialise(api, 5, 3);
      expect(new Set(shares).size).toBe(5);
      for (const text of shares) expect(text).toMatch(/^[0-9a-f]{66}$/);
      expect(root).toMatch(/^s\.[0-9A-Za-z]{24}$/);
      const again = await api.request("POST", "/v1/sys/init", {
        body: { secret_shares: 1, secret_threshold: 1 },
      });
      expect(again.status).toBe(400);
      expect(again.json).toEqual({ errors: ["Vault is already initialized"] });
      expect(again.headers.get("cache-control")).toBe("no-store");
      expect(again.headers.get("content-type")).toContain("application/json");
    }),
  );

  it(
    "unseal takes any quorum in any order, counts a share once, and resets on a wrong one",
    withApi(async (api) => {
      const { shares } = await initialise(api, 5, 3);
      expect((await unseal(api, [share(shares, 4)])).json).toMatchObject({ progress: 1, t: 3 });
      expect((await unseal(api, [share(shares, 4)])).json).toMatchObject({ progress: 1 });
      const wrong = await unseal(api, [share(shares, 0), spoiled(share(shares, 2))]);
      expect(wrong.status).toBe(400);
      const status = await api.request("GET", "/v1/sys/seal-status");
      expect(status.json).toMatchObject({ sealed: true, progress: 0, nonce: "" });
      await unseal(api, [share(shares, 1)]);
      const reset = await api.request("PUT", "/v1/sys/unseal", { body: { reset: true } });
      expect(reset.json).toMatchObject({ progress: 0, sealed: true });
      const opened = await unseal(api, [share(shares, 3), share(shares, 0), share(shares, 4)]);
      expect(opened.json).toMatchObject({ sealed: false, progress: 0 });
      expect((await api.request("GET", "/v1/sys/health")).status).toBe(200);
    }),
  );

  it(
    "a restart seals the vault and discards the progress of an unseal",
    withApi(async (api) => {
      const { shares, root } = await initialiseOpen(api, 3, 2);
      await api.restart();
      const sealed = await api.request("GET", "/v1/auth/token/lookup-self", { token: root });
      expect(sealed.status).toBe(503);
      expect(sealed.json).toEqual({ errors: ["Vault is sealed"] });
      await unseal(api, [share(shares, 0)]);
      await api.restart();
      const status = await api.request("GET", "/v1/sys/seal-status");
      expect(status.json).toMatchObject({ sealed: true, progress: 0, t: 2, n: 3 });
      expect((await unseal(api, shares.slice(1))).json).toMatchObject({ sealed: false });
    }),
  );
}

/** Mounts kv 1 at `kv/` and kv 2 at `kv2/`, both wrapped, and writes a secret into each. */
async function writeSecrets(api: Api, token: string): Promise<void> {
  const one = { type: "kv", seal_wrap: true };
  expect((await api.request("POST", "/v1/sys/mounts/kv", { token, body: one })).status).toBe(204);
  const two = { type: "kv", seal_wrap: true, options: { version: "2" } };
  expect((await api.request("POST", "/v1/sys/mounts/kv2", { token, body: two })).status).toBe(204);
  const first = await api.request("PUT", "/v1/kv/app/db", {
    token,
    body: { user: "u", pass: "p" },
  });
  expect(first.status).toBe(204);
  const second = { data: { user: "v" }, options: { cas: 0 } };
  const written = await api.request("POST", "/v1/kv2/data/app/db", { token, body: second });
  expect(written.json).toMatchObject({ data: { version: 1 } });
}

async function expectSecrets(api: Api, token: string): Promise<void> {
  const one = await api.request("GET", "/v1/kv/app/db", { token });
  expect(at(one.json, "data")).toEqual({ user: "u", pass: "p" });
  const two = await api.request("GET", "/v1/kv2/data/app/db", { token });
  expect(at(two.json, "data", "data")).toEqual({ user: "v" });
}

function secretsContract(withApi: WithApi): void {
  it(
    "secrets are read, listed, kept through seal and restart, and gone when deleted",
    withApi(async (api) => {
      const { shares, root } = await initialiseOpen(api, 3, 2);
      await writeSecrets(api, root);
      await expectSecrets(api, root);
      expect((await api.request("PUT", "/v1/sys/seal", { token: root })).status).toBe(204);
      expect((await api.request("GET", "/v1/kv/app/db", { token: root })).status).toBe(503);
      await unseal(api, shares.slice(0, 2));
      await expectSecrets(api, root);
      await api.restart();
      await unseal(api, shares.slice(1));
      await expectSecrets(api, root);
      const listed = await api.request("GET", "/v1/kv/?list=true", { token: root });
      expect(at(listed.json, "data", "keys")).toEqual(["app/"]);
      expect((await api.request("DELETE", "/v1/kv/app/db", { token: root })).status).toBe(204);
      const missing = await api.request("GET", "/v1/kv/app/db", { token: root });
      expect(missing.status).toBe(404);
      expect(missing.json).toEqual({ errors: [] });
    }),
  );
}

interface Family {
  readonly name: string;
  readonly prefix: string;
  /** The members of an answer, without its envelope if it has one. */
  readonly body: (json: unknown) => unknown;
  readonly inProgress: string;
  readonly duplicate: string;
}

export const REKEY: Family = {
  name: "the legacy family",
  prefix: "/v1/sys/rekey",
  body: (json) => json,
  inProgress: "rekey already in progress",
  duplicate: "given key has already been provided during this generation operation",
};
export const ROTATE: Family = {
  name: "the rotate family",
  prefix: "/v1/sys/rotate/root",
  body: (json) => at(json, "data"),
  inProgress: "rotation already in progress",
  duplicate: "given key has already been provided during this rotation",
};

function rekeyContract(withApi: WithApi): void {
  for (const [family, other] of [[REKEY, ROTATE], [ROTATE, REKEY]] as const) {
    it(
      `a rekey through ${family.name} survives restart, wrong and repeated shares, second start`,
      withApi((api) => rekeyThrough(api, family, other)),
    );
  }

  it(
    "a cancelled rekey leaves the old shares in force",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 3, 2);
      const body = { secret_shares: 1, secret_threshold: 1 };
      const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
      const nonce = textAt(started.json, "nonce");
      const given = { key: share(shares, 0), nonce };
      await api.request("PUT", "/v1/sys/rekey/update", { token, body: given });
      const cancelled = await api.request("DELETE", "/v1/sys/rekey/init", { token });
      expect(cancelled.status).toBe(204);
      expect(cancelled.text).toBe("");
      const late = await api.request("PUT", "/v1/sys/rekey/update", {
        token,
        body: { key: share(shares, 1), nonce },
      });
      expect(late.json).toEqual({ errors: ["no barrier rekey in progress"] });
      await api.request("PUT", "/v1/sys/seal", { token });
      expect((await unseal(api, shares.slice(1))).json).toMatchObject({ sealed: false });
    }),
  );

  it(
    "a rekey ends when the vault is sealed by request",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 3, 2);
      const body = { secret_shares: 1, secret_threshold: 1 };
      await api.request("PUT", "/v1/sys/rekey/init", { token, body });
      await api.request("PUT", "/v1/sys/seal", { token });
      await unseal(api, shares.slice(1));
      const status = await api.request("GET", "/v1/sys/rekey/init", { token });
      expect(status.json).toMatchObject({ started: false, nonce: "", progress: 0 });
    }),
  );
}

async function rekeyThrough(api: Api, family: Family, other: Family): Promise<void> {
  const { shares, root: token } = await initialiseOpen(api, 3, 2);
  await writeSecrets(api, token);
  const start = (at: Family) =>
    api.request("PUT", `${at.prefix}/init`, {
      token,
      body: { secret_shares: 5, secret_threshold: 3 },
    });
  const give = (at: Family, key: string, nonce: string) =>
    api.request("PUT", `${at.prefix}/update`, { token, body: { key, nonce } });

  const nonce = textAt(family.body((await start(family)).json), "nonce");
  expect((await start(family)).json).toEqual({ errors: [family.inProgress] });
  expect((await start(other)).json).toEqual({ errors: [other.inProgress] });
  const first = await give(family, share(shares, 0), nonce);
  expect(family.body(first.json)).toMatchObject({ started: true, progress: 1, required: 2 });
  expect((await give(family, share(shares, 0), nonce)).json).toEqual({
    errors: [family.duplicate],
  });
  const wrong = await give(family, spoiled(share(shares, 1)), nonce);
  expect(wrong.status).toBe(400);
  expect(wrong.json).toEqual({ errors: ["given key is not one of the current key shares"] });
  const astray = await give(family, share(shares, 1), "00000000-0000-0000-0000-000000000000");
  expect(astray.status).toBe(400);

  await api.restart();
  await unseal(api, shares.slice(1));
  const status = await api.request("GET", `${other.prefix}/init`, { token });
  expect(other.body(status.json)).toMatchObject({ started: true, progress: 1, nonce, n: 5, t: 3 });
  const done = await give(other, share(shares, 2), nonce);
  const result = other.body(done.json);
  expect(result).toMatchObject({ complete: true, nonce, verification_required: false });
  const fresh = textsAt(result, "keys");
  expect(fresh).toHaveLength(5);

  await expectSecrets(api, token);
  await rewrapSettled(api, token);
  await api.restart();
  const old = await unseal(api, [...shares]);
  expect(old.status).toBe(400);
  expect((await unseal(api, fresh.slice(2))).json).toMatchObject({ sealed: false, t: 3, n: 5 });
  await expectSecrets(api, token);
}

function verificationContract(withApi: WithApi): void {
  it(
    "new shares are in force only after a quorum verified them, also over a restart",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 2, 2);
      await writeSecrets(api, token);
      const pending = await startVerified(api, token, shares);
      const verify = (key: string, nonce: string) =>
        api.request("PUT", "/v1/sys/rekey/verify", { token, body: { key, nonce } });
      const early = await api.request("PUT", "/v1/sys/rekey/update", {
        token,
        body: { key: share(shares, 0), nonce: pending.nonce },
      });
      expect(early.status).toBe(400);
      expect(textAt(early.json, "errors", 0)).toContain("rekey operation already finished");
      const old = await verify(share(shares, 0), pending.verification);
      expect(old.json).toEqual({ errors: ["given key is not one of the new key shares"] });
      expect((await verify(share(pending.shares, 0), pending.verification)).json).toEqual({
        nonce: pending.verification,
        started: true,
        t: 2,
        n: 3,
        progress: 1,
      });

      await api.restart();
      await unseal(api, shares);
      const path = "/v1/sys/rekey/verify";
      const kept = await api.request("GET", path, { token });
      expect(kept.json).toMatchObject({ nonce: pending.verification, progress: 1, started: true });
      const renewed = await api.request("DELETE", path, { token });
      const second = textAt(renewed.json, "nonce");
      expect(second).not.toBe(pending.verification);
      expect(renewed.json).toMatchObject({ progress: 0, started: true });
      expect((await verify(share(pending.shares, 0), pending.verification)).status).toBe(400);
      await verify(share(pending.shares, 2), second);
      const twice = await verify(share(pending.shares, 2), second);
      expect(twice.json).toEqual({
        errors: ["given key has already been provided during this verify operation"],
      });
      const done = await verify(share(pending.shares, 1), second);
      expect(done.json).toEqual({ nonce: second, complete: true });

      await api.restart();
      expect((await unseal(api, shares)).status).toBe(400);
      expect((await unseal(api, pending.shares.slice(0, 2))).json).toMatchObject({ sealed: false });
      await expectSecrets(api, token);
    }),
  );

  it(
    "a cancelled verification makes the new shares worthless",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 2, 2);
      const pending = await startVerified(api, token, shares);
      expect((await api.request("DELETE", "/v1/sys/rotate/root/init", { token })).status).toBe(204);
      const status = await api.request("GET", "/v1/sys/rekey/init", { token });
      expect(status.json).toMatchObject({ started: false });
      await api.request("PUT", "/v1/sys/seal", { token });
      expect((await unseal(api, pending.shares.slice(0, 2))).status).toBe(400);
      expect((await unseal(api, shares)).json).toMatchObject({ sealed: false });
    }),
  );
}

async function startVerified(api: Api, token: string, shares: readonly string[]) {
  const body = { secret_shares: 3, secret_threshold: 2, require_verification: true };
  const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
  const nonce = textAt(started.json, "nonce");
  let last: unknown = null;
  for (const key of shares) {
    const given = await api.request("PUT", "/v1/sys/rekey/update", { token, body: { key, nonce } });
    last = given.json;
  }
  expect(last).toMatchObject({ complete: true, verification_required: true });
  return {
    nonce,
    verification: textAt(last, "verification_nonce"),
    shares: textsAt(last, "keys"),
  };
}

function backupContract(withApi: WithApi): void {
  it(
    "the backup of a rekey in verification is served, and dropped when it is cancelled",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 1, 1);
      const path = "/v1/sys/rekey/backup";
      const none = await api.request("GET", path, { token });
      expect([none.status, none.json]).toEqual([400, { errors: ["no backed-up keys found"] }]);
      const body = {
        secret_shares: 2,
        secret_threshold: 2,
        pgp_keys: [PGP_PUBLIC_KEY, PGP_PUBLIC_KEY],
        backup: true,
        require_verification: true,
      };
      const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
      const nonce = textAt(started.json, "nonce");
      expect(at(started.json, "pgp_fingerprints")).toEqual([PGP_FINGERPRINT, PGP_FINGERPRINT]);
      const done = await api.request("PUT", "/v1/sys/rekey/update", {
        token,
        body: { key: share(shares, 0), nonce },
      });
      const keys = { [PGP_FINGERPRINT]: textsAt(done.json, "keys") };
      await api.restart();
      await unseal(api, shares);
      expect((await api.request("GET", path, { token })).json).toMatchObject({ nonce, keys });
      await api.request("DELETE", "/v1/sys/rekey/init", { token });
      expect((await api.request("GET", path, { token })).json).toEqual(none.json);
    }),
  );

  it(
    "a backup is served in and beside the envelope, and deleted for both families at once",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 1, 1);
      const start = { secret_shares: 1, secret_threshold: 1, pgp_keys: [PGP_PUBLIC_KEY] };
      const path = "/v1/sys/rotate/root/init";
      const body = { ...start, backup: true };
      const started = await api.request("PUT", path, { token, body });
      const nonce = textAt(started.json, "data", "nonce");
      const done = await api.request("PUT", "/v1/sys/rotate/root/update", {
        token,
        body: { key: share(shares, 0), nonce },
      });
      const keys = { [PGP_FINGERPRINT]: textsAt(done.json, "data", "keys") };
      const base64 = { [PGP_FINGERPRINT]: textsAt(done.json, "data", "keys_base64") };
      for (const from of ["/v1/sys/rekey/backup", "/v1/sys/rotate/root/backup"]) {
        const read = await api.request("GET", from, { token });
        expect(read.json).toMatchObject({ nonce, keys, keys_base64: base64 });
        expect(at(read.json, "data")).toEqual({ nonce, keys, keys_base64: base64 });
      }
      expect((await api.request("DELETE", "/v1/sys/rekey/backup", { token })).status).toBe(204);
      const gone = await api.request("GET", "/v1/sys/rotate/root/backup", { token });
      expect(gone.json).toEqual({ errors: ["no backed-up keys found"] });
    }),
  );
}

function recoveryContract(start: (seal: SealKind) => Promise<Api>): void {
  it("recovery shares are rekeyed through either family and authorise a rekey", async (context) => {
    const api = await start("static");
    try {
      const status = await api.request("GET", "/v1/sys/seal-status");
      if (at(status.json, "type") !== "static") {
        context.skip("this runner starts no static seal");
      }
      await rekeyRecovery(api);
    } finally {
      await api.stop();
    }
  });

  it("recovery shares cannot be rekeyed with a Shamir seal", async () => {
    const api = await start("shamir");
    try {
      const { root: token } = await initialiseOpen(api, 1, 1);
      const legacy = await api.request("GET", "/v1/sys/rekey-recovery-key/init", { token });
      expect(legacy.json).toEqual({ errors: ["recovery rekeying not supported"] });
      const body = { secret_shares: 1, secret_threshold: 1 };
      const twin = await api.request("PUT", "/v1/sys/rotate/recovery/init", { token, body });
      expect(twin.json).toEqual({ errors: ["recovery keys not supported"] });
    } finally {
      await api.stop();
    }
  });
}

async function rekeyRecovery(api: Api): Promise<void> {
  const { shares, root: token } = await initialise(api, 3, 2, "static");
  await writeSecrets(api, token);
  const started = await api.request("PUT", "/v1/sys/rekey-recovery-key/init", {
    token,
    body: { secret_shares: 2, secret_threshold: 2 },
  });
  const nonce = textAt(started.json, "nonce");
  const first = { key: share(shares, 0), nonce };
  await api.request("PUT", "/v1/sys/rekey-recovery-key/update", { token, body: first });
  await api.restart();
  await expectSecrets(api, token);
  const path = "/v1/sys/rotate/recovery/update";
  const twice = await api.request("PUT", path, { token, body: first });
  expect(twice.json).toEqual({
    errors: ["given key has already been provided during this rotation"],
  });
  const second = { key: share(shares, 2), nonce };
  const done = await api.request("PUT", path, { token, body: second });
  const fresh = textsAt(done.json, "data", "keys");
  expect(fresh).toHaveLength(2);

  const barrier = await api.request("PUT", "/v1/sys/rekey/init", {
    token,
    body: { secret_shares: 5, secret_threshold: 3 },
  });
  expect(barrier.json).toMatchObject({ t: 1, n: 1, required: 2 });
  const barrierNonce = textAt(barrier.json, "nonce");
  const give = (key: string) =>
    api.request("PUT", "/v1/sys/rekey/update", { token, body: { key, nonce: barrierNonce } });
  expect((await give(share(shares, 1))).json).toEqual({
    errors: ["given key is not one of the current key shares"],
  });
  await give(share(fresh, 0));
  const rekeyed = await give(share(fresh, 1));
  expect(rekeyed.json).toMatchObject({ complete: true, keys: [], keys_base64: [] });
  await api.restart();
  const status = await api.request("GET", "/v1/sys/seal-status");
  expect(status.json).toMatchObject({ sealed: false, t: 2, n: 2, recovery_seal: true });
  await expectSecrets(api, token);
}

function keyringContract(withApi: WithApi): void {
  it(
    "new terms and a new root key leave secrets and shares as they were",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 2, 2);
      await writeSecrets(api, token);
      expect((await api.request("PUT", "/v1/sys/rotate", { token })).status).toBe(204);
      expect((await api.request("POST", "/v1/sys/rotate/keyring", { token })).status).toBe(204);
      expect((await api.request("PUT", "/v1/sys/rotate/root", { token })).status).toBe(204);
      const status = await api.request("GET", "/v1/sys/key-status", { token });
      expect(status.json).toMatchObject({ term: 3, data: { term: 3 } });
      const body = { interval: "48h", max_operations: 2_000_000 };
      const set = await api.request("PUT", "/v1/sys/rotate/config", { token, body });
      expect(set.status).toBe(204);
      const config = await api.request("GET", "/v1/sys/rotate/keyring/config", { token });
      expect(at(config.json, "data")).toEqual({
        enabled: true,
        interval: "48h0m0s",
        max_operations: 2_000_000,
      });
      await api.restart();
      expect((await unseal(api, shares)).json).toMatchObject({ sealed: false });
      await expectSecrets(api, token);
    }),
  );
}

function rewrapContract(withApi: WithApi): void {
  it(
    "a rekey starts a rewrap, which leaves one key in the inventory",
    withApi(async (api) => {
      const { shares, root: token } = await initialiseOpen(api, 1, 1);
      await writeSecrets(api, token);
      const never = await api.request("GET", "/v1/sys/sealwrap/rewrap", { token });
      expect(at(never.json, "data")).toEqual({
        entries: { processed: 0, succeeded: 0, failed: 0 },
        is_running: false,
      });
      const body = { secret_shares: 1, secret_threshold: 1 };
      const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
      await api.request("PUT", "/v1/sys/rekey/update", {
        token,
        body: { key: share(shares, 0), nonce: textAt(started.json, "nonce") },
      });
      const run = await rewrapSettled(api, token);
      expect(at(run.json, "data", "run")).toMatchObject({ reason: "rekey", result: "completed" });
      const path = "/v1/sys/sealwrap/rewrap?inventory=true";
      const inventory = at((await api.request("GET", path, { token })).json, "data", "inventory");
      expect(Object.keys(Object(inventory))).toHaveLength(1);
      await expectSecrets(api, token);
    }),
  );

  it(
    "concurrent requests start one rewrap",
    withApi(async (api) => {
      const { root: token } = await initialiseOpen(api, 1, 1);
      await writeSecrets(api, token);
      const path = "/v1/sys/sealwrap/rewrap";
      let running: ApiResponse | undefined;
      for (let round = 0; round < 20 && running === undefined; round++) {
        const answers = await Promise.all(
          Array.from({ length: 8 }, () => api.request("POST", path, { token })),
        );
        for (const { status } of answers) expect([200, 204]).toContain(status);
        expect(answers.some(({ status }) => status === 204)).toBe(true);
        running = answers.find(({ status }) => status === 200);
        await rewrapSettled(api, token);
      }
      expect(running?.json).toMatchObject({
        data: { is_running: true },
        warnings: ["rewrap already running"],
      });
      const status = await rewrapSettled(api, token);
      const entries = at(status.json, "data", "entries");
      expect(at(entries, "failed")).toBe(0);
      expect(at(entries, "processed")).toBe(at(entries, "succeeded"));
      expect(at(entries, "processed")).toBeGreaterThanOrEqual(2);
      const detail = textAt(status.json, "data", "run", "result");
      expect(detail).toBe("completed");
      await api.restart();
      expect((await api.request("GET", path, { token })).status).toBe(503);
    }),
  );

  it(
    "DELETE cancels a rewrap, and succeeds if none is running",
    withApi(async (api) => {
      const { root: token } = await initialiseOpen(api, 1, 1);
      const path = "/v1/sys/sealwrap/rewrap";
      expect((await api.request("DELETE", path, { token })).status).toBe(204);
      await api.request("POST", path, { token });
      expect((await api.request("DELETE", path, { token })).status).toBe(204);
      const status = await api.request("GET", path, { token });
      expect(at(status.json, "data", "is_running")).toBe(false);
    }),
  );
}

function accessContract(withApi: WithApi): void {
  it(
    "a token may do what its policy grants, and nothing once it is revoked",
    withApi(async (api) => {
      const { shares, root } = await initialiseOpen(api, 1, 1);
      await writeSecrets(api, root);
      const policy = 'path "kv/app/*" { capabilities = ["read"] }';
      const stored = await api.request("PUT", "/v1/sys/policies/acl/reader", {
        token: root,
        body: { policy },
      });
      expect(stored.status).toBe(204);
      const created = await api.request("POST", "/v1/auth/token/create", {
        token: root,
        body: { policies: ["reader"], ttl: "1h" },
      });
      const token = textAt(created.json, "auth", "client_token");
      expect(at(created.json, "auth", "policies")).toEqual(["default", "reader"]);
      expect((await api.request("GET", "/v1/kv/app/db", { token })).status).toBe(200);
      const write = await api.request("PUT", "/v1/kv/app/db", { token, body: { x: 1 } });
      expect(write.status).toBe(403);
      expect(write.json).toEqual(POLICY_DENIED);
      await api.restart();
      await unseal(api, shares);
      const bearer = { Authorization: `Bearer ${token}` };
      const self = await api.request("GET", "/v1/auth/token/lookup-self", { headers: bearer });
      expect(at(self.json, "data", "policies")).toEqual(["default", "reader"]);
      const revoked = await api.request("PUT", "/v1/auth/token/revoke-self", { token });
      expect(revoked.status).toBe(204);
      const late = await api.request("GET", "/v1/kv/app/db", { token });
      expect(late.status).toBe(403);
      expect(late.json).toEqual(PERMISSION_DENIED);
    }),
  );

  it(
    "the ceremonies of both families need a token and a policy",
    withApi(async (api) => {
      const { root } = await initialiseOpen(api, 1, 1);
      const created = await api.request("POST", "/v1/auth/token/create", {
        token: root,
        body: { policies: ["default"] },
      });
      const plain = textAt(created.json, "auth", "client_token");
      const body = { secret_shares: 1, secret_threshold: 1 };
      for (const path of ["/v1/sys/rekey/init", "/v1/sys/rotate/root/init"]) {
        const anonymous = await api.request("PUT", path, { body });
        expect([anonymous.status, anonymous.json]).toEqual([403, PERMISSION_DENIED]);
        const denied = await api.request("PUT", path, { token: plain, body });
        expect([denied.status, denied.json]).toEqual([403, POLICY_DENIED]);
      }
      const status = await api.request("GET", "/v1/sys/rekey/init", { token: root });
      expect(status.json).toMatchObject({ started: false });
    }),
  );
}

function errorContract(withApi: WithApi): void {
  it(
    "all errors have one shape",
    withApi(async (api) => {
      const { root: token } = await initialiseOpen(api, 1, 1);
      const malformed = await api.request("PUT", "/v1/sys/rekey/init", { token, rawBody: '{"a":' });
      expect(malformed.status).toBe(400);
      expect(textAt(malformed.json, "errors", 0)).toMatch(/^failed to decode JSON input: /);
      const unknown = await api.request("GET", "/v1/sys/nothing", { token });
      expect([unknown.status, unknown.json]).toEqual([404, UNSUPPORTED_PATH]);
      const route = await api.request("GET", "/v1/nothing", { token });
      expect(route.json).toEqual({
        errors: ['no handler for route "nothing". route entry not found.'],
      });
      const method = await api.request("DELETE", "/v1/sys/rekey/update", { token });
      expect([method.status, method.json]).toEqual([405, { errors: [] }]);
      const twin = await api.request("DELETE", "/v1/sys/rotate/root/update", { token });
      expect([twin.status, twin.json]).toEqual([405, UNSUPPORTED_OPERATION]);
    }),
  );
}
