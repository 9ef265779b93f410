/** Answers of ceremonies in cases that no recorded transcript covers. */

import { describe, expect, it } from "vitest";
import { CEREMONY_TTL_MS } from "../../../../src/limits.ts";
import {
  type ApiResponse,
  at,
  initialise,
  initialiseOpen,
  PGP_FINGERPRINT,
  PGP_PUBLIC_KEY,
  REKEY,
  ROTATE,
  textAt,
  textsAt,
  unseal,
} from "../../../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi, STATIC_SEAL } from "../../memory_api.ts";
import { prepare, type Stage } from "../../stages.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function send(stage: Stage, method: string, path: string, body?: unknown): Promise<ApiResponse> {
  const { api, token } = stage;
  return api.request(method, `/v1/${path}`, body === undefined ? { token } : { token, body });
}

async function errorOf(answer: Promise<ApiResponse>): Promise<string> {
  const { status, json } = await answer;
  expect(status).toBe(400);
  return textAt(json, "errors", 0);
}

async function unsealedVault(shares = 1, threshold = 1): Promise<Stage> {
  const api = await startMemoryApi();
  const holders = await initialiseOpen(api, shares, threshold);
  return { api, token: holders.root, shares: holders.shares, ...NO_ATTEMPT };
}

async function staticVault(shares: number, threshold: number): Promise<Stage> {
  const api = await startMemoryApi({ seal: STATIC_SEAL });
  const holders = await initialise(api, shares, threshold, "static");
  return { api, token: holders.root, shares: holders.shares, ...NO_ATTEMPT };
}

const NO_ATTEMPT = { nonce: "", newShares: [], verification: "" };
const ONE = { secret_shares: 1, secret_threshold: 1 };

async function start(stage: Stage, body: object, path = "sys/rekey/init"): Promise<string> {
  const started = await send(stage, "PUT", path, body);
  expect(started.status).toBe(200);
  return textAt(path.startsWith("sys/rekey") ? started.json : at(started.json, "data"), "nonce");
}

describe("starts", () => {
  it("rekey reports a bad parameter before a running attempt, rotate after it", async () => {
    for (const name of ["gathering", "verifying"] as const) {
      const stage = await prepare(name);
      const bad = { secret_shares: 3, secret_threshold: 5 };
      expect(await errorOf(send(stage, "PUT", "sys/rekey/init", bad)))
        .toBe("invalid rekey seal configuration: threshold cannot be larger than shares");
      expect(await errorOf(send(stage, "PUT", "sys/rekey/init", ONE)))
        .toBe("rekey already in progress");
      expect(await errorOf(send(stage, "PUT", "sys/rotate/root/init", bad)))
        .toBe("rotation already in progress");
    }
  });

  it("both families report bad recovery counts with the same error", async () => {
    const stage = await prepare("static");
    const bad = { secret_shares: 3, secret_threshold: 5 };
    const wanted = "invalid recovery configuration: threshold cannot be larger than shares";
    for (const path of ["sys/rekey-recovery-key/init", "sys/rotate/recovery/init"]) {
      expect(await errorOf(send(stage, "PUT", path, bad))).toBe(wanted);
    }
  });

  it("the legacy family matches field names in any case and ignores unknown ones", async () => {
    const stage = await unsealedVault();
    const body = { SECRET_SHARES: 2, Secret_Threshold: 2, stored_shares: "x", other: [1] };
    const nonce = await start(stage, body);
    const given = { Key: stage.shares[0], NONCE: nonce };
    const done = await send(stage, "PUT", "sys/rekey/update", given);
    expect(done.json).toMatchObject({ complete: true, nonce });
    expect(textsAt(done.json, "keys")).toHaveLength(2);
  });

  it("only the rotate family takes numbers and booleans as text", async () => {
    const stage = await unsealedVault();
    const body = { secret_shares: "3", secret_threshold: "2", require_verification: "true" };
    const path = "sys/rotate/root/init";
    expect((await send(stage, "PUT", path, body)).json).toMatchObject({
      data: { n: 3, t: 2, verification_required: true, verification_nonce: "" },
    });
    await send(stage, "DELETE", path);
    expect(await errorOf(send(stage, "PUT", "sys/rekey/init", body)))
      .toMatch(/^failed to decode JSON input: /);
  });

  it("an attempt has exactly the recorded members, and more only with detail", async () => {
    const stage = await unsealedVault(3, 2);
    const { api, token } = stage;
    const legacy = [
      "nonce",
      "started",
      "t",
      "n",
      "progress",
      "required",
      "pgp_fingerprints",
      "backup",
      "verification_required",
    ];
    const rotate = ["n", "required", "started", "t"];
    const members = async (path: string, data = false) => {
      const { json } = await api.request("GET", path, { token });
      return Object.keys(Object(data ? at(json, "data") : json)).sort();
    };
    expect(await members("/v1/sys/rekey/init")).toEqual(legacy.toSorted());
    expect(await members("/v1/sys/rotate/root/init", true)).toEqual(rotate);
    await start(stage, { secret_shares: 5, secret_threshold: 3, require_verification: true });
    expect(await members("/v1/sys/rekey/init")).toEqual(legacy.toSorted());
    const started = [...rotate, "nonce", "progress", "verification_nonce", "verification_required"];
    expect(await members("/v1/sys/rotate/root/init", true)).toEqual(started.toSorted());
    const detail = await send(stage, "GET", "sys/rekey/init?detail=true");
    const self = await send(stage, "GET", "auth/token/lookup-self");
    expect(detail.json).toMatchObject({
      started_by: textAt(self.json, "data", "accessor"),
      started_at: new Date(api.clock.nowMs).toISOString(),
    });
    expect(textAt(detail.json, "params_digest")).toMatch(/^[0-9a-f]{64}$/);
  });

  it("a rekey can make 255 shares", async () => {
    const stage = await unsealedVault();
    const nonce = await start(stage, { secret_shares: 255, secret_threshold: 128 });
    const done = await send(stage, "PUT", "sys/rekey/update", { key: stage.shares[0], nonce });
    const fresh = textsAt(done.json, "keys");
    expect(new Set(fresh).size).toBe(255);
    await send(stage, "PUT", "sys/seal");
    const opened = await unseal(stage.api, fresh.slice(100, 228));
    expect(opened.json).toMatchObject({ sealed: false, t: 128, n: 255 });
  });
});

describe("shares", () => {
  it("a share is checked in the documented order", async () => {
    const idle = await unsealedVault(3, 2);
    const key = idle.shares[0];
    const update = (stage: Stage, body: object) => errorOf(send(stage, "PUT", UPDATE, body));
    expect(await update(idle, { key: "" })).toMatch(/^'key' must be specified/);
    expect(await update(idle, { key: "zz" })).toMatch(/^'key' must be a valid hex/);
    expect(await update(idle, { key: "abcd" })).toBe("key is shorter than minimum 16 bytes");
    expect(await update(idle, { key, nonce: "x" })).toBe("no barrier rekey in progress");
    const verifying = await prepare("verifying");
    expect(await update(verifying, { key, nonce: "x" })).toBe(
      "rekey operation already finished; verification must be performed; nonce for the " +
        `verification operation is "${verifying.verification}"`,
    );
    const gathering = await prepare("gathering");
    const wrongNonce = `incorrect nonce supplied; nonce for this rekey operation is ` +
      `"${gathering.nonce}"`;
    const [first] = gathering.shares;
    expect(await update(gathering, { key: first, nonce: "x" })).toBe(wrongNonce);
    expect(await update(gathering, { key: first, nonce: gathering.nonce })).toBe(
      "given key has already been provided during this generation operation",
    );
    const upper = first?.toUpperCase();
    expect(await update(gathering, { key: upper, nonce: gathering.nonce })).toBe(
      "given key has already been provided during this generation operation",
    );
    expect(await update(gathering, { key: "ab".repeat(33), nonce: gathering.nonce })).toBe(
      "given key is not one of the current key shares",
    );
    const status = await send(gathering, "GET", "sys/rekey/init");
    expect(status.json).toMatchObject({ progress: 1, nonce: gathering.nonce });
  });

  it("each family has its own error for a repeated recovery share", async () => {
    const stage = await prepare("static-gathering");
    const body = { key: stage.shares[0], nonce: stage.nonce };
    expect(await errorOf(send(stage, "PUT", "sys/rekey-recovery-key/update", body)))
      .toBe("given key has already been provided during this rekey operation");
    expect(await errorOf(send(stage, "PUT", "sys/rotate/recovery/update", body)))
      .toBe("given key has already been provided during this rotation");
  });

  it("a share of another length or another vault is refused at once", async () => {
    const stage = await prepare("gathering");
    const [, second = ""] = stage.shares;
    const other = await unsealedVault(3, 2);
    for (const key of [second.slice(2), second.slice(0, 32), other.shares[1]]) {
      expect(await errorOf(send(stage, "PUT", UPDATE, { key, nonce: stage.nonce })))
        .toBe("given key is not one of the current key shares");
    }
    const body = { key: second, nonce: stage.nonce };
    expect((await send(stage, "PUT", UPDATE, body)).json).toMatchObject({ complete: true });
  });

  it("a share is refused if its params_digest does not match the attempt", async () => {
    const stage = await unsealedVault(2, 2);
    const nonce = await start(stage, { secret_shares: 3, secret_threshold: 2 });
    const { json } = await send(stage, "GET", "sys/rekey/init?detail=true");
    const digest = textAt(json, "params_digest");
    const [key] = stage.shares;
    for (const family of [REKEY, ROTATE]) {
      const path = `${family.prefix.slice("/v1/".length)}/update`;
      const other = { key, nonce, params_digest: "0".repeat(64) };
      expect(await errorOf(send(stage, "PUT", path, other)))
        .toBe("the parameters of this operation are not those of params_digest");
    }
    await send(stage, "DELETE", "sys/rekey/init");
    const again = await start(stage, { secret_shares: 9, secret_threshold: 2 });
    const swapped = { key, nonce: again, params_digest: digest };
    expect((await send(stage, "PUT", UPDATE, swapped)).status).toBe(400);
    const honest = await send(stage, "GET", "sys/rekey/init?detail=true");
    const seen = { key, nonce: again, params_digest: textAt(honest.json, "params_digest") };
    expect((await send(stage, "PUT", UPDATE, seen)).json).toMatchObject({ progress: 1 });
  });
});

const UPDATE = "sys/rekey/update";
const VERIFY = "sys/rekey/verify";

describe("verification", () => {
  it("verification has a status before it begins, and DELETE gives it a nonce", async () => {
    const stage = await prepare("gathering");
    const early = { nonce: "", started: false, t: 2, n: 3, progress: 0 };
    expect((await send(stage, "GET", VERIFY)).json).toEqual(early);
    const proof = { key: stage.shares[1], nonce: "x" };
    expect(await errorOf(send(stage, "PUT", VERIFY, proof)))
      .toBe("no rekey verification in progress");
    expect(await errorOf(send(stage, "PUT", "sys/rotate/root/verify", proof)))
      .toBe("no rotation verification in progress");
    const made = await send(stage, "DELETE", VERIFY);
    expect(made.status).toBe(200);
    expect(made.json).toMatchObject({ ...early, nonce: expect.stringMatching(UUID) });
    const status = await send(stage, "GET", "sys/rekey/init");
    expect(status.json).toMatchObject({ started: true, progress: 1, nonce: stage.nonce });
  });

  it("verification counts a share once across both families", async () => {
    const stage = await prepare("verifying");
    const body = { key: stage.newShares[0], nonce: stage.verification };
    const wanted = "given key has already been provided during this verify operation";
    expect(await errorOf(send(stage, "PUT", VERIFY, body))).toBe(wanted);
    expect(await errorOf(send(stage, "PUT", "sys/rotate/root/verify", body))).toBe(wanted);
    expect((await send(stage, "GET", VERIFY)).json).toEqual({
      nonce: stage.verification,
      started: true,
      t: 2,
      n: 3,
      progress: 1,
    });
  });

  it("verify_all asks for every new share", async () => {
    const stage = await unsealedVault();
    const nonce = await start(stage, { secret_shares: 4, secret_threshold: 2, verify_all: true });
    const given = await send(stage, "PUT", UPDATE, { key: stage.shares[0], nonce });
    expect(given.json).toMatchObject({ verification_required: true });
    const verification = textAt(given.json, "verification_nonce");
    const fresh = textsAt(given.json, "keys");
    const verify = (key: string | undefined) =>
      send(stage, "PUT", VERIFY, { key, nonce: verification });
    for (const [index, key] of fresh.slice(0, 3).entries()) {
      expect((await verify(key)).json).toMatchObject({ progress: index + 1, started: true });
    }
    expect((await verify(fresh[3])).json).toEqual({ nonce: verification, complete: true });
  });

  it("verification takes the decrypted share, not the PGP message", async () => {
    const stage = await unsealedVault();
    const body = { ...ONE, pgp_keys: [PGP_PUBLIC_KEY], require_verification: true };
    const nonce = await start(stage, body);
    const given = await send(stage, "PUT", UPDATE, { key: stage.shares[0], nonce });
    const verification = textAt(given.json, "verification_nonce");
    const submit = (name: string) =>
      errorOf(send(stage, "PUT", VERIFY, { key: at(given.json, name, 0), nonce: verification }));
    expect(await submit("keys_base64")).toBe("key is longer than maximum 33 bytes");
    // This hex text is also valid base64 if its length is a multiple of four.
    expect(await submit("keys")).toMatch(/^(key is longer|'key' must be a valid hex or base64)/);
  });

  it("recovery shares can be verified through the other family", async () => {
    const stage = await prepare("static-verifying");
    const body = { key: stage.newShares[2], nonce: stage.verification };
    const done = await send(stage, "PUT", "sys/rotate/recovery/verify", body);
    expect(at(done.json, "data")).toEqual({ nonce: stage.verification, complete: true });
    const status = await send(stage, "GET", "sys/rekey-recovery-key/init");
    expect(status.json).toMatchObject({ started: false, required: 2 });
  });
});

describe("expired attempts", () => {
  for (const name of ["gathering", "verifying"] as const) {
    it(`an attempt that expires while ${name} is gone, and another can begin`, async () => {
      const stage = await prepare(name);
      stage.api.clock.nowMs += CEREMONY_TTL_MS - 1;
      expect((await send(stage, "GET", "sys/rekey/init")).json).toMatchObject({ started: true });
      stage.api.clock.nowMs += 1;
      expect((await send(stage, "GET", "sys/rekey/init")).json).toMatchObject({ started: false });
      const late = { key: stage.shares[1], nonce: stage.nonce };
      expect(await errorOf(send(stage, "PUT", UPDATE, late))).toBe("no barrier rekey in progress");
      await stage.api.fire();
      expect((await send(stage, "PUT", "sys/rekey/init", ONE)).json).toMatchObject({ progress: 0 });
    });
  }
});

describe("backups", () => {
  async function backedUp(): Promise<{ stage: Stage; first: ApiResponse }> {
    // Only the private key opens the new share, so the test keeps the old shares in force.
    const stage = await staticVault(1, 1);
    const path = "sys/rekey-recovery-key";
    const body = { ...ONE, pgp_keys: [PGP_PUBLIC_KEY], backup: true, require_verification: true };
    const nonce = await start(stage, body, `${path}/init`);
    await send(stage, "PUT", `${path}/update`, { key: stage.shares[0], nonce });
    const first = await send(stage, "GET", "sys/rekey/recovery-key-backup");
    return { stage, first };
  }

  it("the recovery backup is served at all of its paths", async () => {
    const { stage, first } = await backedUp();
    expect(Object.keys(Object(at(first.json, "data", "keys")))).toEqual([PGP_FINGERPRINT]);
    for (const path of ["sys/rekey-recovery-key/backup", "sys/rotate/recovery/backup"]) {
      expect(at((await send(stage, "GET", path)).json, "data")).toEqual(at(first.json, "data"));
    }
    expect(await errorOf(send(stage, "GET", "sys/rekey/backup"))).toBe("no backed-up keys found");
  });

  it("backups are not served while the vault is sealed", async () => {
    const { stage } = await backedUp();
    await send(stage, "PUT", "sys/seal");
    const sealed = await send(stage, "GET", "sys/rekey/recovery-key-backup");
    expect([sealed.status, sealed.json]).toEqual([503, { errors: ["Vault is sealed"] }]);
  });

  it("deleting a backup answers 204 even if there is none", async () => {
    const { stage } = await backedUp();
    for (let round = 0; round < 2; round++) {
      const answer = await send(stage, "DELETE", "sys/rotate/recovery/backup");
      expect([answer.status, answer.text]).toEqual([204, ""]);
      expect(await errorOf(send(stage, "GET", "sys/rekey/recovery-key-backup")))
        .toBe("no backed-up keys found");
    }
  });

  it("a backup keeps a holder's shares by fingerprint until they confirm them", async () => {
    const stage = await unsealedVault();
    const body = {
      secret_shares: 2,
      secret_threshold: 2,
      pgp_keys: [PGP_PUBLIC_KEY, PGP_PUBLIC_KEY],
    };
    const nonce = await start(stage, body);
    const done = await send(stage, "PUT", UPDATE, { key: stage.shares[0], nonce });
    const path = `sys/rekey/backup?fingerprint=${PGP_FINGERPRINT.toUpperCase()}`;
    expect(await errorOf(send(stage, "GET", "sys/rekey/backup"))).toBe("no backed-up keys found");
    const mine = await send(stage, "GET", path);
    expect(Object.values(Object(at(mine.json, "data", "keys")))).toEqual([
      textsAt(done.json, "keys"),
    ]);
    expect((await send(stage, "DELETE", path)).status).toBe(204);
    expect(await errorOf(send(stage, "GET", path))).toBe("no backed-up keys found");
  });
});

describe("vaults without recovery shares", () => {
  it("without recovery shares, a legacy attempt can begin and be cancelled but not completed", async () => {
    const stage = await staticVault(0, 0);
    const path = "sys/rekey-recovery-key";
    const started = await send(stage, "PUT", `${path}/init`, ONE);
    expect(started.json).toMatchObject({ started: true, required: 0, progress: 0 });
    const body = { key: "ab".repeat(33), nonce: textAt(started.json, "nonce") };
    expect(await errorOf(send(stage, "PUT", `${path}/update`, body)))
      .toBe("given key is not one of the current key shares");
    expect((await send(stage, "DELETE", `${path}/init`)).status).toBe(204);
    const barrier = await start(stage, ONE);
    const given = { key: "ab".repeat(32), nonce: barrier };
    expect(await errorOf(send(stage, "PUT", UPDATE, given)))
      .toBe("given key is not one of the current key shares");
  });

  it("the first recovery shares are made at once or after verification, and only once", async () => {
    for (const verified of [false, true]) {
      const stage = await staticVault(0, 0);
      const body = { secret_shares: 2, secret_threshold: 2, require_verification: verified };
      const path = "sys/rotate/recovery";
      const made = await send(stage, "PUT", `${path}/init`, body);
      const fresh = textsAt(made.json, "data", "keys");
      expect(at(made.json, "data")).toMatchObject({ complete: true, n: 2, t: 2 });
      if (verified) {
        const nonce = textAt(made.json, "data", "verification_nonce");
        const before = await stage.api.request("GET", "/v1/sys/seal-status");
        expect(before.json).toMatchObject({ t: 0, n: 0 });
        for (const key of fresh) await send(stage, "PUT", `${path}/verify`, { key, nonce });
      }
      const status = await stage.api.request("GET", "/v1/sys/seal-status");
      expect(status.json).toMatchObject({ t: 2, n: 2 });
      const next = await send(stage, "PUT", `${path}/init`, ONE);
      const nonce = textAt(next.json, "data", "nonce");
      const given = await send(stage, "PUT", `${path}/update`, { key: fresh[0], nonce });
      expect(at(given.json, "data")).toMatchObject({ progress: 1, required: 2 });
    }
  });

  it("a sealed vault without recovery shares is unsealed only by a restart", async () => {
    const stage = await staticVault(0, 0);
    await send(stage, "PUT", "sys/seal");
    const answer = await unseal(stage.api, ["ab".repeat(32)]);
    expect(answer.status).toBe(400);
    expect(textAt(answer.json, "errors", 0)).toMatch(/^invalid key: /);
    await stage.api.restart();
    const status = await stage.api.request("GET", "/v1/sys/seal-status");
    expect(status.json).toMatchObject({ sealed: false });
  });
});

describe("barrier rekey of a static seal", () => {
  it("a barrier rekey of a static seal is 1 of 1 and refuses PGP keys and verification", async () => {
    const stage = await staticVault(3, 2);
    const texts = [
      [{ pgp_keys: [PGP_PUBLIC_KEY] }, "PGP key encryption not supported"],
      [{ require_verification: true }, "requiring verification not supported"],
    ] as const;
    for (const [body, text] of texts) {
      expect(await errorOf(send(stage, "PUT", "sys/rekey/init", { ...ONE, ...body })))
        .toBe(`${text} when rekeying the barrier key with recovery keys`);
    }
    const nonce = await start(stage, {});
    const status = await send(stage, "GET", "sys/rekey/init");
    expect(status.json).toMatchObject({ t: 1, n: 1, required: 2, nonce });
    const recovery = await start(stage, ONE, "sys/rekey-recovery-key/init");
    expect(recovery).not.toBe(nonce);
    for (const key of stage.shares.slice(1)) await send(stage, "PUT", UPDATE, { key, nonce });
    const other = await send(stage, "GET", "sys/rekey-recovery-key/init");
    expect(other.json).toMatchObject({ started: true, nonce: recovery });
  });
});

describe("unseal with recovery shares", () => {
  async function sealed(): Promise<
    { readonly api: MemoryApi; readonly shares: readonly string[] }
  > {
    const stage = await staticVault(3, 2);
    await send(stage, "PUT", "sys/seal");
    return stage;
  }

  it("recovery shares unseal a sealed vault", async () => {
    const { api, shares } = await sealed();
    const [first = "", , third = ""] = shares;
    expect((await unseal(api, [first])).json).toMatchObject({ progress: 1, t: 2, n: 3 });
    expect((await unseal(api, [third])).json).toMatchObject({ sealed: false, progress: 0 });
  });

  it("wrong recovery shares do not unseal the vault and reset the progress", async () => {
    const { api, shares } = await sealed();
    const [first = "", second = ""] = shares;
    const wrong = await unseal(api, [first, `00${second.slice(2)}`]);
    expect([wrong.status, wrong.json]).toEqual([
      400,
      {
        errors: [
          "invalid key: failed to verify recovery key: recovery key does not match submitted values",
        ],
      },
    ]);
    const status = await api.request("GET", "/v1/sys/seal-status");
    expect(status.json).toMatchObject({ sealed: true, progress: 0, nonce: "" });
  });
});

describe("order of members", () => {
  const orderOf = (answer: ApiResponse, ...path: readonly string[]) =>
    Object.keys(at(answer.json, ...path) as object);

  it("sys/rekey/init answers the members of an attempt in the order of Vault's struct", async () => {
    const stage = await prepare("unsealed");
    const body = { secret_shares: 1, secret_threshold: 1, require_verification: true };
    expect(orderOf(await send(stage, "PUT", "sys/rekey/init", body))).toEqual([
      ..."nonce started t n progress required".split(" "),
      ..."pgp_fingerprints backup verification_required".split(" "),
    ]);
  });

  it("sys/rotate/root/init answers the members of an attempt sorted, as Go writes a map", async () => {
    const stage = await prepare("unsealed");
    await send(stage, "PUT", "sys/rotate/root/init", { secret_shares: 1, secret_threshold: 1 });
    const order = orderOf(await send(stage, "GET", "sys/rotate/root/init"), "data");
    expect(order).toContain("verification_required");
    expect(order).toEqual(order.toSorted());
  });
});
