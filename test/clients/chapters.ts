/** Test helper: the chapters of the story for both seals, with the check of each report. */

import { Buffer } from "node:buffer";
import { expect } from "vitest";
import { rekeyChapters } from "./rekey_chapters.ts";
import { type Chapters, expectShares, type Report } from "./report.ts";
import { type Family, POLICY, VALUE } from "./task.ts";

const DENIED = { status: 403, errors: ["1 error occurred:\n\t* permission denied\n\n"] };
const NO_TOKEN = { status: 403, errors: ["permission denied"] };
const BAD_TOKEN = { status: 403, errors: ["bad token"] };
const ROOT_TOKEN = { policies: ["root"], ttl: 0, orphan: true };

function init({ init }: Report, applicable: "keys" | "recovery_keys", again: string): void {
  expectShares(init[applicable], init[`${applicable}_base64`], 3);
  expect(init).toMatchObject({
    before: false,
    after: true,
    root_token: expect.stringMatching(/^s\.[0-9A-Za-z]{24}$/),
    again: { status: 400, errors: [again] },
  });
}

function mounts({ mounts }: Report): void {
  const kv = { type: "kv", description: "", seal_wrap: false };
  expect(mounts).toEqual({
    before: ["cubbyhole/", "identity/", "sys/"],
    enabled: {
      "plain/": { type: "kv", description: "first", seal_wrap: true, version: "1" },
      "versioned/": { ...kv, version: "2" },
      "short/": { ...kv, version: "1" },
    },
    used: { status: 400, errors: ["path is already in use at plain/"] },
    tuned: { default_lease_ttl: 3600, max_lease_ttl: 7200, description: "tuned" },
    after: ["cubbyhole/", "identity/", "plain/", "sys/", "versioned/"],
    gone: 404,
  });
}

function kv1({ kv1 }: Report): void {
  expect(kv1).toEqual({
    read: { count: 3, sharp: true, tags: ["a", "b"] },
    lease_duration: 3600,
    listed: ["garden", "tools/"],
    deleted: 404,
    listed_nothing: 404,
    left: VALUE,
  });
}

function kv2({ kv2 }: Report): void {
  const third = { data: { user: "cid", port: 2 }, version: 3 };
  expect(kv2).toEqual({
    written: [1, 2],
    stale: {
      status: 400,
      errors: ["check-and-set parameter did not match the current version"],
    },
    read: {
      latest: { data: { user: "bob", port: 2 }, version: 2 },
      first: { data: { user: "ann", port: 1 }, version: 1 },
      patched: third,
      undeleted: third,
    },
    deleted: 404,
    destroyed: 404,
    metadata: {
      current_version: 3,
      max_versions: 5,
      custom_metadata: { owner: "ann" },
      destroyed: { 1: true, 2: false, 3: false },
    },
    listed: { root: ["app/"], folder: ["db"] },
    erased: 404,
  });
}

function policies({ policies }: Report): void {
  expect(policies).toEqual({
    text: POLICY,
    new_text: POLICY,
    listed: ["default", "gardener", "root"],
    capabilities: {
      "plain/garden": ["read"],
      "plain/other": ["deny"],
      "versioned/data/x": ["create", "update"],
    },
    allowed: VALUE,
    denied: DENIED,
    may_not_write: DENIED,
    bad_text: { status: 400, errors: [expect.stringMatching(/^failed to parse policy: /)] },
    after_delete: DENIED,
    listed_after: ["default", "root"],
    missing: 404,
  });
}

function tokens({ tokens }: Report): void {
  const names = ["default", "gardener"];
  const hour = 3600;
  expect(tokens).toEqual({
    made: {
      policies: names,
      lease_duration: hour,
      renewable: true,
      orphan: false,
      metadata: { team: "roses" },
    },
    looked: {
      display_name: "token-rose",
      creation_ttl: hour,
      ttl: expect.closeTo(hour, -2),
      path: "auth/token/create",
      meta: { team: "roses" },
      policies: names,
    },
    looked_id_is_token: true,
    by_accessor: { id: "", display_name: "token-rose" },
    renewed: hour / 2,
    own_ttl: expect.closeTo(hour / 2, -2),
    revoked: BAD_TOKEN,
    first_use: ["deny"],
    uses_left: 1,
    used_up: NO_TOKEN,
    child: BAD_TOKEN,
    orphan: { orphan: true, policies: ["default"] },
    no_token: NO_TOKEN,
  });
}

function wrapping({ wrapping }: Report): void {
  expect(wrapping).toEqual({
    data: null,
    info: { ttl: 90, creation_path: "plain/garden" },
    looked: { creation_path: "plain/garden", creation_ttl: 90 },
    unwrapped: VALUE,
    again: { status: 400, errors: ["wrapping token is not valid or does not exist"] },
    sent: { word: "thistle" },
  });
}

function transit({ transit }: Report): void {
  const plaintext = Buffer.from("thistle").toString("base64");
  const ciphertext = (version: number) =>
    expect.stringMatching(new RegExp(`^vault:v${version}:[0-9A-Za-z+/]{47}=$`));
  expect(transit).toEqual({
    key: { name: "ring", type: "aes256-gcm96", latest_version: 2, exportable: false },
    listed: ["ring"],
    ciphertexts: [ciphertext(1), ciphertext(2), ciphertext(2)],
    decrypted: [plaintext, plaintext, plaintext],
    too_old: 400,
    damaged: 400,
    may_not_export: 400,
  });
  expect(new Set(transit.ciphertexts).size).toBe(3);
}

function unseal({ unseal }: Report): void {
  const status = { type: "shamir", t: 2, n: 3, progress: 0 };
  expect(unseal).toEqual({
    sealed: { ...status, sealed: true },
    while_sealed: { status: 503, errors: ["Vault is sealed"] },
    first: { sealed: true, progress: 1 },
    reset: { sealed: true, progress: 0 },
    opened: { ...status, sealed: false },
    health: { initialized: true, sealed: false, standby: false },
    ha_enabled: false,
  });
}

function rotate({ rotate }: Report): void {
  expect(rotate).toMatchObject({ old_value: VALUE, new_value: { a: "b" } });
  // After a rekey the first term is later.
  const [first] = rotate.terms;
  expect(rotate.terms).toEqual([first, first + 1]);
  const [before, after] = rotate.install_times.map(Date.parse);
  expect(after).toBeGreaterThan(before);
}

function generateRoot({ generate_root: root, rekey_with_pgp: withPgp }: Report): void {
  const started = {
    required: 2,
    complete: false,
    otp_length: 26,
    pgp_fingerprint: "",
    progress: 0,
  };
  expect(root).toEqual({
    started: { ...started, started: true },
    otp_characters: 26,
    cancelled: { ...started, started: false },
    wrong_share: { status: 400, errors: ["given key is not one of the current key shares"] },
    progress: 1,
    complete: true,
    token: ROOT_TOKEN,
    with_pgp: { started: true, otp: "", pgp_fingerprint: withPgp.done.pgp_fingerprints[0] },
    pgp_token: ROOT_TOKEN,
    idle_again: { started: false, progress: 0 },
  });
}

const COMMON = {
  "mounts engines once each, tunes them, and removes them with their values": mounts,
  "writes values of kv version 1 with their types, lists and deletes them": kv1,
};
const LAST = {
  "rotates the keyring and reads old and new values": rotate,
  "generates root tokens by quorum, with a one-time password and with PGP": generateRoot,
};

export function shamirChapters(family: Family): Chapters {
  return {
    "initialises the vault once": (report) => init(report, "keys", "Vault is already initialized"),
    "unseals with a quorum, and not before": unseal,
    ...COMMON,
    "uses versions of kv version 2: cas, patch, delete, undelete, destroy, metadata": kv2,
    "may do with a token what its policies allow, while they exist": policies,
    "creates, renews, counts and revokes tokens, with their children": tokens,
    "wraps answers for one reader": wrapping,
    "encrypts with transit and its key versions": transit,
    ...rekeyChapters(family, "barrier"),
    ...LAST,
  };
}

export function recoveryChapters(family: Family): Chapters {
  const again = "parameters secret_shares,secret_threshold not applicable to seal type static";
  return {
    "initialises the vault once, with recovery shares only": (report) => {
      init(report, "recovery_keys", again);
      expect(report["init"]).toMatchObject({ keys: [], keys_base64: [] });
      expect(report["status"]).toEqual({
        type: "static",
        sealed: false,
        t: 2,
        n: 3,
        recovery_seal: true,
        recovery_seal_type: "shamir",
      });
    },
    ...COMMON,
    ...rekeyChapters(family, "recovery"),
    ...LAST,
  };
}
