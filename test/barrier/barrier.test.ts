import { describe, expect, it } from "vitest";
import { Barrier, type OuterLayer } from "../../src/barrier/barrier.ts";
import {
  activeTerm,
  addTerm,
  createKeyring,
  type Keyring,
  withNewCredentialKey,
} from "../../src/barrier/keyring.ts";
import { readTermOperations } from "../../src/barrier/term_operations.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { wrappingKeyBytes } from "../../src/crypto/keys.ts";
import { Seal, type SealKey } from "../../src/seal/seal.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { TERM_OPERATIONS_PATH } from "../../src/storage/record_paths.ts";
import { ABSENT, asRevision, type Store, type StoredRecord } from "../../src/storage/store.ts";
import { codeOf, flipBit, seededRandom, settle } from "./doubles.ts";

const random = seededRandom("barrier");

function sealKey(id: string): SealKey {
  return { id, bytes: wrappingKeyBytes(random(32)) };
}

function createSeal(current = sealKey("k1"), previous: readonly SealKey[] = []): Seal {
  return new Seal("shamir", current, previous, random);
}

interface Parts {
  readonly store?: Store;
  readonly keyring?: Keyring;
  readonly outer?: OuterLayer;
  readonly operations?: number;
}

function createBarrier(parts: Parts = {}) {
  const {
    store = createMemoryStore(),
    keyring = createKeyring(random, 0),
    outer = createSeal(),
    operations = 0,
  } = parts;
  const barrier = new Barrier({ store, keyring, outer, random, operations });
  return { barrier, store, keyring, outer };
}

const put = (path: string, text: string, sealWrap = false) => ({
  path,
  value: encodeUtf8(text),
  sealWrap,
});

async function textAt(barrier: Barrier, path: string): Promise<string | null> {
  const record = await barrier.get(path);
  return record === null ? null : decodeUtf8(record.value);
}

async function recordAt(store: Store, path: string): Promise<StoredRecord> {
  const record = await store.get(path);
  if (record === null) throw new Error(`no record at ${path}`);
  return record;
}

/** The count from which the next start would go on. */
async function storedOperations(store: Store, keyring: Keyring): Promise<number> {
  return await readTermOperations(store, activeTerm(keyring).term);
}

describe("barrier", () => {
  it("the barrier stores no plaintext and gives it back, seal-wrapped or not", async () => {
    const { barrier, store } = createBarrier();
    await barrier.commit({ entries: [put("a", "plain text"), put("b", "plain text", true)] });
    expect(await textAt(barrier, "a")).toBe("plain text");
    expect(await textAt(barrier, "b")).toBe("plain text");
    expect(await recordAt(store, "a")).toMatchObject({ sealKeyId: null });
    expect(await recordAt(store, "b")).toMatchObject({ sealKeyId: "k1" });
    for (const path of ["a", "b"]) {
      expect(new TextDecoder().decode((await recordAt(store, path)).bytes)).not.toContain("plain");
    }
    expect(await barrier.get("c")).toBeNull();
    expect(await barrier.list("", "", 2)).toEqual(["a", "b"]);
  });

  it("a record needs the data key and, if wrapped, also the seal", async () => {
    const { barrier, store, keyring, outer } = createBarrier();
    await barrier.commit({ entries: [put("a", "1"), put("b", "2", true)] });
    const otherSeal = createBarrier({ store, keyring, outer: createSeal(sealKey("k1")) }).barrier;
    expect(await textAt(otherSeal, "a")).toBe("1");
    expect(await codeOf(() => otherSeal.get("b"))).toBe("ciphertext_rejected");
    const otherKeyring = createBarrier({ store, outer }).barrier;
    expect(await codeOf(() => otherKeyring.get("a"))).toBe("ciphertext_rejected");
    expect(await codeOf(() => otherKeyring.get("b"))).toBe("ciphertext_rejected");
  });

  it("a moved, damaged or unwrapped record does not decrypt", async () => {
    const { barrier, store, outer } = createBarrier();
    await barrier.commit({ entries: [put("a", "1", true), put("b", "2", true)] });
    const { bytes } = await recordAt(store, "a");
    const stripped = await outer.unwrap("a", bytes);
    const table: [Uint8Array, string | null, string][] = [
      [bytes, "k1", "b"],
      [flipBit(bytes, bytes.length - 1, 0), "k1", "a"],
      [stripped, "k1", "a"],
      [bytes, null, "a"],
      [new Uint8Array(0), null, "a"],
    ];
    for (const [damaged, sealKeyId, path] of table) {
      await store.commit({ writes: [{ path, bytes: damaged, sealKeyId }] });
      expect(await codeOf(() => barrier.get(path)))
        .toMatch(/^(ciphertext_rejected|record_malformed)$/);
    }
  });

  it("a commit writes entries and raw records together, or nothing on a conflict", async () => {
    const { barrier, store } = createBarrier();
    const raw = { path: "raw", bytes: Uint8Array.of(1), sealKeyId: null };
    const expect0 = [{ path: "a", revision: ABSENT }];
    const first = await barrier.commit({
      entries: [put("a", "1")],
      writes: [raw],
      expect: expect0,
    });
    expect(first).toEqual({ kind: "committed", revision: (await recordAt(store, "raw")).revision });
    expect((await barrier.get("a"))?.revision).toBe((await recordAt(store, "raw")).revision);
    const second = await barrier.commit({
      entries: [put("a", "2"), put("c", "2")],
      writes: [{ ...raw, bytes: null }],
      expect: expect0,
    });
    expect(second).toEqual({ kind: "conflict", path: "a" });
    expect(await textAt(barrier, "a")).toBe("1");
    expect(await store.get("c")).toBeNull();
    expect(await store.get("raw")).not.toBeNull();
    await barrier.commit({ entries: [{ path: "a", value: null }] });
    expect(await barrier.get("a")).toBeNull();
  });

  it("the barrier encrypts under the newest term and still reads older ones", async () => {
    const { barrier, store, keyring, outer } = createBarrier();
    await barrier.commit({ entries: [put("old", "1")] });
    const rotated = addTerm(keyring, random, 1);
    barrier.install({ keyring: rotated });
    await barrier.commit({ entries: [put("new", "2")] });
    expect(await textAt(barrier, "old")).toBe("1");
    expect(await textAt(barrier, "new")).toBe("2");
    const before = createBarrier({ store, keyring, outer }).barrier;
    expect(await textAt(before, "old")).toBe("1");
    expect(await codeOf(() => before.get("new"))).toBe("unknown_key");
  });

  it("credential keys change with the keyring's credential key; MAC keys do not", () => {
    const { barrier, keyring } = createBarrier();
    const salt = Uint8Array.of(1);
    const key = barrier.deriveCredentialKey("one", salt);
    expect(key).toHaveLength(32);
    expect(barrier.deriveCredentialKey("one", Uint8Array.of(2))).not.toEqual(key);
    expect(barrier.deriveCredentialKey("other", salt)).not.toEqual(key);
    const macKey = barrier.deriveMacKey("one", salt);
    barrier.install({ keyring: addTerm(keyring, random, 1) });
    expect(barrier.deriveCredentialKey("one", salt)).toEqual(key);
    barrier.install({ keyring: withNewCredentialKey(keyring, random) });
    expect(barrier.deriveCredentialKey("one", salt)).not.toEqual(key);
    expect(barrier.deriveMacKey("one", salt)).toEqual(macKey);
  });

  it("a derived MAC key depends on purpose and salt, and survives rotation", () => {
    const { barrier, keyring } = createBarrier();
    const key = barrier.deriveMacKey("one");
    expect(barrier.deriveMacKey("other")).not.toEqual(key);
    expect(barrier.deriveMacKey("one", Uint8Array.of(1))).not.toEqual(key);
    barrier.install({ keyring: addTerm(keyring, random, 1), outer: createSeal(sealKey("k2")) });
    expect(barrier.deriveMacKey("one")).toEqual(key);
    expect(createBarrier().barrier.deriveMacKey("one")).not.toEqual(key);
  });

  it("a writer's keys stay in place until it has committed", async () => {
    const store = createMemoryStore();
    const gate = Promise.withResolvers<void>();
    const held: Store = {
      ...store,
      commit: async (commit) => {
        await gate.promise;
        return await store.commit(commit);
      },
    };
    const { barrier } = createBarrier({ store: held });
    const writing = barrier.commit({ entries: [put("a", "1", true)] });
    let replaced = false;
    const replacing = barrier.exclusively(async () => {
      replaced = true;
      barrier.install({ outer: createSeal(sealKey("k2")) });
    });
    await settle();
    expect(replaced).toBe(false);
    gate.resolve();
    await Promise.all([writing, replacing]);
    expect(await recordAt(store, "a")).toMatchObject({ sealKeyId: "k1" });
    await barrier.commit({ entries: [put("b", "1", true)] });
    expect(await recordAt(store, "b")).toMatchObject({ sealKeyId: "k2" });
  });
});

describe("reads during a rewrap", () => {
  const [k1, k2] = [sealKey("k1"), sealKey("k2")];

  it("a read is tried again when the record moved to a new key meanwhile", async () => {
    const inner = createMemoryStore();
    const keyring = createKeyring(random, 0);
    const writer = createBarrier({ store: inner, keyring, outer: createSeal(k1) }).barrier;
    await writer.commit({ entries: [put("a", "1", true)] });
    const stale = await recordAt(inner, "a");
    let reads = 0;
    const store: Store = {
      ...inner,
      get: async (path) => {
        reads += 1;
        return reads === 1 ? stale : await inner.get(path);
      },
    };
    const bytes = await createSeal(k2).wrap("a", await createSeal(k1).unwrap("a", stale.bytes));
    await inner.commit({ writes: [{ path: "a", bytes, sealKeyId: "k2" }] });
    const { barrier } = createBarrier({ store, keyring, outer: createSeal(k2) });
    expect(await textAt(barrier, "a")).toBe("1");
    expect(reads).toBe(2);
    expect((await barrier.get("a"))?.revision).not.toBe(stale.revision);
  });

  it("a read gives up after three tries when the key stays unknown", async () => {
    const inner = createMemoryStore();
    const { barrier: writer, keyring } = createBarrier({ store: inner, outer: createSeal(k1) });
    await writer.commit({ entries: [put("a", "1", true)] });
    let reads = 0;
    const store: Store = {
      ...inner,
      get: async (path) => {
        reads += 1;
        return await inner.get(path);
      },
    };
    const { barrier } = createBarrier({ store, keyring, outer: createSeal(k2) });
    expect(await codeOf(() => barrier.get("a"))).toBe("unknown_key");
    expect(reads).toBe(3);
  });

  it("a read is not tried again when the ciphertext is wrong", async () => {
    const inner = createMemoryStore();
    await inner.commit({ writes: [{ path: "a", bytes: new Uint8Array(40), sealKeyId: null }] });
    let reads = 0;
    const store: Store = {
      ...inner,
      get: async (path) => {
        reads += 1;
        return await inner.get(path);
      },
    };
    const { barrier } = createBarrier({ store });
    expect(await codeOf(() => barrier.get("a"))).toBe("record_malformed");
    expect(reads).toBe(1);
  });
});

describe("count of encryptions", () => {
  it("each commit stores the exact count of encryptions, if it encrypts at all", async () => {
    const { barrier, store, keyring } = createBarrier();
    const stored = () => storedOperations(store, keyring);
    await barrier.commit({ entries: [put("a", "1"), put("b", "2", true)] });
    expect([barrier.operations, await stored()]).toEqual([2, 2]);
    await barrier.commit({ entries: [put("a", "3"), { path: "b", value: null }] });
    expect([barrier.operations, await stored()]).toEqual([3, 3]);
    const { revision } = await recordAt(store, TERM_OPERATIONS_PATH);
    await barrier.commit({ entries: [{ path: "a", value: null }] });
    await barrier.commit({ entries: [], writes: [{ path: "x", bytes: null, sealKeyId: null }] });
    expect((await recordAt(store, TERM_OPERATIONS_PATH)).revision).toBe(revision);
    expect([barrier.operations, await stored()]).toEqual([3, 3]);
  });

  it("the count of encryptions goes on after every restart", async () => {
    const store = createMemoryStore();
    const keyring = createKeyring(random, 0);
    const outer = createSeal();
    for (let start = 0; start < 5; start++) {
      const operations = await storedOperations(store, keyring);
      expect(operations).toBe(2 * start);
      const { barrier } = createBarrier({ store, keyring, outer, operations });
      await barrier.commit({ entries: [put("a", "1"), put("b", "2")] });
    }
  });

  it("the count of encryptions includes commits that failed or conflicted", async () => {
    const inner = createMemoryStore();
    let fails = true;
    const store: Store = {
      ...inner,
      commit: async (commit) => {
        if (fails) throw new Error("disk full");
        return await inner.commit(commit);
      },
    };
    const { barrier, keyring } = createBarrier({ store });
    await expect(barrier.commit({ entries: [put("a", "1")] })).rejects.toThrow("disk full");
    fails = false;
    const unmet = [{ path: "a", revision: asRevision("99") }];
    await barrier.commit({ entries: [put("a", "1")], expect: unmet });
    expect(await storedOperations(inner, keyring)).toBe(0);
    await barrier.commit({ entries: [put("a", "1")] });
    expect([barrier.operations, await storedOperations(inner, keyring)]).toEqual([3, 3]);
  });

  it("the count of encryptions never goes back when commits overtake each other", async () => {
    const store = createMemoryStore();
    const gate = Promise.withResolvers<void>();
    const seal = createSeal();
    const outer: OuterLayer = {
      keyId: seal.keyId,
      unwrap: (path, value) => seal.unwrap(path, value),
      wrap: async (path, value) => {
        await gate.promise;
        return await seal.wrap(path, value);
      },
    };
    const { barrier, keyring } = createBarrier({ store, outer });
    const slow = barrier.commit({ entries: [put("slow", "1", true)] });
    await barrier.commit({ entries: [put("fast", "1")] });
    expect(await storedOperations(store, keyring)).toBe(2);
    gate.resolve();
    await slow;
    expect(await storedOperations(store, keyring)).toBe(2);
  });

  it("a new term starts its count of encryptions at zero", async () => {
    const { barrier, store, keyring } = createBarrier();
    await barrier.commit({ entries: [put("a", "1")] });
    const rotated = addTerm(keyring, random, 1);
    barrier.install({ keyring: { ...keyring, rotation: { ...keyring.rotation, enabled: false } } });
    expect(barrier.operations).toBe(1);
    barrier.install({ keyring: rotated });
    expect(barrier.operations).toBe(0);
    expect(await storedOperations(store, rotated)).toBe(0);
    await barrier.commit({ entries: [put("a", "1")] });
    expect(await storedOperations(store, rotated)).toBe(1);
  });

  it.each([
    ["no JSON", "{"],
    ["another version", '{"version":2,"term":1,"operations":1}'],
    ["a negative count", '{"version":1,"term":1,"operations":-1}'],
    ["a fraction", '{"version":1,"term":1,"operations":1.5}'],
    ["null", "null"],
  ])("a count record with %s is refused", async (_name, text) => {
    const { store, keyring } = createBarrier();
    const bytes = encodeUtf8(text);
    await store.commit({ writes: [{ path: TERM_OPERATIONS_PATH, bytes, sealKeyId: null }] });
    expect(await codeOf(() => storedOperations(store, keyring))).toBe("record_malformed");
  });
});

describe("commits of new keys", () => {
  const changed = () => {
    const parts = createBarrier({ outer: createSeal(sealKey("k1")) });
    const next = {
      keyring: addTerm(parts.keyring, random, 1),
      outer: createSeal(sealKey("k2")),
    };
    return { ...parts, next };
  };

  it("a commit of new keys encrypts its own entries under them", async () => {
    const { barrier, store, keyring, outer, next } = changed();
    await barrier.commit({ entries: [put("before", "1")] });
    const change = { entries: [put("a", "1"), put("b", "2", true)] };
    await barrier.exclusively(() => barrier.commitHeld(change, next));
    expect(barrier.keyring).toBe(next.keyring);
    expect(barrier.outer).toBe(next.outer);
    expect([await textAt(barrier, "a"), await textAt(barrier, "b")]).toEqual(["1", "2"]);
    expect(await recordAt(store, "b")).toMatchObject({ sealKeyId: "k2" });
    const before = createBarrier({ store, keyring, outer }).barrier;
    for (const path of ["a", "b"]) {
      expect(await codeOf(() => before.get(path))).toBe("unknown_key");
    }
    expect([barrier.operations, await storedOperations(store, next.keyring)]).toEqual([2, 2]);
  });

  it("a commit of new keys that conflicts or fails leaves the old keys in force", async () => {
    const { barrier, store, keyring, outer, next } = changed();
    const conflict = {
      entries: [put("a", "1")],
      expect: [{ path: "a", revision: asRevision("99") }],
    };
    expect(await barrier.exclusively(() => barrier.commitHeld(conflict, next)))
      .toEqual({ kind: "conflict", path: "a" });
    const unwell: Store = {
      ...store,
      commit: () => Promise.reject(new Error("disk full")),
    };
    const failing = createBarrier({ store: unwell, keyring, outer }).barrier;
    await expect(failing.exclusively(() => failing.commitHeld({ entries: [put("a", "1")] }, next)))
      .rejects.toThrow("disk full");
    for (const unchanged of [barrier, failing]) {
      expect(unchanged.keyring).toBe(keyring);
      expect(unchanged.outer).toBe(outer);
    }
    // A later key with the same number must not be mistaken for the one that never came into force.
    barrier.install({ keyring: addTerm(keyring, random, 2) });
    await barrier.commit({ entries: [put("a", "1")] });
    const other = createBarrier({ store, keyring: next.keyring, outer }).barrier;
    expect(await codeOf(() => other.get("a"))).toBe("ciphertext_rejected");
  });

  it("a read waits for the commit of new keys that wrote its record", async () => {
    const inner = createMemoryStore();
    const [written, returning] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const store: Store = {
      ...inner,
      commit: async (commit) => {
        const outcome = await inner.commit(commit);
        written.resolve();
        await returning.promise;
        return outcome;
      },
    };
    const { barrier, keyring } = createBarrier({ store });
    const next = { keyring: addTerm(keyring, random, 1), outer: createSeal(sealKey("k2")) };
    const change = { entries: [put("a", "1", true)] };
    const committing = barrier.exclusively(() => barrier.commitHeld(change, next));
    await written.promise;
    const reading = textAt(barrier, "a");
    await settle();
    returning.resolve();
    await committing;
    expect(await reading).toBe("1");
  });
});
