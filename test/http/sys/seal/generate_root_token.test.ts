/** Generating a root token with a token, as in OpenBao: its answers, and the order of its refusals. */

import { describe, expect, it } from "vitest";
import { type ApiResponse, at, textAt } from "../../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

const ATTEMPT = "sys/generate-root-token/attempt";
const UPDATE = "sys/generate-root-token/update";
const DECODE = "sys/decode-token";

const IDLE = ["complete", "otp", "otp_length", "progress", "required", "started"];
const STARTED = [...IDLE, "nonce", "pgp_fingerprint"].sort();
const GIVEN = [
  "complete",
  "encoded_token",
  "nonce",
  "pgp_fingerprint",
  "progress",
  "required",
  "started",
];

function members({ json }: ApiResponse): readonly string[] {
  return Object.keys(Object(at(json, "data"))).sort();
}

async function errorOf(client: RootClient, path: string, body: object): Promise<string> {
  const { status, json } = await client.ask("PUT", path, body);
  expect([body, status]).toEqual([body, 400]);
  return textAt(json, "errors", 0);
}

function oneError(text: string): string {
  return `1 error occurred:\n\t* ${text}\n\n`;
}

describe("generate-root-token", () => {
  it("generate-root-token has exactly the recorded members and makes a working token", async () => {
    const client = await openRootClient();
    const { ask, shares } = client;
    expect(members(await ask("GET", ATTEMPT))).toEqual(IDLE);
    const started = await ask("PUT", ATTEMPT, {});
    expect(members(started)).toEqual(STARTED);
    expect(members(await ask("GET", ATTEMPT))).toEqual(STARTED);
    expect(at((await ask("GET", ATTEMPT)).json, "data", "otp")).toBe("");
    const otp = textAt(started.json, "data", "otp");
    const nonce = textAt(started.json, "data", "nonce");
    const given = await ask("PUT", UPDATE, { key: ` ${shares[0]}\n`, nonce });
    expect(members(given)).toEqual(GIVEN);
    expect(at(given.json, "data")).toMatchObject({
      complete: true,
      progress: 1,
      required: 1,
      nonce,
    });
    const encoded = textAt(given.json, "data", "encoded_token");
    const decoded = await ask("PUT", DECODE, { encoded_token: encoded, otp }, null);
    const token = textAt(decoded.json, "data", "token");
    expect((await ask("GET", "auth/token/lookup-self", null, token)).status).toBe(200);
  });

  it("generate-root-token refuses in the documented order, with the reference's errors", async () => {
    const client = await openRootClient();
    const [key] = client.shares;
    expect(await errorOf(client, UPDATE, {})).toBe("nonce is required");
    expect(await errorOf(client, UPDATE, { key: "zz" })).toBe("nonce is required");
    expect(await errorOf(client, UPDATE, { nonce: "x" })).toBe("key is required");
    expect(await errorOf(client, UPDATE, { key, nonce: "x" }))
      .toBe(oneError("no root generation in progress"));
    const started = await client.ask("PUT", ATTEMPT, {});
    const nonce = textAt(started.json, "data", "nonce");
    const update = (body: object) => errorOf(client, UPDATE, { nonce, ...body });
    expect(await update({ key: "zz" }))
      .toBe(oneError("'key' must be a valid hex or base64 string"));
    expect(await update({ key: "aa" }))
      .toBe(oneError("invalid key: key is shorter than minimum 16 bytes"));
    expect(await update({ key: "ab".repeat(34) }))
      .toBe(oneError("invalid key: key is longer than maximum 33 bytes"));
    expect(await update({ key, nonce: "x" })).toBe(oneError(
      `incorrect nonce supplied; nonce for this root generation operation is "${nonce}"`,
    ));
    expect(await update({ key: "ab".repeat(33) }))
      .toBe("given key is not one of the current key shares");
    const status = await client.ask("GET", ATTEMPT);
    expect(at(status.json, "data")).toMatchObject({ progress: 0, nonce, started: true });
  });
});

describe("decode-token", () => {
  it("sys/decode-token needs no token and names the fault of its input", async () => {
    const { ask } = await openRootClient();
    const decode = async (body: object) => {
      const { status, json } = await ask("PUT", DECODE, body, null);
      return status === 200 ? at(json, "data", "token") : [status, textAt(json, "errors", 0)];
    };
    const base64 = "error decoding base64'd token: illegal base64 data at input byte ";
    const empty = [400, "provided 'encoded_token' or 'otp' is empty"];
    expect(await decode({})).toEqual(empty);
    expect(await decode({ encoded_token: "aGVsbG8", otp: "" })).toEqual(empty);
    expect(await decode({ ENCODED_TOKEN: "aGVsbG8", OTP: "world" })).toEqual(empty);
    expect(await decode({ encoded_token: "!", otp: "x" })).toEqual([400, `${base64}0`]);
    expect(await decode({ encoded_token: "aGVsbG8=", otp: "world" })).toEqual([400, `${base64}7`]);
    expect(await decode({ encoded_token: "aGVsbA\nAAA", otp: "x" })).toEqual([400, `${base64}9`]);
    expect(await decode({ encoded_token: "aGVsbG8", otp: "sixsix" })).toEqual([
      400,
      "error xoring token: length of byte slices is not equivalent: 5 != 6",
    ]);
    expect(await decode({ encoded_token: ["x"], otp: "x" })).toEqual([
      400,
      expect.stringMatching(
        /^Field validation failed: error converting input for field "encoded_t/,
      ),
    ]);
    expect(await decode({ encoded_token: "AAAAAAA", otp: 12345 })).toBe("12345");
    const unsupported = { errors: ["unsupported operation"] };
    for (const method of ["GET", "DELETE"]) {
      const refused = await ask(method, DECODE, null, null);
      expect([refused.status, refused.json]).toEqual([405, unsupported]);
    }
  });
});

describe("generate-root", () => {
  it("sys/generate-root/update expects a share with any method", async () => {
    const { api, root } = await openRootClient();
    for (const method of ["LIST", "SCAN", "PATCH", "DELETE", "OPTIONS"]) {
      const headers = { "Content-Type": "application/merge-patch+json" };
      const path = "/v1/sys/generate-root/update";
      const refused = await api.request(method, path, { token: root, headers });
      expect([method, refused.json]).toEqual([method, {
        errors: ["'key' must be specified in request body as JSON"],
      }]);
    }
  });

  it("raw endpoints check a PATCH's content type before its token, and then refuse it", async () => {
    const { api, root } = await openRootClient();
    const patch = async (path: string, type: string, token = root) => {
      const headers: Record<string, string> = type === "" ? {} : { "Content-Type": type };
      const { status, json } = await api.request("PATCH", `/v1/sys/${path}`, { token, headers });
      return [status, json];
    };
    for (const path of ["generate-root/attempt", "seal", "step-down"]) {
      expect(await patch(path, "", "bad")).toEqual([400, { errors: ["mime: no media type"] }]);
      expect((await patch(path, "application/json", "bad"))[0]).toBe(415);
      expect(await patch(path, "application/merge-patch+json")).toEqual([405, { errors: [] }]);
    }
  });
});
