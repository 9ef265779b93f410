/** Each change of keys is proved before its commit, so no unusable key comes into force. */

import { describe, expect, it } from "vitest";
import {
  installChangedSealKey,
  installKeyring,
  type InstallPorts,
  installRecoveryKey,
  installRootKey,
  installUnsealKey,
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
import { createHarness, type Harness } from "./ceremony_harness.ts";

const random = seededRandom("install");
const COUNTS = { shares: 3, threshold: 2 };

function portsOf({ open, store }: Harness): InstallPorts {
  return {
    store,
    barrier: open.barrier,
    random,
    nowMs: () => 0,
    keys: open.keys,
    keysCommitted: () => {
      throw new Error("unproved keys came into force");
    },
    outerOf: (seal) => seal,
    prepareRewrap: () => ({ change: {}, committed: () => {} }),
  };
}

/** A key with a quorum of its shares or, if `isRight` is false, of another key's. */
function provenKey(isRight: boolean): ProvenKey {
  const key = randomBytes(32);
  const shares = splitKey(isRight ? key : randomBytes(32), 3, 2, random);
  return { ...COUNTS, key, proof: shares.slice(0, 2) };
}

/** A seal whose own key cannot open what it wraps. */
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
    (ports) => installUnsealKey(ports, provenKey(false), {}),
  ],
  [
    "shares that make another recovery key",
    "static",
    false,
    (ports) => installRecoveryKey(ports, provenKey(false), {}),
  ],
  [
    "a recovery key, under a seal that does not open what it wraps",
    "static",
    true,
    (ports) => installRecoveryKey(ports, provenKey(true), {}),
  ],
  [
    "a root key, under a seal that does not open what it wraps",
    "shamir",
    true,
    (ports) => installRootKey(ports, {}),
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

describe("changes of keys that would not open the vault", () => {
  it.each(FAULTS)(
    "an unproved change of keys is refused and changes nothing: %s",
    async (_name, type, isBroken, install) => {
      const harness = await createHarness(type, COUNTS);
      const ports = portsOf(harness);
      const before = await harness.snapshot();
      const { keyring, outer } = harness.open.barrier;
      const seal = isBroken ? brokenSeal(type, ports.keys().seal.keyId) : ports.keys().seal;
      const keys = { ...ports.keys(), seal };
      const broken = isBroken ? { ...ports, keys: () => keys } : ports;
      expect(await codeOf(() => install(broken))).toMatch(/^(ciphertext_rejected|unknown_key)$/);
      expect(await harness.snapshot()).toEqual(before);
      expect(harness.open.barrier.keyring).toBe(keyring);
      expect(harness.open.barrier.outer).toBe(outer);
    },
  );
});

describe("proof of key records", () => {
  const previous = { id: "older", bytes: wrappingKeyBytes(random(32)) };
  const bare = createShamirSeal(unsealKey(random(32)), [], random);
  const seal = bare.withPrevious([previous]);

  it("proveKeyRecords() accepts records that open, and refuses any that differ", async () => {
    const harness = await createHarness("shamir", COUNTS);
    const keys = { rootKey: rootKey(random(32)), keyring: harness.open.barrier.keyring, seal };
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
