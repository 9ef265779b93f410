/**
 * A Deno KV in memory, for tests on Node: the order of its keys, its checks, and its limits, which it
 * refuses to exceed in the words of Deno. `./deno_kv_store.test.ts` shows that both agree.
 */

import type { Kv, KvAtomic, KvEntry, KvKey } from "../../src/storage/deno_kv/kv.ts";

const CHECKS_MAX = 100;
const MUTATIONS_MAX = 1000;
const VALUE_MAX_BYTES = 65_536;
const KEYS_MAX_BYTES = 81_920;
const COMMIT_MAX_BYTES = 819_200;
const KEY_MAX_BYTES = 2048;
const READ_KEYS_MAX = 10;

const encoder = new TextEncoder();

export interface FakeKv extends Kv {
  /** Called before each commit is applied; may throw, before or after calling `apply`. */
  onCommit: (apply: () => Outcome) => Outcome;
  /** Called before each read. */
  onRead: (keys: readonly KvKey[]) => Promise<void>;
  /** The largest commit so far. */
  readonly largest: { checks: number; mutations: number; keyBytes: number; bytes: number };
  /** Another program with the same data. */
  again(): FakeKv;
}

type Outcome = Awaited<ReturnType<KvAtomic["commit"]>>;

interface Row {
  readonly key: KvKey;
  readonly value: unknown;
  readonly versionstamp: string;
}

interface Data {
  rows: Map<string, Row>;
  version: number;
}

/** Sorts as Deno KV does: bytes before texts before numbers. In hex, so that `<` compares bytes. */
function encodeKey(key: KvKey): string {
  return key.map((part) => {
    if (typeof part === "number") return `21${orderedDouble(part)}`;
    const bytes = typeof part === "string" ? encoder.encode(part) : part;
    const escaped = Array.from(bytes, (byte) => byte === 0 ? "00ff" : toHex(byte)).join("");
    return `${typeof part === "string" ? "02" : "01"}${escaped}00`;
  }).join("");
}

function toHex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** Of a number that is not negative. */
function orderedDouble(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setUint8(0, view.getUint8(0) | 0x80);
  return Array.from(new Uint8Array(view.buffer), toHex).join("");
}

/** About what V8 makes of it, and never less than its bytes and texts. */
function sizeOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.length + 8;
  if (typeof value === "string") return 2 * value.length + 4;
  if (typeof value !== "object" || value === null) return 10;
  return Object.entries(value).reduce(
    (sum, [name, item]) => sum + name.length + 3 + sizeOf(item),
    8,
  );
}

export function createFakeKv(data: Data = { rows: new Map(), version: 0 }): FakeKv {
  const largest = { checks: 0, mutations: 0, keyBytes: 0, bytes: 0 };
  function entry(key: KvKey): KvEntry {
    const row = data.rows.get(checkedKey(key));
    return structuredClone(row ?? { key, value: null, versionstamp: null });
  }
  const kv: FakeKv = {
    onCommit: (apply) => apply(),
    onRead: async () => {},
    largest,
    again: () => createFakeKv(data),
    async getMany(keys) {
      if (keys.length > READ_KEYS_MAX) throw new TypeError("Too many ranges (max 10)");
      await kv.onRead(keys);
      return keys.map(entry);
    },
    async *list({ start, end }, { limit }) {
      const [first, last] = [checkedKey(start), checkedKey(end)];
      if (first > last) throw new TypeError("Start key is greater than end key");
      const keys = [...data.rows.keys()].filter((key) => key >= first && key < last);
      for (const key of keys.toSorted().slice(0, limit)) yield structuredClone(data.rows.get(key)!);
    },
    atomic: () => createAtomic(kv, data),
    close() {},
  };
  return kv;
}

function checkedKey(key: KvKey): string {
  const encoded = encodeKey(key);
  if (encoded.length / 2 > KEY_MAX_BYTES) throw new TypeError("Key too large (max 2048 bytes)");
  return encoded;
}

function createAtomic(kv: FakeKv, data: Data): KvAtomic {
  const checks: Parameters<KvAtomic["check"]>[0][] = [];
  const mutations: { readonly key: KvKey; readonly value: unknown }[] = [];
  const apply = (): Outcome => {
    const unmet = checks.some(({ key, versionstamp }) =>
      (data.rows.get(encodeKey(key))?.versionstamp ?? null) !== versionstamp
    );
    if (unmet) return { ok: false };
    data.version += 1;
    const versionstamp = data.version.toString(16).padStart(20, "0");
    for (const { key, value } of mutations) {
      if (value === undefined) data.rows.delete(encodeKey(key));
      else data.rows.set(encodeKey(key), structuredClone({ key, value, versionstamp }));
    }
    return { ok: true, versionstamp };
  };
  const atomic: KvAtomic = {
    check: (check) => (checks.push(check), atomic),
    set: (key, value) => (mutations.push({ key, value }), atomic),
    delete: (key) => (mutations.push({ key, value: undefined }), atomic),
    async commit() {
      refuseAboveLimits(kv.largest, checks.map(({ key }) => key), mutations);
      return kv.onCommit(apply);
    },
  };
  return atomic;
}

function refuseAboveLimits(
  largest: FakeKv["largest"],
  checked: readonly KvKey[],
  mutations: readonly { readonly key: KvKey; readonly value: unknown }[],
): void {
  const keys = [...checked, ...mutations.map(({ key }) => key)].map(checkedKey);
  const keyBytes = keys.reduce((sum, key) => sum + key.length / 2, 0);
  const values = mutations.map(({ value }) => value === undefined ? 0 : sizeOf(value));
  const bytes = keyBytes + values.reduce((sum, size) => sum + size, 0);
  if (checked.length > CHECKS_MAX) throw new TypeError("Too many checks (max 100)");
  if (mutations.length > MUTATIONS_MAX) throw new TypeError("Too many mutations (max 1000)");
  if (Math.max(0, ...values) > VALUE_MAX_BYTES) throw new TypeError("Value too large");
  if (keyBytes > KEYS_MAX_BYTES) throw new TypeError("Total key size too large (max 81920 bytes)");
  if (bytes > COMMIT_MAX_BYTES) throw new TypeError("Total mutation size too large");
  largest.checks = Math.max(largest.checks, checked.length);
  largest.mutations = Math.max(largest.mutations, mutations.length);
  largest.keyBytes = Math.max(largest.keyBytes, keyBytes);
  largest.bytes = Math.max(largest.bytes, bytes);
}
