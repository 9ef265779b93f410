/** Serves the rows of `server/absent.ts`. Stores nothing, and reads nothing but the request. */

import { type ErrorCode, VaultError } from "../../errors.ts";
import type { FieldEntries } from "../../wire/fields.ts";
import type { Operation } from "../../wire/operation.ts";
import type { OperationNotes, ServedOperation } from "../../wire/served_path.ts";
import {
  type EndpointCall,
  type EndpointRules,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../request/logical.ts";

/** The fields of a request, as their schemas read them. */
type SentFields = Readonly<Record<string, unknown>>;

interface Refusal {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly text: string;
}

/** A function if the text repeats part of the request. */
export type Answer =
  | LogicalReply
  | Refusal
  | ((sent: SentFields, request: EndpointCall) => LogicalReply | Refusal);

export interface Exception {
  /** Throws `invalid_request` for a field that it cannot read. */
  readonly when: (sent: SentFields, request: EndpointCall) => boolean;
  readonly answer: Answer;
}

export interface Imitation
  extends Pick<OperationNotes<FieldEntries>, "summary" | "fields" | "answers"> {
  /** Checked in order. The first whose condition holds replaces `answer`. */
  readonly exceptions?: readonly Exception[];
  readonly answer: Answer;
}

/** A path below `/v1/` whose feature is absent, with its imitated operations. */
export interface AbsentPath extends Readonly<Partial<Record<Operation, Imitation>>> {
  readonly path: string;
  readonly rules?: EndpointRules;
}

export function refused(text: string, code: ErrorCode = "invalid_request"): Refusal {
  return { kind: "refused", code, text };
}

export function imitatedPath({ path, rules = {}, ...imitations }: AbsentPath): LogicalEndpoint {
  const operations = Object.entries<Imitation>(imitations).map(([name, imitation]) =>
    [name, imitatedOperation(imitation)] as const
  );
  return logicalEndpoint(path, Object.fromEntries(operations), rules);
}

export function imitatedOperation(
  { exceptions = [], answer, ...notes }: Imitation,
): ServedOperation<EndpointCall, LogicalReply> {
  return logicalOperation<FieldEntries>(notes, async (request, sent) => {
    const exception = exceptions.find(({ when }) => when(sent, request));
    const found = exception?.answer ?? answer;
    const reply = typeof found === "function" ? found(sent, request) : found;
    if (reply.kind === "refused") throw new VaultError(reply.code, reply.text);
    return reply;
  });
}
