/** Reads records of logins that older versions of the product stored. */

import { describe, expect, it } from "vitest";
import { AppRole } from "../../src/methods/approle/roles.ts";
import { JsonRecords } from "../../src/barrier/mount_records.ts";
import { Passwords } from "../../src/methods/userpass/passwords.ts";
import { Userpass } from "../../src/methods/userpass/users.ts";
import { decodeToken } from "../../src/access/tokens/token.ts";
import { Barrier } from "../../src/barrier/barrier.ts";
import { encodeUtf8 } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { openBarrier } from "../barrier/open_barrier.ts";

const RULES = {
  policies: ["a"],
  ttlSeconds: 60,
  maxTtlSeconds: 0,
  explicitMaxTtlSeconds: 0,
  periodSeconds: 0,
  uses: 0,
  noDefaultPolicy: false,
  type: "default",
};
const UNNAMED = { ...RULES, boundCidrs: [], strictlyBindIp: false, legacyNames: [] };

async function openWith(path: string, record: object): Promise<Barrier> {
  const barrier = openBarrier();
  const value = encodeUtf8(JSON.stringify({ version: 1, ...record }));
  await barrier.commit({ entries: [{ path, value }] });
  return barrier;
}

describe("records without deprecated names", () => {
  it("a user record from before deprecated names were kept has none", async () => {
    const password = { kdf: "scrypt", logN: 4, r: 8, p: 1, salt: "AAAA", hash: "AAAA" };
    const barrier = await openWith("auth/u/user/ann", { password, rules: RULES });
    const passwords = new Passwords(randomBytes, { logN: 4, r: 8, p: 1 });
    const users = new Userpass(new JsonRecords(barrier, "auth/u/", false), passwords);
    expect(await users.rules("ann")).toEqual(UNNAMED);
  });

  it("a role record from before deprecated names were kept has none and no bound addresses", async () => {
    const barrier = await openWith("auth/r/role/ci", {
      name: "ci",
      key: "k",
      roleId: "id",
      secretIdTtlSeconds: 0,
      secretIdUses: 0,
      localSecretIds: false,
      rules: RULES,
    });
    const ports = { barrier, random: randomBytes, nowMs: () => 0, dueChanged: () => {} };
    const roles = new AppRole(new JsonRecords(barrier, "auth/r/", false), ports, "r");
    expect(await roles.read("ci")).toMatchObject({ rules: UNNAMED, secretIdBoundCidrs: null });
  });
});

describe("tokens without entities", () => {
  it("a token record from before entities existed has no entity", () => {
    const token = decodeToken(encodeUtf8(JSON.stringify({ version: 1, uses: 0 })));
    expect(token.entityId ?? "").toBe("");
  });
});
