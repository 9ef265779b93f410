/** Wrong parameters, bodies, paths and headers get the documented refusal and change nothing. */

import { describe, expect, it } from "vitest";
import {
  type ApiRequest,
  type ApiResponse,
  PGP_PUBLIC_KEY,
  textAt,
  textsAt,
} from "../../contract/api.contract.ts";
import { ORIGIN } from "../memory_api.ts";
import { prepare, type Stage, type StageName, stateOf } from "../stages.ts";

/** `signed`: a duration that may be negative, which turns it off. */
type Kind = "integer" | "flag" | "text" | "texts" | "names" | "duration" | "signed" | "object";
type Body = Readonly<Record<string, unknown>>;

interface Endpoint {
  readonly stage: StageName;
  readonly method: string;
  readonly path: string;
  /** Raw handlers take JSON types as they are; the others convert text and numbers. */
  readonly raw: boolean;
  readonly parameters: Readonly<Record<string, Kind>>;
  /** A body that is accepted unless a case spoils one of its parameters. */
  readonly valid: (stage: Stage) => Body;
}

const HUGE = "A".repeat(1_000_000);
/** More keys than shares, but fewer than the limit on texts in a body. */
const MANY = Array.from({ length: 900 }, () => "AAAA");

const RAW_WRONG: Readonly<Record<Kind, readonly unknown[]>> = {
  integer: ["5", "x", "", true, {}, [], [1], 1.5, 1e30, -1e30, HUGE],
  flag: ["true", "", 1, 0, {}, [], HUGE],
  text: [5, 0, true, {}, [], ["x"]],
  texts: ["x", 5, true, {}, [5], [{}], [["x"]], HUGE],
  names: [],
  duration: [],
  signed: [],
  object: [],
};
const CONVERTED_WRONG: Readonly<Record<Kind, readonly unknown[]>> = {
  integer: ["x", "1.5", 1.5, {}, [], [1], 1e30, -1e30, HUGE],
  flag: ["maybe", "yes", 2, {}, [], HUGE],
  text: [{}, { a: 1 }, [], ["x"]],
  texts: [{}, [{}], [["x"]]],
  names: [[{}], [["x"]], { a: 1 }],
  duration: ["x", "1y", -1, "-1s", {}, [], true, HUGE],
  signed: ["x", "1y", {}, [], true, HUGE],
  object: ["x", 5, true, ["x"], HUGE],
};

const START: Readonly<Record<string, Kind>> = {
  secret_shares: "integer",
  secret_threshold: "integer",
  pgp_keys: "texts",
  backup: "flag",
  require_verification: "flag",
  verify_all: "flag",
};
const SHARE: Readonly<Record<string, Kind>> = { key: "text", nonce: "text", params_digest: "text" };
const startBody = () => ({ secret_shares: 3, secret_threshold: 2 });
const submission = ({ shares, nonce }: Stage) => ({ key: shares[1], nonce });
const proof = ({ newShares, verification }: Stage) => ({ key: newShares[1], nonce: verification });

function ceremony(
  prefix: string,
  raw: boolean,
  stages: readonly [StageName, StageName, StageName],
) {
  const [idle, gathering, verifying] = stages;
  const all = { method: "PUT", raw };
  return [
    { ...all, stage: idle, path: `${prefix}/init`, parameters: START, valid: startBody },
    { ...all, stage: gathering, path: `${prefix}/update`, parameters: SHARE, valid: submission },
    { ...all, stage: verifying, path: `${prefix}/verify`, parameters: SHARE, valid: proof },
  ];
}

const SHAMIR_STAGES = ["unsealed", "gathering", "verifying"] as const;
const STATIC_STAGES = ["static", "static-gathering", "static-verifying"] as const;

const ENDPOINTS: readonly Endpoint[] = [
  {
    stage: "fresh",
    method: "PUT",
    path: "/v1/sys/init",
    raw: true,
    parameters: {
      secret_shares: "integer",
      secret_threshold: "integer",
      pgp_keys: "texts",
      recovery_shares: "integer",
      recovery_threshold: "integer",
      recovery_pgp_keys: "texts",
      root_token_pgp_key: "text",
    },
    valid: startBody,
  },
  {
    stage: "sealed",
    method: "PUT",
    path: "/v1/sys/unseal",
    raw: true,
    parameters: { key: "text", reset: "flag", migrate: "flag" },
    valid: ({ shares }) => ({ key: shares[0] }),
  },
  ...ceremony("/v1/sys/rekey", true, SHAMIR_STAGES),
  ...ceremony("/v1/sys/rekey-recovery-key", true, STATIC_STAGES),
  ...ceremony("/v1/sys/rotate/root", false, SHAMIR_STAGES),
  ...ceremony("/v1/sys/rotate/recovery", false, STATIC_STAGES),
  ...converted([
    ["PUT", "sys/rotate/config", {
      enabled: "flag",
      interval: "duration",
      max_operations: "integer",
    }, {}],
    ["POST", "sys/mounts/new", {
      type: "text",
      description: "text",
      config: "object",
      options: "object",
      local: "flag",
      seal_wrap: "flag",
      external_entropy_access: "flag",
    }, { type: "kv" }],
    ["POST", "sys/mounts/kv/tune", {
      description: "text",
      default_lease_ttl: "text",
      max_lease_ttl: "text",
      options: "object",
    }, {}],
    ["PUT", "sys/policies/acl/new", { policy: "text" }, {}],
    ["PUT", "sys/policy/new", { policy: "text", rules: "text" }, {}],
    ["PUT", "sys/capabilities-self", { path: "texts", paths: "texts" }, {}],
    ["POST", "auth/token/create", {
      policies: "names",
      ttl: "text",
      explicit_max_ttl: "text",
      num_uses: "integer",
      meta: "object",
      no_parent: "flag",
      no_default_policy: "flag",
      renewable: "flag",
      display_name: "text",
    }, {}],
    ["POST", "auth/token/lookup-accessor", { accessor: "text" }, {}],
    ["POST", "auth/token/revoke-accessor", { accessor: "text" }, {}],
    ["POST", "kv2/data/a", { data: "object", options: "object" }, { data: { x: 2 } }],
    ["POST", "kv2/metadata/a", {
      max_versions: "integer",
      cas_required: "flag",
      delete_version_after: "duration",
      custom_metadata: "object",
    }, {}],
    ["POST", "kv2/config", {
      max_versions: "integer",
      cas_required: "flag",
      delete_version_after: "signed",
    }, {}],
  ]),
];

/** Endpoints that take a body but do not read it. */
const BODY_ONLY: readonly Endpoint[] = converted([
  ["PUT", "sys/rotate", {}, {}],
  ["PUT", "sys/rotate/root", {}, {}],
  ["PUT", "sys/sealwrap/rewrap", {}, {}],
  ["PUT", "kv/a", {}, {}],
  ["POST", "kv2/delete/a", {}, {}],
  ["POST", "auth/token/renew-self", {}, {}],
]);

function converted(
  rows: readonly (readonly [string, string, Readonly<Record<string, Kind>>, Body])[],
): readonly Endpoint[] {
  return rows.map(([method, path, parameters, body]) => ({
    stage: "unsealed" as const,
    method,
    path: `/v1/${path}`,
    raw: false,
    parameters,
    valid: () => body,
  }));
}

function titleOf({ method, path, stage }: Endpoint): string {
  return `${method} ${path} (${stage})`;
}

function label(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 40 ? `${text.slice(0, 16)}… of ${text.length}` : text;
}

function errorOf(response: ApiResponse): string {
  expect(Object.keys(Object(response.json))).toEqual(["errors"]);
  const errors = textsAt(response.json, "errors");
  expect(errors).toHaveLength(1);
  return errors[0] ?? "";
}

/** Sends a request that must be refused. Resolves to "" or to what was wrong with the answer. */
async function refuse(
  stage: Stage,
  before: string,
  method: string,
  path: string,
  request: ApiRequest,
  wanted: RegExp,
): Promise<string> {
  const response = await stage.api.request(method, path, { token: stage.token, ...request });
  const error = response.status === 400 ? errorOf(response) : response.text.slice(0, 200);
  if (response.status !== 400 || !wanted.test(error)) return `${response.status} ${error}`;
  return await stateOf(stage) === before ? "" : "the state has changed";
}

describe("parameters of the wrong type", () => {
  for (const endpoint of ENDPOINTS) {
    it(`${titleOf(endpoint)} refuses parameters of the wrong type and changes nothing`, async () => {
      const stage = await prepare(endpoint.stage);
      const before = await stateOf(stage);
      const wrong = endpoint.raw ? RAW_WRONG : CONVERTED_WRONG;
      const failures: string[] = [];
      for (const [name, kind] of Object.entries(endpoint.parameters)) {
        const wanted = endpoint.raw
          ? new RegExp(`^failed to decode JSON input: .*\\b${name}\\b`)
          : new RegExp(
            `^(Field validation failed: )?error converting input for field "${name}": `,
          );
        for (const value of wrong[kind]) {
          const body = { ...endpoint.valid(stage), [name]: value };
          const { method, path } = endpoint;
          const failure = await refuse(stage, before, method, path, { body }, wanted);
          if (failure !== "") failures.push(`${name}=${label(value)}: ${failure}`);
        }
      }
      expect(failures).toEqual([]);
    });
  }

  it("every endpoint in the table accepts its valid body", async () => {
    const failures: string[] = [];
    for (const endpoint of ENDPOINTS) {
      const stage = await prepare(endpoint.stage);
      const body = endpoint.valid(stage);
      if (Object.keys(body).length === 0) continue;
      const { method, path } = endpoint;
      const response = await stage.api.request(method, path, { token: stage.token, body });
      if (response.status > 204) failures.push(`${titleOf(endpoint)}: ${response.text}`);
    }
    expect(failures).toEqual([]);
  });
});

interface Refusal {
  readonly stage: StageName;
  readonly method: string;
  readonly path: string;
  readonly body: (stage: Stage) => Body;
  readonly error: string | RegExp;
}

const RECOVERY = "invalid recovery configuration: ";

type CountRow = readonly [shares: unknown, threshold: unknown, detail: string];

function counts(prefix: string, path: string, stage: StageName): Refusal[] {
  return countRefusals(prefix, path, stage, "secret", [
    [undefined, undefined, "shares must be at least one"],
    [0, 0, "shares must be at least one"],
    [null, 1, "shares must be at least one"],
    [-1, 1, "shares must be at least one"],
    [-255, -255, "shares must be at least one"],
    [1, 0, "threshold must be at least one"],
    [5, null, "threshold must be at least one"],
    [5, -3, "threshold must be at least one"],
    [5, 1, "threshold must be greater than one for multiple shares"],
    [256, 3, "shares must be less than 256"],
    [Number.MAX_SAFE_INTEGER, 2, "shares must be less than 256"],
    [255, 256, "threshold must be less than 256"],
    [3, 5, "threshold cannot be larger than shares"],
  ]);
}

/** There may be no recovery shares at all, so each count alone is checked last. */
function recoveryCounts(): Refusal[] {
  return countRefusals(RECOVERY, "/v1/sys/init", "fresh-static", "recovery", [
    [null, 1, "threshold cannot be larger than shares"],
    [0, 1, "threshold cannot be larger than shares"],
    [-1, 1, "shares must be at least one"],
    [-255, -255, "shares must be at least one"],
    [0, -3, "threshold must be at least one"],
    [1, 0, "threshold must be at least one"],
    [5, null, "threshold must be greater than one for multiple shares"],
    [5, -3, "threshold must be greater than one for multiple shares"],
    [5, 1, "threshold must be greater than one for multiple shares"],
    [256, 3, "shares must be less than 256"],
    [Number.MAX_SAFE_INTEGER, 2, "shares must be less than 256"],
    [255, 256, "threshold must be less than 256"],
    [3, 5, "threshold cannot be larger than shares"],
  ]);
}

function countRefusals(
  prefix: string,
  path: string,
  stage: StageName,
  kind: string,
  rows: readonly CountRow[],
): Refusal[] {
  return rows.map(([shares, threshold, detail]) => ({
    stage,
    method: "PUT",
    path,
    body: () => ({ [`${kind}_shares`]: shares, [`${kind}_threshold`]: threshold }),
    error: prefix + detail,
  }));
}

const LONE_BACKUP =
  "cannot request a backup of the new keys without providing PGP keys for encryption";
const SHORT = "AAAAAAAAAAAAAAAAAAAA";
const NOT_TEXT = "'key' must be a valid hex or base64 string";

function starts(
  path: string,
  stage: StageName,
  wrongCount: string,
  prefix: string,
): readonly Refusal[] {
  const row = (body: Body, error: string | RegExp): Refusal => ({
    stage,
    method: "PUT",
    path,
    body: () => ({ ...startBody(), ...body }),
    error,
  });
  const key = PGP_PUBLIC_KEY;
  return [
    ...counts(prefix, path, stage),
    row({ backup: true }, LONE_BACKUP),
    row({ backup: true, pgp_keys: [] }, LONE_BACKUP),
    row({ pgp_keys: [key] }, wrongCount),
    row({ pgp_keys: MANY }, wrongCount),
    row({ pgp_keys: [key, key, ""] }, new RegExp(`^${prefix}error parsing given PGP key: `)),
    row({ pgp_keys: [key, "n!t", key] }, new RegExp(`^${prefix}error decoding given PGP key: `)),
    row({ pgp_keys: [key, HUGE, key] }, new RegExp(`^${prefix}error parsing given PGP key: `)),
    row({ pgp_keys: ["AAAA", key, key] }, new RegExp(`^${prefix}error parsing given PGP key: `)),
  ];
}

/** Refusals of `update` and `verify` for a key, given before they look at the attempt. */
function keys(path: string, stage: StageName, missing: string): readonly Refusal[] {
  const row = (key: unknown, error: string): Refusal => ({
    stage,
    method: "PUT",
    path,
    body: ({ nonce, verification }) => ({ key, nonce: verification === "" ? nonce : verification }),
    error,
  });
  return [
    row(undefined, missing),
    row(null, missing),
    row("", missing),
    row("zz", NOT_TEXT),
    row("00", NOT_TEXT),
    row("%%%", NOT_TEXT),
    row(`${SHORT}=`, NOT_TEXT),
    row("\u0000", NOT_TEXT),
    row("\ud800", NOT_TEXT),
    row(SHORT, "key is shorter than minimum 16 bytes"),
    row("ab".repeat(34), "key is longer than maximum 33 bytes"),
    row(HUGE, "key is longer than maximum 33 bytes"),
  ];
}

function nonces(
  path: string,
  stage: StageName,
  valid: (stage: Stage) => Body,
  error: RegExp,
  missing: string | RegExp,
): readonly Refusal[] {
  return [undefined, null, "", "x", HUGE, "\u0000", "00000000-0000-0000-0000-000000000000"].map(
    (nonce) => ({
      stage,
      method: "PUT",
      path,
      body: (from) => ({ ...valid(from), nonce }),
      error: nonce === undefined || nonce === null || nonce === "" ? missing : error,
    }),
  );
}

const UUID = "[0-9a-f]{8}-[0-9a-f-]{27}";
const LEGACY_NONCE = new RegExp(
  `^incorrect nonce supplied; nonce for this rekey operation is "${UUID}"$`,
);
const VERIFY_NONCE = new RegExp(
  `^incorrect nonce supplied; nonce for this verify operation is "${UUID}"$`,
);
const ROTATE_NONCE = new RegExp(`^incorrect nonce supplied; nonce for rotation is "${UUID}"$`);
const NO_KEY = "'key' must be specified in request body as JSON";

const REFUSALS: readonly Refusal[] = [
  ...counts("invalid seal configuration: ", "/v1/sys/init", "fresh"),
  ...recoveryCounts(),
  ...legacy("/v1/sys/rekey", SHAMIR_STAGES, "invalid rekey seal configuration: "),
  ...legacy("/v1/sys/rekey-recovery-key", STATIC_STAGES, RECOVERY),
  ...rotate("/v1/sys/rotate/root", SHAMIR_STAGES),
  ...rotate("/v1/sys/rotate/recovery", STATIC_STAGES),
  ...keys("/v1/sys/unseal", "sealed", "").map((row) => ({
    ...row,
    error: row.error === ""
      ? `${NO_KEY}, or 'reset' set to true`
      : String(row.error).replace(/^key is/, "invalid key: key is"),
  })),
  ...unsealed("PUT", "sys/rotate/config", [
    [{ interval: 60 }, "interval must be greater or equal to 24h0m0s"],
    [{ interval: "23h59m59s" }, "interval must be greater or equal to 24h0m0s"],
    [{ max_operations: 0 }, "max_operations must be in the range [1000000,3865470566]"],
    [{ max_operations: -1 }, "max_operations must be in the range [1000000,3865470566]"],
    [{ max_operations: 3865470567 }, "max_operations must be in the range [1000000,3865470566]"],
  ]),
  ...unsealed("POST", "sys/mounts/new", [
    [{}, "backend type must be specified as a string"],
    [{ type: null }, "backend type must be specified as a string"],
    [{ type: "" }, "backend type must be specified as a string"],
    [{ type: "nope" }, "plugin not found in the catalog: nope"],
    [{ type: "kv", config: { default_lease_ttl: "x" } }, /^unable to parse default TTL of x: /],
    [{ type: "kv", config: { max_lease_ttl: -5 } }, /^unable to parse max TTL of -5: /],
  ]),
  ...unsealed("POST", "sys/mounts/sys", [[{ type: "kv" }, 'cannot mount "sys/"']]),
  ...unsealed("POST", "sys/mounts/kv", [[{ type: "kv" }, "path is already in use at kv/"]]),
  ...unsealed("POST", "sys/mounts/kv/below", [[{ type: "kv" }, "path is already in use at kv/"]]),
  ...unsealed("DELETE", "sys/mounts/sys", [[{}, 'cannot unmount "sys/"']]),
  ...unsealed("PUT", "sys/policies/acl/new", [
    [{}, "'policy' parameter not supplied or empty"],
    [{ policy: null }, "'policy' parameter not supplied or empty"],
    [{ policy: "" }, "'policy' parameter not supplied or empty"],
    [{ policy: 5 }, /^failed to parse policy: /],
    [{ policy: "path" }, /^failed to parse policy: /],
    [{ policy: 'path "a" { capabilities = ["zzz"] }' }, /invalid capability "zzz"/],
    [{ policy: `path "a" { capabilities = [${"[".repeat(100_000)}` }, /^failed to parse policy: /],
  ]),
  ...unsealed("PUT", "sys/policies/acl/root", [[{ policy: "{}" }, 'cannot update "root" policy']]),
  ...unsealed("DELETE", "sys/policies/acl/default", [[{}, "cannot delete default policy"]]),
  ...unsealed("PUT", "sys/capabilities-self", [[{}, "paths must be supplied"]]),
  ...unsealed("POST", "auth/token/create", [
    [{ num_uses: -1 }, "number of uses cannot be negative"],
    [{ ttl: "zz" }, 'time: invalid duration "zz"'],
  ]),
  ...unsealed("POST", "auth/token/lookup-accessor", [
    [{}, "1 error occurred:\n\t* missing accessor\n\n"],
    [{ accessor: HUGE }, "1 error occurred:\n\t* invalid accessor\n\n"],
  ]),
  ...unsealed("POST", "auth/token/revoke", [[{}, "missing token ID"]]),
  ...unsealed("PUT", "kv/a", [[{}, "missing data fields"]]),
  ...unsealed("PUT", "kv/folder/", [[{ x: 1 }, "cannot write to a path ending in '/'"]]),
  ...unsealed("POST", "kv2/data/a", [
    [{}, "no data provided"],
    [{ data: { x: 1 }, options: { cas: 7 } }, /did not match the current version$/],
    [{ data: { x: 1 }, options: { cas: 0 } }, /did not match the current version$/],
    [{ data: { x: 1 }, options: { cas: -1 } }, /did not match the current version$/],
    [{ data: { x: 1 }, options: { cas: "x" } }, "error parsing check-and-set parameter"],
    [{ data: { x: 1 }, options: { cas: 1e30 } }, "error parsing check-and-set parameter"],
  ]),
  ...["delete", "undelete", "destroy"].flatMap((name) =>
    unsealed("POST", `kv2/${name}/a`, [
      [{}, /^[Nn]o version number provided$/],
      [{ versions: [] }, /^[Nn]o version number provided$/],
      [{ versions: ["x"] }, /error converting input for field "versions"/],
      [{ versions: {} }, /^[Nn]o version number provided$/],
    ])
  ),
];

function legacy(
  prefix: string,
  [idle, gathering, verifying]: readonly [StageName, StageName, StageName],
  configuration: string,
): readonly Refusal[] {
  const [update, verify] = [`${prefix}/update`, `${prefix}/verify`];
  const wrongCount = "incorrect number of PGP keys for rekey";
  return [
    ...starts(`${prefix}/init`, idle, wrongCount, configuration),
    ...keys(update, gathering, NO_KEY),
    ...keys(verify, verifying, NO_KEY),
    ...nonces(update, gathering, submission, LEGACY_NONCE, LEGACY_NONCE),
    ...nonces(verify, verifying, proof, VERIFY_NONCE, VERIFY_NONCE),
  ];
}

function rotate(
  prefix: string,
  [idle, gathering, verifying]: readonly [StageName, StageName, StageName],
): readonly Refusal[] {
  const [update, verify] = [`${prefix}/update`, `${prefix}/verify`];
  const configuration = prefix.endsWith("recovery")
    ? RECOVERY
    : "invalid rotate seal configuration: ";
  const wrongCount = `${configuration}count mismatch between number of provided PGP keys ` +
    "and number of shares";
  const noNonce = "missing required field 'nonce'";
  return [
    ...starts(`${prefix}/init`, idle, wrongCount, configuration),
    ...keys(update, gathering, "missing required field 'key'"),
    ...keys(verify, verifying, "missing required field 'key'"),
    ...nonces(update, gathering, submission, ROTATE_NONCE, noNonce),
    ...nonces(verify, verifying, proof, VERIFY_NONCE, noNonce),
  ];
}

function unsealed(
  method: string,
  path: string,
  rows: readonly (readonly [Body, string | RegExp])[],
): readonly Refusal[] {
  return rows.map(([body, error]) => ({
    stage: "unsealed" as const,
    method,
    path: `/v1/${path}`,
    body: () => body,
    error,
  }));
}

function escaped(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}

describe("missing, wrong and huge values", () => {
  const groups = Map.groupBy(REFUSALS, ({ method, path, stage }) => `${method} ${path} (${stage})`);
  for (const [title, rows] of groups) {
    it(`${title} refuses missing, wrong and huge values with the documented text`, async () => {
      const [first] = rows;
      if (first === undefined) throw new Error("an empty group");
      const stage = await prepare(first.stage);
      const before = await stateOf(stage);
      const failures: string[] = [];
      for (const { method, path, body, error } of rows) {
        const wanted = typeof error === "string" ? escaped(error) : error;
        const failure = await refuse(stage, before, method, path, { body: body(stage) }, wanted);
        if (failure !== "") failures.push(`${label(body(stage))}: ${failure}`);
      }
      expect(failures).toEqual([]);
    });
  }
});

const BODIES: Readonly<Record<string, string>> = {
  truncated: '{"secret_shares":',
  "truncated in a text": '{"key":"abc',
  array: "[1]",
  "empty array": "[]",
  text: '"text"',
  number: "5",
  boolean: "true",
  "text after the object": '{"a":1}garbage',
  "a bracket after the object": '{"a":1}]',
  "single quotes": "{'a':1}",
  "a trailing comma": '{"a":1,}',
  "a byte order mark": '\ufeff{"a":1}',
  "a thousand and one texts": `{"a":[${'"",'.repeat(999)}""]}`,
  "300,000 objects": `{"a":[${"{},".repeat(299_999)}{}]}`,
  "nested 100,000 deep": `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  "objects 100,000 deep": `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`,
  "a NUL": "\u0000",
  "a NUL in a name": '{"a\u0000":1}',
  "a bare word": "nul",
};

describe("malformed bodies", () => {
  for (const endpoint of [...ENDPOINTS, ...BODY_ONLY]) {
    it(`${titleOf(endpoint)} refuses a malformed body and changes nothing`, async () => {
      const stage = await prepare(endpoint.stage);
      const before = await stateOf(stage);
      const { method, path } = endpoint;
      const failures: string[] = [];
      for (const [name, rawBody] of Object.entries(BODIES)) {
        const wanted = /^(failed to decode JSON input|refused JSON input due to high complexity): /;
        const failure = await refuse(stage, before, method, path, { rawBody }, wanted);
        if (failure !== "") failures.push(`${name}: ${failure}`);
      }
      expect(failures).toEqual([]);
    });
  }

  it("a second JSON value after the first is ignored, as in the reference", async () => {
    const stage = await prepare("unsealed");
    const { api, token } = stage;
    const rawBody = '{"secret_shares":1,"secret_threshold":1} {"secret_shares":9}';
    const started = await api.request("PUT", "/v1/sys/rekey/init", { token, rawBody });
    expect(started.json).toMatchObject({ started: true, n: 1, t: 1 });
    const stored = await api.request("PUT", "/v1/kv/b", { token, rawBody: '{"a":1}{"b":2}' });
    expect(stored.status).toBe(204);
    const read = await api.request("GET", "/v1/kv/b", { token });
    expect(read.json).toMatchObject({ data: { a: 1 } });
  });

  it("an empty body, spaces and null count as no parameters", async () => {
    const stage = await prepare("unsealed");
    const before = await stateOf(stage);
    const wanted = /^invalid rekey seal configuration: shares must be at least one$/;
    for (const rawBody of ["", "  \n", "null"]) {
      const path = "/v1/sys/rekey/init";
      expect(await refuse(stage, before, "PUT", path, { rawBody }, wanted)).toBe("");
    }
  });
});

const MEBIBYTE = 1024 * 1024;
const TOO_LARGE = { errors: ["http: request body too large"] };

describe("bodies over 32 MiB", () => {
  for (const endpoint of [...ENDPOINTS, ...BODY_ONLY]) {
    it(`${titleOf(endpoint)} refuses a body over 32 MiB, declared or streamed`, async () => {
      const stage = await prepare(endpoint.stage);
      const before = await stateOf(stage);
      const { method, path } = endpoint;
      const declared = await stage.api.request(method, path, {
        token: stage.token,
        headers: { "Content-Length": String(33 * MEBIBYTE) },
        rawBody: "{}",
      });
      expect([declared.status, declared.json]).toEqual([413, TOO_LARGE]);
      const chunk = new Uint8Array(MEBIBYTE).fill(0x20);
      let pulled = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled += 1;
          controller.enqueue(chunk);
        },
      });
      const init = { method, headers: { "X-Vault-Token": stage.token }, body: endless };
      const streamed = await stage.api.fetch(
        new Request(ORIGIN + path, { ...init, duplex: "half" } as RequestInit),
      );
      expect([streamed.status, streamed.json]).toEqual([413, TOO_LARGE]);
      expect(pulled).toBeLessThan(40);
      expect(await stateOf(stage)).toBe(before);
    });
  }
});

const BAD_PATHS: Readonly<Record<string, RegExp>> = {
  "kv/%00": /non-printable/,
  "kv/a%00b": /non-printable/,
  "kv/a%0Ab": /non-printable/,
  "kv/%7F": /non-printable/,
  "kv/%C2%85": /non-printable/,
  "kv/%zz": /percent-encoded/,
  "kv/%": /percent-encoded/,
  "kv/%C3%28": /percent-encoded/,
  "kv/%FF": /percent-encoded/,
  "sys/init%00": /non-printable/,
  "sys/rekey/init%00": /non-printable/,
  "sys/policies/acl/%00": /non-printable/,
  "sys/mounts/%0a": /non-printable/,
  "kv/..%2Fsys": /^relative paths not supported$/,
  "kv/%2e%2e/kv/a": /^relative paths not supported$/,
  "kv/.%2E/kv/a": /^relative paths not supported$/,
  "kv/%2e./sys/rekey/init": /^relative paths not supported$/,
  "sys/%2E%2E/kv/a": /^relative paths not supported$/,
  "kv/%2e": /^relative paths not supported$/,
  "kv/a/%2E/b": /^relative paths not supported$/,
  "kv/a%E2%80%8Bb": /non-printable/,
  [`kv/${"a".repeat(3000)}`]: /^path is longer than 2048 bytes$/,
  [`kv/${"%E2%82%AC".repeat(700)}`]: /^path is longer than 2048 bytes$/,
};

describe("bad paths", () => {
  for (const [path, wanted] of Object.entries(BAD_PATHS)) {
    const shown = path.length > 60 ? `${path.slice(0, 20)}… of ${path.length}` : path;
    it(`the path ${shown} is refused and changes nothing`, async () => {
      const stage = await prepare("unsealed");
      const before = await stateOf(stage);
      const failures: string[] = [];
      for (const method of ["GET", "PUT", "POST", "DELETE"]) {
        const request = method === "GET" || method === "DELETE" ? {} : { body: { x: 1 } };
        const failure = await refuse(stage, before, method, `/v1/${path}`, request, wanted);
        if (failure !== "") failures.push(`${method}: ${failure}`);
      }
      expect(failures).toEqual([]);
    });
  }

  it("a policy name too long for a stored record is refused and changes nothing", async () => {
    const stage = await prepare("unsealed");
    const before = await stateOf(stage);
    const path = `/v1/sys/policies/acl/${"a".repeat(3000)}`;
    const body = { policy: 'path "a" { capabilities = ["read"] }' };
    expect(await refuse(stage, before, "PUT", path, { body }, /exceeds 2048 bytes$/)).toBe("");
  });

  it("a path with empty or dot segments is redirected to the clean path", async () => {
    const { api, token } = await prepare("unsealed");
    for (const path of ["/v1//kv/a", "/v1/kv/./a", "/v1/kv/x/../a"]) {
      const response = await api.request("GET", path, { token });
      expect([response.status, response.headers.get("location")]).toEqual([307, "/v1/kv/a"]);
    }
  });
});

describe("namespaces", () => {
  const restricted = [
    ["GET", "sys/init"],
    ["PUT", "sys/unseal"],
    ["PUT", "sys/seal"],
    ["GET", "sys/health"],
    ["GET", "sys/rekey/init"],
    ["PUT", "sys/rekey/init"],
    ["DELETE", "sys/rekey/init"],
    ["PUT", "sys/rekey/update"],
    ["GET", "sys/rekey/verify"],
    ["GET", "sys/rekey-recovery-key/init"],
    ["GET", "sys/sealwrap/rewrap"],
    ["PUT", "sys/sealwrap/rewrap"],
    ["DELETE", "sys/sealwrap/rewrap"],
  ] as const;
  for (const name of ["ns1", "ns1/", "root", "a/b", "x".repeat(10_000)]) {
    it(`the namespace ${name.slice(0, 10)} is refused where none may be named`, async () => {
      const stage = await prepare("unsealed");
      const before = await stateOf(stage);
      const headers = { "X-Vault-Namespace": name };
      const failures: string[] = [];
      for (const [method, path] of restricted) {
        const wanted = /^operation unavailable in namespaces$/;
        const failure = await refuse(stage, before, method, `/v1/${path}`, { headers }, wanted);
        if (failure !== "") failures.push(`${method} ${path}: ${failure}`);
      }
      expect(failures).toEqual([]);
    });
  }

  it("an unknown namespace is not found; the root namespace is served as none is", async () => {
    const { api, token } = await prepare("unsealed");
    const read = (name: string) =>
      api.request("GET", "/v1/kv/a", { token, headers: { "X-Vault-Namespace": name } });
    const unknown = await read("ns1");
    expect([unknown.status, unknown.json]).toEqual([404, { errors: ["namespace not found"] }]);
    expect(unknown.headers.get("x-vault-namespace")).toBe("ns1");
    for (const name of ["root", "root/", "/", ""]) expect((await read(name)).status).toBe(200);
  });
});

describe("bad queries", () => {
  for (const name of ["activecode", "sealedcode", "uninitcode", "standbycode"]) {
    it(`sys/health refuses a bad ${name}`, async () => {
      const { api } = await prepare("unsealed");
      for (const value of ["", "x", "-1", "0", "99", "600", "1e3", "2.5", "%00", "9".repeat(400)]) {
        const response = await api.request("GET", `/v1/sys/health?${name}=${value}`);
        expect([value, response.status, response.json]).toEqual([value, 400, { errors: [] }]);
      }
    });
  }

  it("a backup query finds nothing by the names of object properties", async () => {
    const { api, token, shares } = await prepare("unsealed");
    const body = {
      secret_shares: 1,
      secret_threshold: 1,
      pgp_keys: [PGP_PUBLIC_KEY],
      backup: true,
    };
    const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
    const nonce = textAt(started.json, "nonce");
    for (const key of shares.slice(0, 2)) {
      await api.request("PUT", "/v1/sys/rekey/update", { token, body: { key, nonce } });
    }
    for (const name of ["", "x", "constructor", "__proto__", "%00", "a".repeat(5000)]) {
      const path = `/v1/sys/rekey/backup?fingerprint=${name}`;
      const response = await api.request("GET", path, { token });
      expect([name, response.status, response.json]).toEqual([
        name,
        400,
        { errors: ["no backed-up keys found"] },
      ]);
    }
  });
});

describe("secrets in answers and logs", () => {
  const bytes = Array.from({ length: 33 }, (_, index) => 0xc0 + index % 40);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = btoa(String.fromCharCode(...bytes));
  const canaries = [hex, base64, "CANARY-nonce", "s.CANARYtoken", "CANARY-body", "CANARY-digest"];
  const stages: readonly StageName[] = [
    "fresh",
    "sealed",
    "unsealed",
    "gathering",
    "verifying",
    "static-gathering",
    "static-verifying",
  ];
  for (const name of stages) {
    it(`no answer or log line of a vault that is ${name} repeats a secret it was sent`, async () => {
      const stage = await prepare(name);
      const answers: string[] = [];
      for (const { method, path, parameters } of [...ENDPOINTS, ...BODY_ONLY]) {
        const send = async (request: ApiRequest): Promise<void> => {
          const response = await stage.api.request(method, path, request);
          answers.push(`${method} ${path} ${response.status} ${response.text}`);
        };
        const spoiled = { "CANARY-body": "CANARY-body", params_digest: "CANARY-digest" };
        for (const key of [hex, base64, hex.toUpperCase(), `${hex}00`, hex.slice(0, 20)]) {
          const body = { ...spoiled, key, nonce: "CANARY-nonce", token: "s.CANARYtoken" };
          await send({ token: "s.CANARYtoken", body });
          if (path.endsWith("/lookup") || path.endsWith("/init")) continue;
          if ("key" in parameters) await send({ token: stage.token, body });
        }
        await send({ headers: { Authorization: "Bearer s.CANARYtoken" }, body: spoiled });
        await send({ token: "s.CANARYtoken", rawBody: `{"key":"${hex}","nonce":"CANARY-nonce"` });
        await send({ token: stage.token, rawBody: `{"key":"${hex}"} CANARY-body` });
        const wrongTypes = { key: [hex], nonce: { n: "CANARY-nonce" }, token: ["s.CANARYtoken"] };
        await send({ token: stage.token, body: wrongTypes });
      }
      const leaks = [...answers, ...stage.api.log].filter((line) =>
        canaries.some((canary) => line.toLowerCase().includes(canary.toLowerCase()))
      );
      expect(leaks).toEqual([]);
      expect(answers.filter((line) => / 5\d\d /.test(line) && !line.includes("sealed"))).toEqual(
        [],
      );
    });
  }

  it("no log line from a rekey to the next unseal repeats a token or share", async () => {
    const stage = await prepare("verifying");
    const { api, token, shares, newShares, verification } = stage;
    const body = { key: newShares[1], nonce: verification };
    await api.request("PUT", "/v1/sys/rekey/verify", { token, body });
    await api.settle(token);
    await api.request("PUT", "/v1/sys/seal", { token });
    for (const key of newShares) await api.request("PUT", "/v1/sys/unseal", { body: { key } });
    expect(api.log.some((line) => line.includes("rekeyed"))).toBe(true);
    const secrets = [token, ...shares, ...newShares];
    const encoded = secrets.flatMap((secret) => [secret, secret.slice(0, 32), btoa(secret)]);
    expect(api.log.filter((line) => encoded.some((secret) => line.includes(secret)))).toEqual([]);
  });
});
