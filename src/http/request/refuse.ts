/** The answers to refused requests, at whichever step. */

import { answerError, isFault } from "./errors.ts";
import { emptyReply, errorReply } from "./replies.ts";
import type { AppContext, Call } from "./call.ts";
import { causeOf, invalidRequest, VaultError } from "../../errors.ts";
import { recordRefusal } from "./audited.ts";
import { RELATIVE_REFUSED } from "./targets.ts";

/** Answers an error that a handler threw. Logs faults, but not the caller's mistakes. */
export function refuse(context: AppContext, call: Call, error: unknown): Response {
  if (isFault(error)) {
    context.log.error("request failed", {
      method: call.method,
      path: call.path,
      reason: causeOf(error),
    });
  }
  const { status, errors } = answerError(error, call.answersBare);
  return call.method === "HEAD" ? emptyReply(status) : errorReply(status, errors);
}

/** Answers a method that the path does not have. */
export async function refuseMethod(call: Call): Promise<Response> {
  const missing = new VaultError("unsupported_operation", "unsupported operation");
  const error = await recordRefusal(call, missing);
  return error === missing ? methodRefusal(call) : refuse(call.context, call, error);
}

export function methodRefusal({ method }: Call): Response {
  return method === "HEAD" ? emptyReply(405) : errorReply(405, []);
}

/** Answers a target that is not a path of the API. */
export async function refusePath(call: Call): Promise<Response> {
  try {
    const error = await recordRefusal(call, invalidRequest(RELATIVE_REFUSED));
    return refuse(call.context, call, error);
  } finally {
    call.trail?.end();
  }
}
