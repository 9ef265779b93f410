import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  rootTokenTemplate,
  SPENT_USES,
  type StoredToken,
  type TokenTemplate,
} from "../../../src/access/tokens/token.ts";
import { TokenStore } from "../../../src/access/tokens/tokens.ts";
import { Barrier } from "../../../src/barrier/barrier.ts";
import { createKeyring } from "../../../src/barrier/keyring.ts";
import { encodeHex, encodeUtf8 } from "../../../src/crypto/bytes.ts";
import { wrappingKeyBytes } from "../../../src/crypto/keys.ts";
import { VaultError } from "../../../src/errors.ts";
import { Seal } from "../../../src/seal/seal.ts";
import { createMemoryStore } from "../../../src/storage/memory_store.ts";
import type { Store } from "../../../src/storage/store.ts";
import { codeOf, seededRandom } from "../../barrier/doubles.ts";

const random = seededRandom("recent tokens");
const HOUR_MS = 3_600_000;

let nowMs: number;
let tokens: TokenStore;
/** Another store of the same tokens, which shares no memory with the first. */
let others: TokenStore;
/** Both stores keep their tokens here. */
let store: Store;
/** Runs once, when the next commit of `tokens` is under way but has not reached the store. */
let meanwhile: (() => Promise<unknown>) | null;
beforeEach(() => {
  nowMs = 1_000_000;
  meanwhile = null;
  store = createMemoryStore();
  const overtaken: Store = {
    ...store,
    async commit(commit) {
      const overtaking = meanwhile;
      meanwhile = null;
      await overtaking?.();
      return await store.commit(commit);
    },
  };
  const keyring = createKeyring(random, 0);
  const outer = new Seal("shamir", { id: "k1", bytes: wrappingKeyBytes(random(32)) }, [], random);
  const create = (below: Store) =>
    new TokenStore({
      barrier: new Barrier({ store: below, keyring, outer, random, operations: 0 }),
      random,
      nowMs: () => nowMs,
      maxLeaseSeconds: () => 3600,
      dueChanged: () => {},
    });
  tokens = create(overtaken);
  others = create(store);
});

const template = (fields: Partial<TokenTemplate> = {}): TokenTemplate => ({
  ...rootTokenTemplate(nowMs),
  policies: ["default"],
  expiresAtMs: nowMs + HOUR_MS,
  ...fields,
});

async function createAndFind(fields: Partial<TokenTemplate> = {}) {
  const issued = await tokens.create(template(fields));
  const found = await tokens.find(issued.id);
  if (found === null) throw new Error("a new token is not found");
  return { id: issued.id, found };
}

describe("tokens found before", () => {
  it("a token found once is found again without decryption", async () => {
    const { id, found } = await createAndFind();
    const decrypt = vi.spyOn(crypto.subtle, "decrypt");
    expect(await tokens.find(id)).toEqual(found);
    expect(decrypt).not.toHaveBeenCalled();
    decrypt.mockRestore();
  });

  it("a revoked token is not found, whichever store revoked it", async () => {
    const first = await createAndFind();
    await tokens.revoke(first.found);
    expect(await tokens.find(first.id)).toBeNull();
    const second = await createAndFind();
    await others.revoke(second.found);
    expect(await tokens.find(second.id)).toBeNull();
  });

  it("a token of any generation is not found once its ancestor is revoked", async () => {
    const ancestor = await createAndFind();
    const descendants: string[] = [];
    let parent = ancestor.found;
    for (let generation = 1; generation <= 4; generation++) {
      const { id, found } = await createAndFind({ orphan: false, parent: parent.hash });
      descendants.push(id);
      parent = found;
    }
    await tokens.revoke(ancestor.found);
    for (const id of descendants) expect(await tokens.find(id)).toBeNull();
    expect(await store.list("sys/token/", "", 10)).toEqual([]);
  });

  it("a token found before still expires on time", async () => {
    const { id } = await createAndFind();
    nowMs += HOUR_MS - 1;
    expect(await tokens.find(id)).not.toBeNull();
    nowMs += 1;
    expect(await tokens.find(id)).toBeNull();
  });

  it("a token renewed by another store lives longer", async () => {
    const { id, found } = await createAndFind();
    await others.renew(found, 2 * HOUR_MS / 1000);
    expect((await tokens.find(id))?.token.expiresAtMs).toBe(nowMs + 2 * HOUR_MS);
    nowMs += HOUR_MS;
    expect(await tokens.find(id)).not.toBeNull();
  });

  it("two requests that race for the last use of a token get one between them", async () => {
    const { found } = await createAndFind({ uses: 1 });
    const both = await Promise.all([tokens.use(found), others.use(found)]);
    expect(both.filter((used) => used !== null)).toHaveLength(1);
  });

  it("each use of a token lowers its count, down to the last", async () => {
    const { id } = await createAndFind({ uses: 2 });
    const left: (number | null)[] = [];
    for (let use = 0; use < 3; use++) {
      const found = await tokens.find(id);
      const used = found === null ? null : await tokens.use(found);
      left.push(used === null ? null : used.token.uses);
    }
    expect(left).toEqual([1, SPENT_USES, null]);
  });
});

describe("tokens revoked meanwhile", () => {
  it("a token revoked during the commit of a child gets no child", async () => {
    const { found } = await createAndFind();
    meanwhile = () => others.revoke(found);
    await expect(tokens.create(template({ parent: found.hash, orphan: false })))
      .rejects.toThrow("permission denied");
    expect(meanwhile).toBeNull();
    expect(await store.list("sys/token/", "", 10)).toEqual([]);
  });

  it.each<[string, (found: StoredToken) => Promise<unknown>]>([
    ["a renewal", (found) => tokens.renew(found, 60)],
    ["a use", (found) => tokens.use(found)],
  ])("a token revoked during %s is not brought back", async (_name, change) => {
    const { id, found } = await createAndFind({ uses: 3 });
    meanwhile = () => others.revoke(found);
    expect(await change(found)).toBeNull();
    expect(meanwhile).toBeNull();
    expect(await tokens.find(id)).toBeNull();
    expect(await store.list("sys/token/", "", 10)).toEqual([]);
  });
});

describe("revocation of descendants", () => {
  it.each([1, 2, 3])(
    "revoking a token also ends a grandchild created during its commit %i",
    async (at) => {
      const parent = await createAndFind();
      const child = await createAndFind({ parent: parent.found.hash, orphan: false });
      let commits = 0;
      let answer = "";
      const making = async () => {
        commits += 1;
        if (commits < at) meanwhile = making;
        else {
          const grandchild = template({ parent: child.found.hash, orphan: false });
          answer = await codeOf(() => others.create(grandchild));
        }
      };
      meanwhile = making;
      await tokens.revoke(parent.found);
      expect(answer).toBe(at < 3 ? "no error" : "unauthenticated");
      expect(await store.list("sys/token/", "", 10)).toEqual([]);
    },
  );
});

describe("revocation in several commits", () => {
  it.each([2, 3, 4, 5])(
    "the alarm finishes the revocation of a large tree that stopped at commit %i",
    async (stop) => {
      const parent = await createAndFind();
      const child = template({ parent: parent.found.hash, orphan: false });
      const children = await Promise.all(Array.from({ length: 250 }, () => tokens.create(child)));
      let commits = 0;
      const stopping = async () => {
        commits += 1;
        if (commits === stop) throw new VaultError("store_failed", "the disk is full");
        meanwhile = stopping;
      };
      meanwhile = stopping;
      expect(await codeOf(() => tokens.revoke(parent.found))).toBe("store_failed");
      for (const { id } of [parent, ...stop < 4 ? [] : children]) {
        expect(await others.find(id)).toBeNull();
      }
      for (const expired of await others.expired(10)) await others.revoke(expired);
      expect(await store.list("sys/token/", "", 10)).toEqual([]);
    },
  );
});

describe("tokens whose last use has begun", () => {
  it("a token whose last use has begun is not found by id or accessor", async () => {
    const { id, found } = await createAndFind({ uses: 1 });
    expect((await tokens.use(found))?.token.uses).toBe(SPENT_USES);
    for (const store of [tokens, others]) {
      expect(await store.find(id)).toBeNull();
      expect(await store.findByAccessor(found.token.accessor)).toBeNull();
    }
  });

  it("a token whose last use has begun gets no child and no second last use", async () => {
    const { found } = await createAndFind({ uses: 1 });
    await tokens.use(found);
    await expect(tokens.create(template({ parent: found.hash, orphan: false })))
      .rejects.toThrow("permission denied");
    expect(await others.use(found)).toBeNull();
  });

  it("the last use of a token ends the batch tokens it created", async () => {
    const { found } = await createAndFind({ uses: 2 });
    const child = await tokens.create(
      template({ type: "batch", parent: found.hash, orphan: false }),
    );
    expect(await tokens.find(child.id)).not.toBeNull();
    await tokens.use(found);
    expect(await tokens.find(child.id)).not.toBeNull();
    await tokens.use(found);
    expect(await tokens.find(child.id)).toBeNull();
  });
});

it("a batch token expires on time", async () => {
  const { id } = await tokens.create(template({ type: "batch" }));
  nowMs += HOUR_MS - 1;
  expect(await tokens.find(id)).not.toBeNull();
  nowMs += 1;
  expect(await tokens.find(id)).toBeNull();
});

it("no stored record shows a token's id or accessor, in its path or its bytes", async () => {
  const { id, found } = await createAndFind();
  const secrets = [id, found.token.accessor];
  const forms = secrets.flatMap((text) => [text, encodeHex(encodeUtf8(text))]);
  const paths = await store.list("", "", 100);
  expect(paths.length).toBeGreaterThanOrEqual(3);
  for (const path of paths) {
    const bytes = (await store.get(path))?.bytes ?? new Uint8Array();
    const shown = [path, encodeHex(encodeUtf8(path)), encodeHex(bytes)].join(" ");
    for (const form of forms) expect(shown).not.toContain(form);
  }
});
