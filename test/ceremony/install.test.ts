/** Keys that would not open the vault never come into force: each change of keys is proved before its commit. */

import { describe, expect, it } from "vitest";
import {
  installChangedSealKey,
  installKeyring,
  type InstallPorts,
  installRecoveryKey,
  installRootKey,
  installUnsealKey,
  NOTHING_ATTACHED,
  type ProvenKey,
} from "../../src/ceremony/install.ts";
import { keyRecords, proveKeyRecords } from "../../src/ceremony/key_records.ts";
import { splitKey } from "../../src/ceremony/shares.ts";
import { addTerm, withNewCredentialKey } from "../../src/barrier/keyring.ts";
import { rootKey, unsealKey, wrappingKeyBytes } from "../../src/crypto/keys.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Seal } from "../../src/seal/seal.ts";
import { createShamirSeal } from "../../src/seal/shamir_seal.ts";
import { codeOf, seededRandom } from "../barrier/doubles.ts";
import { type Bench, createBench } from "./bench.ts";

const random = seededRandom("install");
const COUNTS = { shares: 3, threshold: 2 };

function portsOf({ open, store }: Bench): InstallPorts {
  return {
    store,
    barrier: open.barrier,
    random,
    nowMs: () => 0,
    keys: open.keys,
    keysCommitted: () => {
      throw new Error("keys came into force that nothing proved");
    },
    outerOf: (seal) => seal,
    prepareRewrap: () => ({ entries: [], writes: [], committed: () => {} }),
  };
}

/** A key, and a quorum of shares of it or of another one. */
function provenKey(isRight: boolean): ProvenKey {
  const key = randomBytes(32);
  const shares = splitKey(isRight ? key : randomBytes(32), 3, 2, random);
  return { ...COUNTS, key, proof: shares.slice(0, 2) };
}

/** A seal that wraps what its own key does not open again. */
function brokenSeal(type: "shamir" | "static", id: string): Seal {
  return new class extends Seal {
    override async wrap(): Promise<Uint8Array<ArrayBuffer>> {
      const other = new Seal(type, { id, bytes: wrappingKeyBytes(random(32)) }, [], random);
      return await other.wrap("anything", random(32));
    }
  }(type, { id, bytes: wrappingKeyBytes(random(32)) }, [], random);
}

type Install = (ports: InstallPorts) => Promise<unknown>;

const FAULTS: readonly [string, "shamir" | "static", boolean, Install][] = [
  [
    "shares that make another unseal key",
    "shamir",
    false,
    (ports) => installUnsealKey(ports, provenKey(false), NOTHING_ATTACHED),
  ],
  [
    "shares that make another recovery key",
    "static",
    false,
    (ports) => installRecoveryKey(ports, provenKey(false), NOTHING_ATTACHED),
  ],
  [
    "a recovery key, under a seal that does not open what it wraps",
    "static",
    true,
    (ports) => installRecoveryKey(ports, provenKey(true), NOTHING_ATTACHED),
  ],
  [
    "a root key, under a seal that does not open what it wraps",
    "shamir",
    true,
    (ports) => installRootKey(ports, NOTHING_ATTACHED),
  ],
  [
    "a keyring, under a seal that does not open what it wraps",
    "static",
    true,
    (ports) => installKeyring(ports, (keyring) => addTerm(keyring, random, 0)),
  ],
  [
    "a changed static key that is not the one of the next start",
    "static",
    false,
    (ports) => {
      const config = { ...ports.keys().config, sealKeyId: "another" };
      const keys = { ...ports.keys(), config };
      const next = new Seal("static", { id: "n", bytes: wrappingKeyBytes(random(32)) }, [], random);
      return installChangedSealKey({ ...ports, keys: () => keys }, next);
    },
  ],
];

describe("a change of keys that would not open again", () => {
  it.each(FAULTS)("is refused and changes nothing: %s", async (_name, type, isBroken, install) => {
    const bench = await createBench(type, COUNTS);
    const ports = portsOf(bench);
    const before = await bench.snapshot();
    const { keyring, outer } = bench.open.barrier;
    const seal = isBroken ? brokenSeal(type, ports.keys().seal.keyId) : ports.keys().seal;
    const keys = { ...ports.keys(), seal };
    const broken = isBroken ? { ...ports, keys: () => keys } : ports;
    expect(await codeOf(() => install(broken))).toMatch(/^(ciphertext_rejected|unknown_key)$/);
    expect(await bench.snapshot()).toEqual(before);
    expect(bench.open.barrier.keyring).toBe(keyring);
    expect(bench.open.barrier.outer).toBe(outer);
  });
});

describe("the proof of key records", () => {
  const previous = { id: "older", bytes: wrappingKeyBytes(random(32)) };
  const bare = createShamirSeal(unsealKey(random(32)), [], random);
  const seal = bare.withPrevious([previous]);

  it("opens them with what the holders have, and nothing else", async () => {
    const bench = await createBench("shamir", COUNTS);
    const keys = { rootKey: rootKey(random(32)), keyring: bench.open.barrier.keyring, seal };
    const records = await keyRecords(keys.rootKey, keys.keyring, seal, random);
    await proveKeyRecords(records, bare, keys);
    const table: [string, () => Promise<void>][] = [
      [
        "another seal",
        () => proveKeyRecords(records, createShamirSeal(unsealKey(random(32)), [], random), keys),
      ],
      [
        "another root key",
        () => proveKeyRecords(records, bare, { ...keys, rootKey: rootKey(random(32)) }),
      ],
      [
        "another term",
        () =>
          proveKeyRecords(records, bare, { ...keys, keyring: addTerm(keys.keyring, random, 0) }),
      ],
      ["another credential key", () =>
        proveKeyRecords(records, bare, {
          ...keys,
          keyring: withNewCredentialKey(keys.keyring, random),
        })],
      ["another previous key", () =>
        proveKeyRecords(records, bare, {
          ...keys,
          seal: bare.withPrevious([{ ...previous, bytes: wrappingKeyBytes(random(32)) }]),
        })],
      ["one more previous key", () =>
        proveKeyRecords(records, bare, {
          ...keys,
          seal: bare.withPrevious([previous, { ...previous, id: "oldest" }]),
        })],
    ];
    for (const [name, prove] of table) {
      expect(await codeOf(prove), name).toMatch(/^(ciphertext_rejected|unknown_key)$/);
    }
  });
});
