/** Who may read and confirm copies of encrypted shares, however the request is spelled. */

import { beforeEach, describe, expect, it } from "vitest";
import {
  at,
  PGP_FINGERPRINT,
  PGP_PUBLIC_KEY,
  POLICY_DENIED,
} from "../../../contract/api.contract.ts";
import { certificate, holderOfSubkeys } from "../../../vectors/pgp_subkeys.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

const BACKUP = "sys/rekey/backup";
const ALL = ["sys/rekey/backup", "sys/rotate/root/backup"];
const { key } = await holderOfSubkeys();
const OTHER = key.getFingerprint();

let client: RootClient;
/** A token that may fetch and confirm the copy of PGP_FINGERPRINT. */
let holder: string;

beforeEach(async () => {
  client = await openRootClient();
  const { ask, shares } = client;
  const body = {
    secret_shares: 2,
    secret_threshold: 2,
    pgp_keys: [PGP_PUBLIC_KEY, certificate(key)],
    backup: true,
  };
  const nonce = at((await ask("PUT", "sys/rekey/init", body)).json, "nonce");
  const done = await ask("PUT", "sys/rekey/update", { key: shares[0], nonce });
  expect(done.json).toMatchObject({ complete: true });
  holder = await client.tokenWith(ALL.map((path) => rule(`${path}/${PGP_FINGERPRINT}`)).join("\n"));
});

function rule(path: string, capabilities = ["read", "delete"]): string {
  return `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`;
}

async function expectDenied(method: string, path: string, token: string): Promise<void> {
  const { status, json } = await client.ask(method, path, null, token);
  expect({ method, path, status, json }).toEqual({
    method,
    path,
    status: 403,
    json: POLICY_DENIED,
  });
}

async function holders(path = BACKUP): Promise<readonly string[]> {
  const found: string[] = [];
  for (const fingerprint of [PGP_FINGERPRINT, OTHER]) {
    const { status } = await client.ask("GET", `${path}/${fingerprint}`);
    if (status === 200) found.push(fingerprint);
  }
  return found;
}

/** Every spelling of the path of one holder's copy. */
function spellings(base: string, fingerprint: string): readonly string[] {
  return [fingerprint, fingerprint.toUpperCase()].flatMap((written) => [
    `${base}/${written}`,
    `${base}/${written}/`,
    `${base}?fingerprint=${written}`,
    `${base}/?fingerprint=${written}`,
    `${base}?detail=true&fingerprint=%${written.charCodeAt(0).toString(16)}${written.slice(1)}`,
  ]);
}

describe("holders", () => {
  it("a holder can fetch and confirm their copy, however its path is spelled", async () => {
    const { ask } = client;
    const mine = await ask("GET", `${BACKUP}/${PGP_FINGERPRINT}`, null, holder);
    expect(Object.keys(Object(at(mine.json, "data", "keys")))).toEqual([PGP_FINGERPRINT]);
    const keys = at(mine.json, "data", "keys");
    for (const path of ALL.flatMap((base) => spellings(base, PGP_FINGERPRINT))) {
      const read = await ask("GET", path, null, holder);
      expect([path, read.status, at(read.json, "data", "keys")]).toEqual([path, 200, keys]);
    }
    for (const path of ALL.flatMap((base) => spellings(base, PGP_FINGERPRINT))) {
      const gone = await ask("DELETE", path, null, holder);
      expect([path, gone.status]).toEqual([path, 204]);
      expect(await holders()).toEqual([OTHER]);
    }
  });

  it("a holder cannot see or delete another holder's copy or the backup", async () => {
    for (const base of ALL) {
      const others = spellings(base, OTHER);
      const mixed = [
        `${base}/${OTHER}?fingerprint=${PGP_FINGERPRINT}`,
        `${base}?fingerprint=${OTHER}&fingerprint=${PGP_FINGERPRINT}`,
        `${base}?fingerprint=${PGP_FINGERPRINT}&fingerprint=${OTHER}`,
        `${base}?Fingerprint=${PGP_FINGERPRINT}`,
        `${base}?fingerprint=`,
        `${base}?fingerprint=x`,
        base,
        `${base}/`,
      ];
      for (const path of [...others, ...mixed]) {
        await expectDenied("GET", path, holder);
        await expectDenied("DELETE", path, holder);
      }
    }
    expect(await holders()).toEqual([PGP_FINGERPRINT, OTHER]);
    expect((await client.ask("GET", BACKUP)).status).toBe(200);
  });

  it("sys/capabilities-self shows a holder what the path of a copy allows", async () => {
    const paths = [`${BACKUP}/${PGP_FINGERPRINT}`, `${BACKUP}/${OTHER}`, BACKUP];
    const { json } = await client.ask("POST", "sys/capabilities-self", { paths }, holder);
    expect(json).toMatchObject({
      [paths[0] as string]: ["delete", "read"],
      [paths[1] as string]: ["deny"],
      [paths[2] as string]: ["deny"],
    });
  });
});

describe("access to the backup", () => {
  it("a policy for the backup does not cover holders' copies", async () => {
    const token = await client.tokenWith(rule(BACKUP));
    for (const path of [...spellings(BACKUP, OTHER), `${BACKUP}?fingerprint=`]) {
      await expectDenied("DELETE", path, token);
      await expectDenied("GET", path, token);
    }
    expect((await client.ask("DELETE", BACKUP, null, token)).status).toBe(204);
    expect((await client.ask("GET", BACKUP, null, token)).status).toBe(400);
    expect(await holders()).toEqual([PGP_FINGERPRINT, OTHER]);
    expect(await holders("sys/rotate/root/backup")).toEqual([PGP_FINGERPRINT, OTHER]);
  });

  it("a denied copy cannot be deleted in any spelling of its fingerprint", async () => {
    const token = await client.tokenWith(
      `${rule(`${BACKUP}/*`)}\n${rule(`${BACKUP}/${OTHER}`, ["deny"])}`,
    );
    for (const path of spellings(BACKUP, OTHER)) await expectDenied("DELETE", path, token);
    expect((await client.ask("DELETE", `${BACKUP}/${PGP_FINGERPRINT}`, null, token)).status)
      .toBe(204);
    expect(await holders()).toEqual([OTHER]);
  });
});

describe("bad fingerprints", () => {
  it("a bad fingerprint deletes nothing, and an empty one does not mean all holders", async () => {
    const names = [
      "x",
      PGP_FINGERPRINT.slice(1),
      `${PGP_FINGERPRINT}0`,
      `0x${PGP_FINGERPRINT}`,
      "constructor",
    ];
    const before = await client.api.snapshot();
    const paths = names.flatMap((name) => [`${BACKUP}/${name}`, `${BACKUP}?fingerprint=${name}`]);
    for (const path of [...paths, `${BACKUP}?fingerprint=`]) {
      const { status, json } = await client.ask("DELETE", path);
      expect([path, status, json]).toEqual([path, 400, {
        errors: ["fingerprint must be 40 or 64 hexadecimal digits"],
      }]);
      const read = await client.ask("GET", path);
      expect([path, read.status, read.json]).toEqual([path, 400, {
        errors: ["no backed-up keys found"],
      }]);
    }
    for (const query of [`Fingerprint=${OTHER}`, `fingerprint[]=${OTHER}`, "all=true"]) {
      expect((await client.ask("DELETE", `${BACKUP}?${query}`)).status).toBe(400);
    }
    const body = { fingerprint: OTHER };
    expect((await client.ask("DELETE", BACKUP, body)).status).toBe(400);
    const twice = `${BACKUP}?fingerprint=${OTHER}&fingerprint=${OTHER}`;
    expect((await client.ask("DELETE", twice)).status).toBe(400);
    expect(await client.api.snapshot()).toBe(before);
  });
});
