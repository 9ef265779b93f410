/** `/sys/wrapping/*`: wrapping what is sent, looking at a wrapping token, and opening it. */

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
/** Text; judged by `wrapping_guard.ts` before an endpoint sees it. */
const TOKEN_FIELDS = {
  token: anything("the wrapping token; left out: the request's own token", "text"),
};
/** Of its own kind of token, which is judged by the handler. */
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

/** Wrapping tokens are no signed documents here. */
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

/** The wrapping token comes in the body of an authorised request, or is the request's own token. */
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
 * The same reply under a fresh token, for a holder who fears that his was seen. It keeps its path
 * and lives as long as before, or as long as the request wants it if that is shorter.
 */
async function rewrap(
  { call, unsealed, path, data, wrapTtlSeconds }: LogicalCall,
): Promise<LogicalReply> {
  const id = wrappingTokenOf(call, data);
  const displayName = call.token?.token.displayName ?? "";
  const by = { displayName, path };
  // Older ones may have been kept for longer.
  const ttlSecondsMax = wrapTtlSeconds ?? WRAP_TTL_MAX_SECONDS;
  const { issued, creationPath } = await unsealed.wrapping.rewrap(id, ttlSecondsMax, by);
  const info = { ...wrapInfo(issued), creation_path: creationPath };
  return { kind: "data", data: null, wrapInfo: info, warnings: wrapTtlWarnings(call) };
}
