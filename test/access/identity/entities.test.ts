import { describe, expect, it } from "vitest";
import { Entities } from "../../../src/access/identity/entities.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { openBarrier } from "../../barrier/open_barrier.ts";

function openEntities(): Entities {
  const barrier = openBarrier();
  return new Entities({ barrier, random: randomBytes, nowMs: () => 1000 });
}

const MOUNT = { accessor: "auth_userpass_1", local: false };

describe("entities", () => {
  it("concurrent first logins of one user make a single entity", async () => {
    const entities = openEntities();
    const logins = [1, 2, 3, 4].map(() => entities.atLogin(MOUNT, { name: "ann", meta: null }));
    const ids = new Set((await Promise.all(logins)).map(({ id }) => id));
    expect(ids.size).toBe(1);
    const all: string[] = [];
    for await (const { id } of entities.each()) all.push(id);
    expect(all).toEqual([...ids]);
  });

  it("lookups by an invalid id, name or alias find no entity", async () => {
    const entities = openEntities();
    const { name } = await entities.atLogin(MOUNT, { name: "ann", meta: null });
    expect(await entities.byId("")).toBeNull();
    expect(await entities.byName(`${name}/x`)).toBeNull();
    expect(await entities.byAliasId("../id")).toBeNull();
    expect(await entities.byAlias("auth_userpass_2", "ann")).toBeNull();
  });
});
