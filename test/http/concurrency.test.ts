/** Concurrent requests: each share counts once, nothing is done twice, and no write is lost. */

import { describe, expect, it } from "vitest";
import {
  type Api,
  type ApiResponse,
  at,
  initialise,
  initialiseOpen,
  REKEY,
  ROTATE,
  spoiled,
  textAt,
  textsAt,
  unseal,
} from "../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi, STATIC_SEAL } from "./memory_api.ts";
import { mountEngines, tokenWith } from "./stages.ts";

const FAMILIES = [REKEY, ROTATE] as const;

async function begin(api: Api, token: string, more: object = {}): Promise<string> {
  const body = { secret_shares: 3, secret_threshold: 2, ...more };
  const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
  return textAt(started.json, "nonce");
}

function statuses(answers: readonly ApiResponse[]): readonly number[] {
  return answers.map(({ status }) => status).sort();
}

describe("concurrent shares", () => {
  for (const family of FAMILIES) {
    const give = (api: Api, token: string, key: string | undefined, nonce: string) =>
      api.request("PUT", `${family.prefix}/update`, { token, body: { key, nonce } });

    it(`concurrent shares each advance a rekey by one, through ${family.name}`, async () => {
      const api = await startMemoryApi();
      const { root: token, shares } = await initialiseOpen(api, 5, 4);
      const nonce = await begin(api, token);
      const answers = await Promise.all(
        shares.slice(0, 3).map((key) => give(api, token, key, nonce)),
      );
      expect(statuses(answers)).toEqual([200, 200, 200]);
      const progress = answers.map(({ json }) => at(family.body(json), "progress"));
      expect(progress).toEqual([1, 2, 3]);
      const done = await give(api, token, shares[3], nonce);
      expect(at(family.body(done.json), "complete")).toBe(true);
    });

    it(`the same share sent concurrently counts once, through ${family.name}`, async () => {
      const api = await startMemoryApi();
      const { root: token, shares } = await initialiseOpen(api, 5, 3);
      const nonce = await begin(api, token);
      const answers = await Promise.all(
        [1, 2, 3, 4].map(() => give(api, token, shares[0], nonce)),
      );
      expect(statuses(answers)).toEqual([200, 400, 400, 400]);
      for (const { json } of answers.filter(({ status }) => status === 400)) {
        expect(json).toEqual({ errors: [family.duplicate] });
      }
      const status = await api.request("GET", `${family.prefix}/init`, { token });
      expect(at(family.body(status.json), "progress")).toBe(1);
    });

    it(`concurrent last shares complete a rekey exactly once, through ${family.name}`, async () => {
      const api = await startMemoryApi();
      const { root: token, shares } = await initialiseOpen(api, 5, 2);
      const nonce = await begin(api, token);
      await give(api, token, shares[0], nonce);
      const answers = await Promise.all(shares.slice(1).map((key) => give(api, token, key, nonce)));
      expect(statuses(answers)).toEqual([200, 400, 400, 400]);
      const [won] = answers.filter(({ status }) => status === 200);
      const fresh = textsAt(family.body(won?.json), "keys");
      const lost = answers.filter(({ status }) => status === 400);
      for (const { json } of lost) expect(textAt(json, "errors", 0)).toMatch(/^no .* in progress$/);
      await api.request("PUT", "/v1/sys/seal", { token });
      expect((await unseal(api, fresh.slice(1))).json).toMatchObject({ sealed: false });
      const [line, ...more] = api.log.filter((text) => text.includes("security barrier rekeyed"));
      expect([line === undefined, more]).toEqual([false, []]);
    });

    it(`concurrent new shares verify a rekey exactly once, through ${family.name}`, async () => {
      const api = await startMemoryApi();
      const { root: token, shares } = await initialiseOpen(api, 1, 1);
      const nonce = await begin(api, token, { require_verification: true });
      const made = await give(api, token, shares[0], nonce);
      const fresh = textsAt(family.body(made.json), "keys");
      const verification = textAt(family.body(made.json), "verification_nonce");
      const answers = await Promise.all(
        [0, 1, 2, 0, 1, 2].map((index) =>
          api.request("PUT", `${family.prefix}/verify`, {
            token,
            body: { key: fresh[index], nonce: verification },
          })
        ),
      );
      const complete = answers.filter(({ json }) => at(family.body(json), "complete") === true);
      expect(complete).toHaveLength(1);
      expect(statuses(answers)).toEqual([200, 200, 400, 400, 400, 400]);
      await api.restart();
      expect((await unseal(api, fresh.slice(0, 2))).json).toMatchObject({ sealed: false });
    });
  }

  it("concurrent shares through rekey and rotate complete a rekey exactly once", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 4, 3);
    const nonce = await begin(api, token);
    const answers = await Promise.all(
      shares.flatMap((key) =>
        FAMILIES.map((family) =>
          api.request("PUT", `${family.prefix}/update`, { token, body: { key, nonce } })
        )
      ),
    );
    const complete = answers.filter(({ text }) => text.includes('"complete":true'));
    expect(complete).toHaveLength(1);
    expect(statuses(answers)).toEqual([200, 200, 200, 400, 400, 400, 400, 400]);
  });

  it("concurrent starts of a rekey begin one attempt, with the answered nonce", async () => {
    const api = await startMemoryApi();
    const { root: token } = await initialiseOpen(api, 1, 1);
    const body = { secret_shares: 2, secret_threshold: 2 };
    const answers = await Promise.all(
      [...FAMILIES, ...FAMILIES].map((family) =>
        api.request("PUT", `${family.prefix}/init`, { token, body })
      ),
    );
    expect(statuses(answers)).toEqual([200, 400, 400, 400]);
    const status = await api.request("GET", "/v1/sys/rekey/init", { token });
    const won = answers.find((answer) => answer.status === 200)?.json;
    expect(textAt(status.json, "nonce")).toBe(at(won, "nonce") ?? at(won, "data", "nonce"));
  });

  it("concurrent inits initialise the vault once", async () => {
    const api = await startMemoryApi();
    const body = { secret_shares: 1, secret_threshold: 1 };
    const answers = await Promise.all(
      [1, 2, 3].map(() => api.request("PUT", "/v1/sys/init", { body })),
    );
    expect(statuses(answers)).toEqual([200, 400, 400]);
    const won = answers.find(({ status }) => status === 200);
    const opened = await unseal(api, textsAt(won?.json, "keys"));
    expect(opened.json).toMatchObject({ sealed: false });
  });

  it("concurrent unseal requests count each share once", async () => {
    const api = await startMemoryApi();
    const { shares } = await initialise(api, 3, 3);
    const give = (key: string | undefined) =>
      api.request("PUT", "/v1/sys/unseal", { body: { key } });
    const twice = await Promise.all([give(shares[0]), give(shares[0]), give(shares[1])]);
    expect(statuses(twice)).toEqual([200, 200, 200]);
    const status = await api.request("GET", "/v1/sys/seal-status");
    expect(status.json).toMatchObject({ sealed: true, progress: 2 });
    const last = await Promise.all([give(shares[2]), give(shares[2]), give(shares[0])]);
    for (const { json } of last) expect(json).toMatchObject({ sealed: false });
  });

  it("concurrent recovery shares complete a recovery rekey exactly once", async () => {
    const api = await startMemoryApi({ seal: STATIC_SEAL });
    const { root: token, shares } = await initialise(api, 3, 2, "static");
    const body = { secret_shares: 1, secret_threshold: 1 };
    const path = "/v1/sys/rekey-recovery-key";
    const started = await api.request("PUT", `${path}/init`, { token, body });
    const nonce = textAt(started.json, "nonce");
    const answers = await Promise.all(
      [0, 0, 1, 2].map((index) =>
        api.request("PUT", `${path}/update`, { token, body: { key: shares[index], nonce } })
      ),
    );
    expect(statuses(answers)).toEqual([200, 200, 400, 400]);
    expect(answers.filter(({ text }) => text.includes('"complete":true'))).toHaveLength(1);
  });
});

/** Lets the event loop turn this often, so that other requests get that much further. */
async function afterTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

describe("a rekey that ends while its last share arrives", () => {
  for (const [method, path] of [["DELETE", "sys/rekey/init"], ["PUT", "sys/seal"]] as const) {
    it(`after ${method} ${path} during the last share, the answered shares unseal the vault`, async () => {
      const seen = new Set<number>();
      for (const turns of [0, 1, 2, 20]) {
        const api = await startMemoryApi({ rekeyAccess: "open" });
        const { root: token, shares } = await initialiseOpen(api, 1, 1);
        const nonce = await begin(api, token);
        const body = { key: shares[0], nonce };
        const [given, ended] = await Promise.all([
          api.request("PUT", "/v1/sys/rekey/update", { token, body }),
          afterTurns(turns).then(() => api.request(method, `/v1/${path}`, { token })),
        ]);
        expect(ended.status).toBe(204);
        expect([200, 400, 503]).toContain(given.status);
        seen.add(given.status);
        await api.request("PUT", "/v1/sys/seal", { token });
        const isRekeyed = given.status === 200;
        const inForce = isRekeyed ? textsAt(given.json, "keys").slice(1) : shares;
        expect((await unseal(api, inForce)).json).toMatchObject({ sealed: false });
      }
      expect(seen).toContain(200);
    });
  }
});

describe("concurrent rewraps", () => {
  it("concurrent requests for a rewrap start it once", async () => {
    const api = await startMemoryApi();
    const { root: token } = await initialiseOpen(api, 1, 1);
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => api.request("POST", "/v1/sys/sealwrap/rewrap", { token })),
    );
    expect(statuses(answers)).toEqual([200, 200, 200, 204]);
    await api.settle(token);
    const started = api.log.filter((line) => line.includes("seal re-wrap started"));
    expect(started).toHaveLength(1);
  });

  it("a rewrap does every entry once, even if alarms fire concurrently", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 1, 1);
    await mountEngines(api, token);
    await writeMany(api, token, 700);
    await rekeyOnce(api, token, shares);
    for (let round = 0; round < 10; round++) {
      await Promise.all([api.fire(), api.fire(), api.fire()]);
    }
    const path = "/v1/sys/sealwrap/rewrap?detail=true";
    const { json } = await api.request("GET", path, { token });
    const entries = at(json, "data", "entries");
    const total = at(json, "data", "run", "total");
    expect(entries).toEqual({ processed: total, succeeded: total, failed: 0 });
    expect(total).toBeGreaterThan(700);
    expect(api.log.filter((line) => line.includes("seal re-wrap completed"))).toHaveLength(1);
  });
});

async function writeMany(api: Api, token: string, count: number): Promise<void> {
  await Promise.all(
    Array.from(
      { length: count },
      (_, index) => api.request("PUT", `/v1/kv/many/${index}`, { token, body: { index } }),
    ),
  );
}

async function rekeyOnce(
  api: Api,
  token: string,
  shares: readonly string[],
): Promise<readonly string[]> {
  const nonce = await begin(api, token, { secret_shares: 1, secret_threshold: 1 });
  let last: ApiResponse | null = null;
  for (const key of shares) {
    const path = "/v1/sys/rekey/update";
    last = await api.request("PUT", path, { token, body: { key, nonce } });
  }
  return textsAt(last?.json, "keys");
}

/** Writes and reads a few keys until it is stopped, and remembers what was acknowledged. */
class Traffic {
  readonly acknowledged = new Map<string, number>();
  readonly faults: string[] = [];
  requests = 0;
  #stopped = false;

  async run(api: Api, token: string, worker: number): Promise<void> {
    for (let count = 1; !this.#stopped; count++) {
      const key = `w${worker}-${count % 7}`;
      const one = await api.request("PUT", `/v1/kv/${key}`, { token, body: { count } });
      this.#note(`kv/${key}`, count, one.status === 204, one);
      const body = { data: { count } };
      const two = await api.request("POST", `/v1/kv2/data/${key}`, { token, body });
      this.#note(`kv2/data/${key}`, count, two.status === 200, two);
      await this.#check(api, token, `kv/${key}`);
      await this.#check(api, token, `kv2/data/${key}`);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async checkAll(api: Api, token: string): Promise<void> {
    for (const path of this.acknowledged.keys()) await this.#check(api, token, path);
  }

  #note(path: string, count: number, done: boolean, response: ApiResponse): void {
    this.requests += 1;
    if (done) this.acknowledged.set(path, count);
    else this.faults.push(`write ${path}: ${response.status} ${response.text}`);
  }

  /** Only one worker writes a key, so the value acknowledged last must be there. */
  async #check(api: Api, token: string, path: string): Promise<void> {
    const { status, json, text } = await api.request("GET", `/v1/${path}`, { token });
    const found = at(json, "data", "count") ?? at(json, "data", "data", "count");
    if (status === 200 && found === this.acknowledged.get(path)) return;
    this.faults.push(`read ${path}: ${status} ${text}, not ${this.acknowledged.get(path)}`);
  }
}

describe("traffic during key changes", () => {
  it("no read fails and no write is lost during rekeys, rotations and rewraps", async () => {
    const api = await startMemoryApi();
    const holders = await initialiseOpen(api, 2, 2);
    const { root: token } = holders;
    await mountEngines(api, token);
    await writeMany(api, token, 1200);
    const traffic = new Traffic();
    const workers = [0, 1, 2, 3].map((worker) => traffic.run(api, token, worker));
    let shares = holders.shares;
    try {
      for (let round = 0; round < 4; round++) {
        shares = await rekeyOnce(api, token, shares);
        await api.fire();
        if (round === 1) await api.request("PUT", "/v1/sys/rotate", { token });
        if (round === 2) continue;
        await api.settle(token);
      }
      await api.settle(token);
    } finally {
      traffic.stop();
    }
    await Promise.all(workers);
    await traffic.checkAll(api, token);
    expect(traffic.faults).toEqual([]);
    expect(traffic.requests).toBeGreaterThan(50);

    const path = "/v1/sys/sealwrap/rewrap?inventory=true";
    const inventory = at((await api.request("GET", path, { token })).json, "data", "inventory");
    expect(Object.keys(Object(inventory))).toHaveLength(1);
    await api.restart();
    expect((await unseal(api, shares)).json).toMatchObject({ sealed: false });
    await traffic.checkAll(api, token);
    for (const index of [0, 599, 1199]) {
      const read = await api.request("GET", `/v1/kv/many/${index}`, { token });
      expect(at(read.json, "data")).toEqual({ index });
    }
    expect(traffic.faults).toEqual([]);
  }, 60_000);

  it("no read fails and no write is lost while keyring and root key rotate together", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 1, 1);
    await mountEngines(api, token);
    const traffic = new Traffic();
    const workers = [0, 1].map((worker) => traffic.run(api, token, worker));
    try {
      for (let round = 0; round < 10; round++) {
        const [keyring, root] = await Promise.all([
          api.request("PUT", "/v1/sys/rotate/keyring", { token }),
          api.request("PUT", "/v1/sys/rotate/root", { token }),
        ]);
        expect([keyring.status, root.status]).toEqual([204, 204]);
      }
    } finally {
      traffic.stop();
    }
    await Promise.all(workers);
    await api.restart();
    await unseal(api, shares);
    await traffic.checkAll(api, token);
    expect(traffic.faults).toEqual([]);
    const status = await api.request("GET", "/v1/sys/key-status", { token });
    expect(status.json).toMatchObject({ term: 11 });
  }, 60_000);
});

describe("check-and-set", () => {
  it("check-and-set lets exactly one of many concurrent writers win", async () => {
    const api = await startMemoryApi();
    const { root: token } = await initialiseOpen(api, 1, 1);
    await mountEngines(api, token);
    for (let version = 0; version < 5; version++) {
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, writer) =>
          api.request("POST", "/v1/kv2/data/raced", {
            token,
            body: { data: { writer, version }, options: { cas: version } },
          })),
      );
      expect(statuses(answers)).toEqual([200, 400, 400, 400, 400, 400]);
      const read = await api.request("GET", "/v1/kv2/data/raced", { token });
      const winner = answers.findIndex(({ status }) => status === 200);
      expect(at(read.json, "data", "data")).toEqual({ writer: winner, version });
      expect(at(read.json, "data", "metadata", "version")).toBe(version + 1);
    }
  });

  it("without check-and-set every concurrent write becomes a version of its own", async () => {
    const api = await startMemoryApi();
    const { root: token } = await initialiseOpen(api, 1, 1);
    await mountEngines(api, token);
    const answers = await Promise.all(
      Array.from(
        { length: 8 },
        (_, writer) =>
          api.request("POST", "/v1/kv2/data/all", { token, body: { data: { writer } } }),
      ),
    );
    const versions = answers.map(({ json }) => Number(at(json, "data", "version")));
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe("concurrent use of a token", () => {
  it("a token with uses for hundreds of simultaneous requests serves them all", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const body = { num_uses: 300, policies: ["default"] };
    const made = await api.request("POST", "/v1/auth/token/create", { token: root, body });
    const token = textAt(made.json, "auth", "client_token");
    const use = () => api.request("GET", "/v1/auth/token/lookup-self", { token });
    const answers = await Promise.all(Array.from({ length: 300 }, use));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect((await use()).status).toBe(403);
  });

  it("a token used concurrently has exactly as many uses as it was given", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const body = { num_uses: 3, policies: ["default"] };
    const made = await api.request("POST", "/v1/auth/token/create", { token: root, body });
    const token = textAt(made.json, "auth", "client_token");
    const answers = await Promise.all(
      Array.from({ length: 7 }, () => api.request("GET", "/v1/auth/token/lookup-self", { token })),
    );
    expect(statuses(answers)).toEqual([200, 200, 200, 403, 403, 403, 403]);
  });

  it("a token is invalid once its revocation is answered, even if renewed meanwhile", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const body = { policies: ["default"] };
    const made = await api.request("POST", "/v1/auth/token/create", { token: root, body });
    const token = textAt(made.json, "auth", "client_token");
    const revoke = () =>
      api.request("POST", "/v1/auth/token/revoke", { token: root, body: { token } });
    const answers = await Promise.all([revoke(), revoke(), renew(api, token)]);
    for (const { status } of answers) expect([200, 204, 400, 403]).toContain(status);
    expect((await api.request("GET", "/v1/auth/token/lookup-self", { token })).status).toBe(403);
  });

  it("a child made while its parent is revoked does not survive", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const policy = 'path "auth/token/create" { capabilities = ["update"] }';
    for (let round = 0; round < 10; round++) {
      const token = await tokenWith(api, root, policy);
      const create = () => api.request("POST", "/v1/auth/token/create", { token, body: {} });
      const revoke = () =>
        api.request("POST", "/v1/auth/token/revoke", { token: root, body: { token } });
      const [first, , second] = await Promise.all([create(), revoke(), create()]);
      for (const made of [first, second]) {
        expect([200, 403]).toContain(made.status);
        if (made.status === 403) continue;
        const child = textAt(made.json, "auth", "client_token");
        const read = await api.request("GET", "/v1/auth/token/lookup-self", { token: child });
        expect(read.status).toBe(403);
      }
    }
  });
});

function renew(api: MemoryApi, token: string): Promise<ApiResponse> {
  return api.request("POST", "/v1/auth/token/renew-self", { token, body: {} });
}

describe("concurrent wrong shares", () => {
  it("only the wrong one of concurrent shares is refused", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 3, 2);
    const nonce = await begin(api, token);
    const give = (key: string) =>
      api.request("PUT", "/v1/sys/rekey/update", { token, body: { key, nonce } });
    const [first = "", second = ""] = shares;
    const answers = await Promise.all([give(spoiled(first)), give(second), give(spoiled(second))]);
    expect(answers.map(({ status }) => status)).toEqual([400, 200, 400]);
    const status = await api.request("GET", "/v1/sys/rekey/init", { token });
    expect(status.json).toMatchObject({ progress: 1, nonce });
  });
});
