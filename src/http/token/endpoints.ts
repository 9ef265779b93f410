/** `/auth/token/*`: creating, looking up, renewing and revoking tokens. */

import { SPENT_USES, type StoredToken } from "../../access/tokens/token.ts";
import { anything, duration, type Sent, text } from "../../wire/fields.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
  tidied,
} from "../request/logical.ts";
import { CREATE_FIELDS, createToken } from "./create.ts";
import { renewByAccessor, renewById } from "./renew.ts";
import { describeToken } from "./reply.ts";

/** Must be text. `tokenText` checks it, because the refusal differs from other fields'. */
const TOKEN_FIELDS = { token: anything("the token", "text") };
const ACCESSOR_FIELDS = { accessor: text("the public name of the token") };
const INCREMENT_FIELDS = { increment: duration("how long the token should live from now on") };
/** Clients send it, although the request already names its token. */
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
  }),
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
      (request, sent) => renewNamed(request, request.call.tokenText, sent),
    ),
  }),
  logicalEndpoint("auth/token/renew", {
    update: logicalOperation(
      { summary: "Renew a token", fields: RENEW_FIELDS, answers: ["auth"] },
      (request, sent) => renewNamed(request, tokenText(request), sent),
    ),
  }),
  logicalEndpoint("auth/token/renew-accessor", {
    update: logicalOperation(
      {
        summary: "Renew the token of an accessor",
        fields: RENEW_ACCESSOR_FIELDS,
        answers: ["auth"],
      },
      async (request, sent) =>
        await renewByAccessor(request, await byAccessor(request, sent), sent.increment ?? 0),
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
      revokeNamed,
    ),
  }),
  logicalEndpoint("auth/token/revoke-accessor", {
    update: logicalOperation(
      {
        summary: "Revoke the token of an accessor and its children",
        fields: ACCESSOR_FIELDS,
        answers: ["nothing", "data"],
      },
      revokeByAccessor,
    ),
  }),
  logicalEndpoint("auth/token/revoke-orphan", {
    update: logicalOperation(
      { summary: "Revoke a token and leave its children", fields: TOKEN_FIELDS },
      revokeOrphan,
    ),
  }),
  logicalEndpoint("auth/token/accessors", {
    list: logicalOperation({ summary: "List the accessors of all tokens" }, accessors),
  }, { sudo: true }),
  logicalEndpoint("auth/token/tidy", {
    update: logicalOperation(
      { summary: "Clear tokens whose time is over", answers: ["accepted"] },
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
  const role = await request.unsealed.tokenRoles.read(name);
  if (role === null) throw invalidRequest(`unknown role ${name}`);
  return await createToken(request, { orphan: false, role }, sent);
}

function describeReply({ call }: LogicalCall, stored: StoredToken, id: string): LogicalReply {
  return describeToken(stored.token, id, call.context.nowMs());
}

async function lookupSelf(request: LogicalCall): Promise<LogicalReply> {
  return describeReply(request, self(request), request.call.tokenText);
}

/** The token named in the request, or "". Throws `denied`. */
function tokenText({ data }: LogicalCall): string {
  const { token } = data;
  if (token === undefined) return "";
  if (typeof token !== "string") throw new VaultError("denied", "invalid token");
  return token;
}

async function lookup(request: LogicalCall): Promise<LogicalReply> {
  const { call, unsealed } = request;
  const id = tokenText(request);
  // The request's own token is shown even if this is its last use.
  if (id === "" || id === call.tokenText) return await lookupSelf(request);
  const stored = await unsealed.tokens.find(id);
  if (stored === null) throw new VaultError("denied", "bad token");
  return describeReply(request, stored, id);
}

async function findByAccessor(
  { call, unsealed }: LogicalCall,
  { accessor = "" }: Sent<typeof ACCESSOR_FIELDS>,
): Promise<StoredToken | null> {
  if (accessor === "") throw listedMistake("missing accessor");
  // The request's own token is found even if this is its last use.
  if (call.token?.token.accessor === accessor) return call.token;
  return await unsealed.tokens.findByAccessor(accessor);
}

async function byAccessor(
  request: LogicalCall,
  sent: Sent<typeof ACCESSOR_FIELDS>,
): Promise<StoredToken> {
  const stored = await findByAccessor(request, sent);
  if (stored === null) throw listedMistake("invalid accessor");
  return stored;
}

async function renewNamed(
  request: LogicalCall,
  id: string,
  { increment = 0 }: Sent<typeof INCREMENT_FIELDS>,
): Promise<LogicalReply> {
  if (id === "") throw invalidRequest("missing token ID");
  const stored = await request.unsealed.tokens.find(id);
  if (stored === null) throw invalidRequest("token not found");
  return await renewById(request, stored, id, increment);
}

async function revoke({ unsealed }: LogicalCall, stored: StoredToken): Promise<LogicalReply> {
  if (stored.token.type === "batch") throw invalidRequest("batch tokens cannot be revoked");
  await unsealed.revokeTree(stored);
  return DONE;
}

async function revokeNamed(request: LogicalCall): Promise<LogicalReply> {
  const id = tokenText(request);
  if (id === "") throw invalidRequest("missing token ID");
  const stored = await request.unsealed.tokens.find(id);
  return stored === null ? DONE : await revoke(request, stored);
}

async function revokeByAccessor(
  request: LogicalCall,
  sent: Sent<typeof ACCESSOR_FIELDS>,
): Promise<LogicalReply> {
  const stored = await findByAccessor(request, sent);
  if (stored?.token.uses === SPENT_USES) throw invalidRequest("token not found");
  if (stored !== null) return await revoke(request, stored);
  return { kind: "data", data: null, warnings: ["No token found with this accessor"] };
}

/** Letting children outlive their parent needs `sudo`, although the path itself does not. */
async function revokeOrphan(request: LogicalCall): Promise<LogicalReply> {
  const { acl, hasSudo, unsealed } = request;
  const id = tokenText(request);
  if (id === "") throw invalidRequest("missing token ID");
  if (!acl.isRoot && !hasSudo) {
    throw invalidRequest("root or sudo privileges required to revoke and orphan");
  }
  const stored = await unsealed.tokens.find(id);
  if (stored === null) throw invalidRequest("token to revoke not found");
  if (stored.token.type === "batch") throw invalidRequest("batch tokens cannot be revoked");
  for (const scope of await unsealed.tokens.revokeOrphaning(stored)) {
    await unsealed.mounts.tokenEnded(scope);
  }
  return DONE;
}

async function accessors({ unsealed }: LogicalCall): Promise<LogicalReply> {
  return { kind: "data", data: { keys: await unsealed.tokens.accessors() } };
}

/** A token and its indexes are written together, so only expired tokens can be left over. */
async function tidy({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((unsealed) => unsealed.expireTokens());
  return tidied("the server's");
}
