/** `/sys/wrapping/*`: wrapping a request's data, looking at a wrapping token, and unwrapping. */

import { anything } from "../../../wire/fields.ts";
import { invalidRequest, VaultError } from "../../../errors.ts";
import { WRAP_TTL_MAX_SECONDS } from "../../../limits.ts";
import { authenticate, denied } from "../../request/caller.ts";
import {
  type EndpointRules,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import type { Envelope } from "../../request/replies.ts";
import { wrapInfo, wrapTtlWarnings } from "../../request/wrapping.ts";
import { wrappingTokenOf } from "./wrapping_guard.ts";

const PREFIX = "sys/wrapping";
/** Must be text. `wrapping_guard.ts` checks it before an endpoint sees it. */
const TOKEN_FIELDS = {
  token: anything("the wrapping token; left out: the request's own token", "text"),
};
/** The handler checks the wrapping token itself. */
const RULES: EndpointRules = { token: "ignored" };

const NO_KEY = logicalOperation({ summary: "Refused: wrapping tokens are not signed" }, noKey);

export const WRAPPING_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint(`${PREFIX}/wrap`, {
    update: logicalOperation(
      { summary: "Wrap what is sent", takesAnything: true, answers: ["wrapping"] },
      echo,
    ),
  }, { copiesData: true }),
  logicalEndpoint(`${PREFIX}/rewrap`, {
    update: logicalOperation(
      {
        summary: "Give a wrapped reply a fresh token",
        fields: TOKEN_FIELDS,
        answers: ["wrapping"],
      },
      rewrap,
    ),
  }),
  logicalEndpoint(`${PREFIX}/lookup`, {
    read: logicalOperation(
      { summary: "Look at a wrapping token", fields: TOKEN_FIELDS },
      lookup,
    ),
    update: logicalOperation(
      { summary: "Look at a wrapping token", fields: TOKEN_FIELDS, answers: ["data"] },
      lookup,
    ),
  }, RULES),
  logicalEndpoint(`${PREFIX}/unwrap`, {
    update: logicalOperation(
      {
        summary: "Open a wrapped reply, once",
        fields: TOKEN_FIELDS,
        answers: ["data", "auth", "nothing"],
      },
      unwrap,
    ),
  }, RULES),
  logicalEndpoint(`${PREFIX}/pubkey`, {
    read: NO_KEY,
    update: NO_KEY,
    patch: NO_KEY,
    delete: NO_KEY,
  }, RULES),
];

/** Wrapping tokens are not signed here, so there is no public key. */
async function noKey(): Promise<LogicalReply> {
  throw new VaultError("unsupported_path", "unsupported path");
}

async function echo({ data, wrapTtlSeconds }: LogicalCall): Promise<LogicalReply> {
  if (wrapTtlSeconds === null) {
    throw invalidRequest("endpoint requires response wrapping to be used");
  }
  return { kind: "data", data };
}

async function lookup({ call, unsealed, data }: LogicalCall): Promise<LogicalReply> {
  const wrapped = await unsealed.wrapping.lookup(wrappingTokenOf(call, data));
  return {
    kind: "data",
    data: {
      creation_path: wrapped.creationPath,
      creation_time: new Date(wrapped.createdAtMs).toISOString(),
      creation_ttl: wrapped.ttlSeconds,
    },
  };
}

/** The wrapping token is in the body of an authorised request, or is the request's own token. */
async function unwrap(request: LogicalCall): Promise<LogicalReply> {
  const { call, unsealed, data } = request;
  const id = wrappingTokenOf(call, data);
  if (id !== call.tokenText) await authorise(request);
  const wrapped = await unsealed.wrapping.unwrap(id);
  return { kind: "data", ...(wrapped.reply as Envelope) };
}

async function authorise({ call, unsealed, ...request }: LogicalCall): Promise<void> {
  const { token } = await authenticate(call, unsealed);
  const { operation, path, data, wrapTtlSeconds } = request;
  const acl = await unsealed.policies.acl(token.policies, token.entityId);
  if (!acl.allows({ operation, path, data, needsSudo: false, wrapTtlSeconds }).allowed) {
    throw denied();
  }
}

/**
 * Moves a reply to a fresh token, for a holder who fears that theirs was seen. The reply keeps its
 * path, and its lifetime unless the request asks for a shorter one.
 */
async function rewrap(
  { call, unsealed, path, data, wrapTtlSeconds }: LogicalCall,
): Promise<LogicalReply> {
  const id = wrappingTokenOf(call, data);
  const displayName = call.token?.token.displayName ?? "";
  const by = { displayName, path };
  // Older replies may have been kept for longer.
  const ttlSecondsMax = wrapTtlSeconds ?? WRAP_TTL_MAX_SECONDS;
  const { issued, creationPath } = await unsealed.wrapping.rewrap(id, ttlSecondsMax, by);
  const info = { ...wrapInfo(issued), creation_path: creationPath };
  return { kind: "data", data: null, wrapInfo: info, warnings: wrapTtlWarnings(call) };
}
