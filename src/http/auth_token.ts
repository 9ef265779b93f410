/** `/auth/token/*`: creating, looking up, renewing and revoking tokens. */

import { type LeaseLimits, leaseLimits } from "../access/logins/lease_limits.ts";
import type { StoredToken, Token } from "../access/token.ts";
import { duration, type Sent, text } from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { oneError } from "./errors.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import { CREATE_FIELDS, createToken } from "./token_create.ts";
import { authFields, describeToken } from "./token_reply.ts";

const DONE: LogicalReply = { kind: "done" };

const TOKEN_FIELDS = { token: text("the token") };
const ACCESSOR_FIELDS = { accessor: text("the public name of the token") };
const INCREMENT_FIELDS = { increment: duration("how long the token should live from now on") };
/** Clients send it; whose token is meant is known without. */
const SELF_FIELDS = { token: text("ignored: the request's own token is meant") };

const RENEW_FIELDS = { ...TOKEN_FIELDS, ...INCREMENT_FIELDS };
const RENEW_SELF_FIELDS = { ...SELF_FIELDS, ...INCREMENT_FIELDS };
const RENEW_ACCESSOR_FIELDS = { ...ACCESSOR_FIELDS, ...INCREMENT_FIELDS };

const LOOKUP = logicalOperation({ summary: "Show a token", fields: TOKEN_FIELDS }, lookup);
const LOOKUP_POSTED = logicalOperation(
  { summary: "Show a token", fields: TOKEN_FIELDS, answers: ["data"] },
  lookup,
);
const LOOKUP_SELF = logicalOperation(
  { summary: "Show the request's own token", fields: SELF_FIELDS },
  lookupSelf,
);
const LOOKUP_SELF_POSTED = logicalOperation(
  { summary: "Show the request's own token", fields: SELF_FIELDS, answers: ["data"] },
  lookupSelf,
);

export const TOKEN_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("auth/token/create", {
    update: logicalOperation(
      {
        summary: "Create a child of the request's own token",
        fields: CREATE_FIELDS,
        answers: ["auth"],
      },
      (request, sent) => createToken(request, { orphan: false, role: null }, sent),
    ),
  }),
  logicalEndpoint("auth/token/create-orphan", {
    update: logicalOperation(
      { summary: "Create a token without a parent", fields: CREATE_FIELDS, answers: ["auth"] },
      (request, sent) => createToken(request, { orphan: true, role: null }, sent),
    ),
  }, { sudo: true }),
  logicalEndpoint("auth/token/create/{role_name}", {
    update: logicalOperation(
      { summary: "Create a token by a role", fields: CREATE_FIELDS, answers: ["auth"] },
      createByRole,
    ),
  }),
  logicalEndpoint("auth/token/lookup-self", { read: LOOKUP_SELF, update: LOOKUP_SELF_POSTED }),
  logicalEndpoint("auth/token/lookup", { read: LOOKUP, update: LOOKUP_POSTED }),
  logicalEndpoint("auth/token/lookup-accessor", {
    update: logicalOperation(
      { summary: "Show the token of an accessor", fields: ACCESSOR_FIELDS, answers: ["data"] },
      async (request, sent) => describeReply(request, await byAccessor(request, sent), ""),
    ),
  }),
  logicalEndpoint("auth/token/renew-self", {
    update: logicalOperation(
      { summary: "Renew the request's own token", fields: RENEW_SELF_FIELDS, answers: ["auth"] },
      (request, sent) => renew(request, self(request), request.call.tokenText, sent),
    ),
  }),
  logicalEndpoint("auth/token/renew", {
    update: logicalOperation(
      { summary: "Renew a token", fields: RENEW_FIELDS, answers: ["auth"] },
      async (request, sent) => {
        const { stored, id } = await namedToken(request, sent);
        return await renew(request, stored, id, sent);
      },
    ),
  }),
  logicalEndpoint("auth/token/renew-accessor", {
    update: logicalOperation(
      {
        summary: "Renew the token of an accessor",
        fields: RENEW_ACCESSOR_FIELDS,
        answers: ["auth"],
      },
      // The answer leaves the id out: who knows only the accessor must not learn it.
      async (request, sent) => renew(request, await byAccessor(request, sent), "", sent),
    ),
  }),
  logicalEndpoint("auth/token/revoke-self", {
    update: logicalOperation(
      { summary: "Revoke the request's own token", fields: SELF_FIELDS },
      (request) => revoke(request, self(request)),
    ),
  }),
  logicalEndpoint("auth/token/revoke", {
    update: logicalOperation(
      { summary: "Revoke a token and its children", fields: TOKEN_FIELDS },
      revokeOther,
    ),
  }),
  logicalEndpoint("auth/token/revoke-accessor", {
    update: logicalOperation(
      { summary: "Revoke the token of an accessor and its children", fields: ACCESSOR_FIELDS },
      async (request, sent) => await revoke(request, await byAccessor(request, sent)),
    ),
  }),
  logicalEndpoint("auth/token/revoke-orphan", {
    update: logicalOperation(
      { summary: "Revoke a token and leave its children", fields: TOKEN_FIELDS },
      revokeOrphan,
    ),
  }, { sudo: true }),
  logicalEndpoint("auth/token/accessors", {
    list: logicalOperation({ summary: "List the accessors of all tokens" }, accessors),
  }, { sudo: true }),
  logicalEndpoint("auth/token/tidy", {
    update: logicalOperation(
      { summary: "Clear tokens whose time is over", answers: ["data"] },
      tidy,
    ),
  }),
];

function self({ call }: LogicalCall): StoredToken {
  if (call.token === null) throw new VaultError("unauthenticated", "permission denied");
  return call.token;
}

async function createByRole(
  request: EndpointCall,
  sent: Sent<typeof CREATE_FIELDS>,
): Promise<LogicalReply> {
  const name = request.parameter("role_name");
  const role = await request.open.tokenRoles.read(name);
  if (role === null) throw invalidRequest(`unknown role ${name}`);
  return await createToken(request, { orphan: false, role }, sent);
}

function describeReply({ call }: LogicalCall, stored: StoredToken, id: string): LogicalReply {
  return describeToken(stored.token, id, call.context.nowMs());
}

async function lookupSelf(request: LogicalCall): Promise<LogicalReply> {
  return describeReply(request, self(request), request.call.tokenText);
}

/** The token named in the body and its id, or the caller's own. */
async function namedToken(
  request: LogicalCall,
  { token: id = "" }: Sent<typeof TOKEN_FIELDS>,
): Promise<{ stored: StoredToken; id: string }> {
  if (id === "") return { stored: self(request), id: request.call.tokenText };
  const stored = await request.open.tokens.find(id);
  if (stored === null) throw new VaultError("denied", "bad token");
  return { stored, id };
}

async function lookup(
  request: LogicalCall,
  sent: Sent<typeof TOKEN_FIELDS>,
): Promise<LogicalReply> {
  const { stored, id } = await namedToken(request, sent);
  return describeReply(request, stored, id);
}

async function byAccessor(
  request: LogicalCall,
  { accessor = "" }: Sent<typeof ACCESSOR_FIELDS>,
): Promise<StoredToken> {
  if (accessor === "") throw invalidRequest("missing accessor");
  const stored = await request.open.tokens.findByAccessor(accessor);
  if (stored === null) throw invalidRequest(oneError("invalid accessor"));
  return stored;
}

async function renew(
  request: LogicalCall,
  stored: StoredToken,
  id: string,
  { increment = 0 }: Sent<typeof INCREMENT_FIELDS>,
): Promise<LogicalReply> {
  const { token } = stored;
  if (token.type === "batch") throw invalidRequest("batch tokens cannot be renewed");
  if (token.expiresAtMs === null) throw invalidRequest("invalid lease ID");
  const nowMs = request.call.context.nowMs();
  if (!token.renewable) {
    const left = Math.max(0, Math.ceil((token.expiresAtMs - nowMs) / 1000));
    const warnings = ["Token is not renewable: its expiry is unchanged"];
    return { kind: "data", data: null, auth: authFields(id, token, left), warnings };
  }
  const { tokens, logins } = request.open;
  const { renewLogin } = await import("../access/logins/methods.ts");
  const login = await renewLogin(logins, token, increment, nowMs);
  const seconds = login?.ttlSeconds ??
    renewedSeconds(token, leaseLimits(logins.token), increment, nowMs);
  const renewed = await tokens.renew(stored, nowMs + seconds * 1000);
  if (renewed === null) throw new VaultError("unauthenticated", "permission denied");
  const auth = authFields(id, renewed, seconds);
  return { kind: "data", data: null, auth, warnings: login?.warnings };
}

/** A periodic token gets its period anew; others end at the latest with their maximum. */
function renewedSeconds(
  token: Token,
  { maxSeconds }: LeaseLimits,
  increment: number,
  nowMs: number,
): number {
  const wanted = token.periodSeconds > 0
    ? token.periodSeconds
    : increment === 0
    ? token.creationTtlSeconds
    : increment;
  const system = token.periodSeconds > 0 ? Infinity : maxSeconds;
  const max = token.explicitMaxTtlSeconds === 0
    ? system
    : Math.min(token.explicitMaxTtlSeconds, system);
  const ageSeconds = Math.floor((nowMs - token.createdAtMs) / 1000);
  return Math.max(0, Math.min(wanted, max - ageSeconds));
}

async function revoke({ open }: LogicalCall, stored: StoredToken): Promise<LogicalReply> {
  if (stored.token.type === "batch") throw invalidRequest("batch tokens cannot be revoked");
  await open.revokeTree(stored);
  return DONE;
}

async function revokeOther(
  request: LogicalCall,
  { token: id = "" }: Sent<typeof TOKEN_FIELDS>,
): Promise<LogicalReply> {
  if (id === "") throw invalidRequest("missing token ID");
  const stored = await request.open.tokens.find(id);
  return stored === null ? DONE : await revoke(request, stored);
}

async function revokeOrphan(
  request: LogicalCall,
  { token: id = "" }: Sent<typeof TOKEN_FIELDS>,
): Promise<LogicalReply> {
  if (id === "") throw invalidRequest("missing token ID");
  const stored = await request.open.tokens.find(id);
  if (stored === null) throw invalidRequest("token to revoke not found");
  const { open } = request;
  for (const scope of await open.tokens.revokeOrphaning(stored)) {
    await open.mounts.destroyScope(scope);
  }
  return DONE;
}

async function accessors({ open }: LogicalCall): Promise<LogicalReply> {
  return { kind: "data", data: { keys: await open.tokens.accessors() } };
}

/** Token and indexes are written together, so only expired ones can be left to clear. */
async function tidy({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.expireTokens());
  const warnings = [
    "Tidy operation successfully started. Any information from the operation will be printed to " +
    "the server's logs.",
  ];
  return { kind: "data", status: 202, data: null, warnings };
}
