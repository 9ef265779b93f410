/** Texts that are bounded by length alone: accepted at the bound, refused beyond it. */

import { beforeAll, describe, expect, it } from "vitest";
import { parseAbsoluteTime } from "../../src/wire/absolute_time.ts";
import { parseName } from "../../src/methods/names.ts";
import { canonicalVersion } from "../../src/http/sys/mounts/plugin_versions.ts";
import {
  CUSTOM_METADATA_KEY_MAX_BYTES,
  CUSTOM_METADATA_MAX_KEYS,
  CUSTOM_METADATA_VALUE_MAX_BYTES,
  LOGIN_NAME_MAX_CHARS,
  PASSWORD_MAX_BYTES,
  PATH_MAX_BYTES,
  PLUGIN_VERSION_MAX_CHARS,
  RECORD_MAX_BYTES,
  SECRET_ID_MAX_CHARS,
  SUBMITTED_KEY_MAX_BYTES,
  TIME_MAX_CHARS,
  TOKEN_MAX_CHARS,
} from "../../src/limits.ts";
import { prepare, type Stage } from "../http/stages.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await prepare("unsealed");
  await send("sys/auth/userpass", { type: "userpass" });
  await send("sys/auth/approle", { type: "approle" });
  await send("auth/approle/role/r", {});
});

async function send(path: string, body: object, token = stage.token) {
  return await stage.api.request("POST", `/v1/${path}`, { token, body });
}

describe("long texts", () => {
  it("a path that is too long is refused", async () => {
    const path = (length: number) => `kv/${"a".repeat(length)}`;
    expect((await send(path(PATH_MAX_BYTES - 100), { a: 1 })).status).toBe(204);
    const long = await send(path(PATH_MAX_BYTES), { a: 1 });
    expect([long.status, long.json]).toEqual([400, { errors: ["path is longer than 2048 bytes"] }]);
  });

  it("a secret that is too long is refused", async () => {
    const value = (length: number) => ({ a: "x".repeat(length) });
    expect((await send("kv/large", value(RECORD_MAX_BYTES - 1000))).status).toBe(204);
    expect((await send("kv/large", value(RECORD_MAX_BYTES))).status).toBe(400);
  });

  it("a token that is too long is refused like an unknown one", async () => {
    for (const length of [TOKEN_MAX_CHARS, TOKEN_MAX_CHARS + 1]) {
      expect((await send("kv/a", { a: 1 }, "x".repeat(length))).status).toBe(403);
    }
  });

  it("a share that is too long is refused", async () => {
    const key = "00".repeat(SUBMITTED_KEY_MAX_BYTES + 1);
    const { status, text } = await send("sys/unseal", { key });
    expect([status, text]).toEqual([400, expect.stringMatching(/^\{"errors":\["/)]);
  });

  it("a password that is too long is refused", async () => {
    const user = (length: number) =>
      send("auth/userpass/users/a", { password: "x".repeat(length) });
    expect((await user(PASSWORD_MAX_BYTES)).status).toBe(204);
    const long = await user(PASSWORD_MAX_BYTES + 1);
    expect([long.status, long.json]).toEqual([400, {
      errors: ["password is longer than 4096 bytes"],
    }]);
  });

  it("the name of a user or role that is too long is refused", () => {
    expect(parseName("a".repeat(LOGIN_NAME_MAX_CHARS))).toHaveLength(LOGIN_NAME_MAX_CHARS);
    expect(() => parseName("a".repeat(LOGIN_NAME_MAX_CHARS + 1))).toThrow("unsupported path");
  });

  it("a secret id that is too long is refused", async () => {
    const secret = (length: number) =>
      send("auth/approle/role/r/custom-secret-id", { secret_id: "x".repeat(length) });
    expect((await secret(SECRET_ID_MAX_CHARS)).status).toBe(200);
    expect((await secret(SECRET_ID_MAX_CHARS + 1)).status).toBe(400);
  });

  it("custom metadata with too many or too long entries is refused", async () => {
    const write = (custom_metadata: object) => send("kv2/metadata/a", { custom_metadata });
    const names = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}`, "v"]));
    const longest = {
      ["k".repeat(CUSTOM_METADATA_KEY_MAX_BYTES)]: "v".repeat(CUSTOM_METADATA_VALUE_MAX_BYTES),
    };
    for (const taken of [names(CUSTOM_METADATA_MAX_KEYS), longest]) {
      expect((await write(taken)).status).toBe(204);
    }
    for (
      const refused of [
        names(CUSTOM_METADATA_MAX_KEYS + 1),
        { ["k".repeat(CUSTOM_METADATA_KEY_MAX_BYTES + 1)]: "v" },
        { k: "v".repeat(CUSTOM_METADATA_VALUE_MAX_BYTES + 1) },
      ]
    ) expect((await write(refused)).status).toBe(400);
  });

  it("a time or plugin version that is too long is refused", () => {
    const time = (length: number) => `2026-01-02T03:04:05.${"0".repeat(length - 21)}Z`;
    expect(parseAbsoluteTime(time(TIME_MAX_CHARS))).not.toBeNull();
    expect(parseAbsoluteTime(time(TIME_MAX_CHARS + 1))).toBeNull();
    const version = (length: number) => `v1.0.0+${"a".repeat(length - 7)}`;
    expect(canonicalVersion(version(PLUGIN_VERSION_MAX_CHARS))).toMatch(/^v1\.0\.0\+a+$/);
    expect(() => canonicalVersion(version(PLUGIN_VERSION_MAX_CHARS + 1))).toThrow(/not a valid/);
  });
});
