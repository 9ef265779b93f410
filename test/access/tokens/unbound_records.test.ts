import { describe, expect, it } from "vitest";
import { AppRole } from "../../../src/methods/approle/roles.ts";
import { JsonRecords } from "../../../src/barrier/mount_records.ts";
import { Passwords } from "../../../src/methods/userpass/passwords.ts";
import { NO_RULES, readRules } from "../../../src/access/tokens/login_token.ts";
import { Userpass } from "../../../src/methods/userpass/users.ts";
import { rootTokenTemplate } from "../../../src/access/tokens/token.ts";
import { TokenRoles } from "../../../src/access/tokens/token_roles.ts";
import { TokenStore } from "../../../src/access/tokens/tokens.ts";
import { Barrier } from "../../../src/barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/crypto/bytes.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { TERM_OPERATIONS_PATH, TOKEN_ROLE_PREFIX } from "../../../src/storage/record_paths.ts";
import { openBarrier } from "../../barrier/open_barrier.ts";

function openPorts() {
  const barrier = openBarrier();
  return {
    barrier,
    random: randomBytes,
    nowMs: () => 1000,
    maxLeaseSeconds: () => 3600,
    dueChanged: () => {},
  };
}

/** Removes from every record the fields that this version has added. */
async function age(barrier: Barrier): Promise<void> {
  const added = [
    ...["boundCidrs", "strictlyBindIp", "bindSecretId", "secretIdBoundCidrs"],
    ...["cidrs", "tokenBoundCidrs"],
    ...["grantedUses", "grantedTtlSeconds", "legacyNames"],
    ...["allowedPolicyGlobs", "disallowedPolicyGlobs", "allowedEntityAliases", "legacy"],
  ];
  for (const path of await barrier.list("", "", 1000)) {
    if (path === TERM_OPERATIONS_PATH) continue;
    const text = decodeUtf8((await barrier.get(path))?.value ?? new Uint8Array());
    if (!text.startsWith("{")) continue;
    const aged: unknown = JSON.parse(
      text,
      (name, value: unknown) => added.includes(name) ? undefined : value,
    );
    await barrier.commit({ entries: [{ path, value: encodeUtf8(JSON.stringify(aged)) }] });
  }
}

describe("records from before tokens could be bound to addresses", () => {
  it("an old record of a token or token role binds no address", async () => {
    const ports = openPorts();
    const made = await new TokenStore(ports).create({
      ...rootTokenTemplate(0),
      uses: 3,
      creationTtlSeconds: 60,
      boundCidrs: ["10.0.0.0/8"],
    });
    const roles = new TokenRoles(ports.barrier);
    await roles.write({
      name: "ops",
      allowedPolicies: [],
      disallowedPolicies: [],
      allowedPolicyGlobs: ["q*"],
      disallowedPolicyGlobs: [],
      allowedEntityAliases: ["ann"],
      orphan: false,
      renewable: true,
      pathSuffix: "",
      periodSeconds: 0,
      explicitMaxTtlSeconds: 0,
      uses: 0,
      noDefaultPolicy: false,
      tokenType: "service",
      boundCidrs: ["10.0.0.0/8"],
      legacy: { periodSeconds: 5, explicitMaxTtlSeconds: 0, boundCidrs: [] },
    });
    expect((await roles.read("ops"))?.boundCidrs).toEqual(["10.0.0.0/8"]);
    await age(ports.barrier);
    expect(await roles.read("ops")).toMatchObject({
      boundCidrs: [],
      allowedPolicyGlobs: [],
      disallowedPolicyGlobs: [],
      allowedEntityAliases: null,
      legacy: { periodSeconds: 0, explicitMaxTtlSeconds: 0, boundCidrs: [] },
    });
    expect((await new TokenStore(ports).find(made.id))?.token).toMatchObject({
      boundCidrs: [],
      grantedUses: 3,
      grantedTtlSeconds: 60,
    });
  });

  it("an old userpass record allows a login from any address", async () => {
    const { barrier } = openPorts();
    const passwords = new Passwords(randomBytes, { logN: 4, r: 8, p: 1 });
    const users = new Userpass(new JsonRecords(barrier, "auth/u1/", false), passwords);
    await users.write("ann", "x", () => ({ ...NO_RULES, boundCidrs: ["10.0.0.0/8"] }));
    await age(barrier);
    const outcome = await users.login("ann", "x", null);
    expect(outcome).toMatchObject({ kind: "granted", login: { rules: NO_RULES } });
  });

  it("old records of a role and a secret id allow a login from any address", async () => {
    const ports = openPorts();
    const storage = new JsonRecords(ports.barrier, "auth/u2/", false);
    const roles = new AppRole(storage, ports, "u2");
    const bounds = ["10.0.0.0/8"];
    await roles.write("ci", (old) => ({
      ...old,
      roleId: "r",
      bindSecretId: false,
      secretIdBoundCidrs: bounds,
    }));
    const role = await roles.read("ci");
    if (role === null) throw new Error("the role is missing");
    const issued = await roles.secretIds.issue(role.key, {
      secretId: "s",
      uses: 0,
      ttlSeconds: 0,
      meta: {},
      cidrs: bounds,
      tokenBoundCidrs: bounds,
    });
    await age(ports.barrier);
    const outcome = await roles.login("r", issued.secretId, null);
    expect(outcome).toMatchObject({ kind: "granted", login: { rules: NO_RULES } });
    expect(await roles.read("ci")).toMatchObject({ bindSecretId: true, secretIdBoundCidrs: null });
    await expect(roles.login("r", "", null)).rejects.toThrow("missing secret_id");
  });
});

describe("records that call legacy names otherwise", () => {
  it("the rules of a user keep the names they were set by", () => {
    const { legacyNames: _, ...rules } = { ...NO_RULES, elderNames: ["policies"] as const };
    expect(readRules(rules)).toEqual({ ...NO_RULES, legacyNames: ["policies"] });
    expect(readRules(NO_RULES)).toEqual(NO_RULES);
  });

  it("a token role keeps what was set by legacy names", async () => {
    const { barrier } = openPorts();
    const elder = { periodSeconds: 5, explicitMaxTtlSeconds: 0, boundCidrs: [] };
    const value = encodeUtf8(JSON.stringify({ name: "ops", elder }));
    await barrier.commit({ entries: [{ path: `${TOKEN_ROLE_PREFIX}ops`, value }] });
    const role = await new TokenRoles(barrier).read("ops");
    expect(role?.legacy).toEqual(elder);
    expect(Object.keys(role ?? {})).not.toContain("elder");
  });
});
