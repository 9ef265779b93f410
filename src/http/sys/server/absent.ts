/**
 * What Vault has and this server has not: namespaces, quotas, control groups, second factors, loggers
 * of their own. Lists are empty, nothing is found, and what would make one is refused with a reason.
 */

import { boolean, object, type Sent, text, textList } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { listedMistake } from "../../../wire/multi_error.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
  MISSING,
} from "../../request/logical.ts";

async function nothing(): Promise<LogicalReply> {
  return MISSING;
}

async function done(): Promise<LogicalReply> {
  return DONE;
}

function refusal(reason: string): () => Promise<LogicalReply> {
  return async () => {
    throw invalidRequest(reason);
  };
}

const NAMESPACES: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/namespaces", {
    list: logicalOperation({ summary: "List the namespaces: only the root one exists" }, nothing),
    scan: logicalOperation({ summary: "List the namespaces: only the root one exists" }, nothing),
  }),
  ...["lock", "unlock"].flatMap((verb) => [
    logicalEndpoint(`sys/namespaces/api-lock/${verb}`, {
      update: logicalOperation(
        { summary: `Refused: the root namespace cannot be ${verb}ed` },
        refusal("root namespace cannot be locked/unlocked"),
      ),
    }),
    logicalEndpoint(`sys/namespaces/api-lock/${verb}/{path+}`, {
      update: logicalOperation(
        { summary: `Refused: there is no namespace to ${verb}` },
        refusal("requested namespace does not exist"),
      ),
    }),
  ]),
  logicalEndpoint("sys/namespaces/{path+}", {
    read: logicalOperation({ summary: "Show a namespace" }, ofNamespace(nothing)),
    update: logicalOperation(
      { summary: "Refused: only the root namespace exists" },
      ofNamespace(refusal("cannot create a namespace: only the root namespace exists here")),
    ),
    patch: logicalOperation(
      { summary: "Refused: only the root namespace exists" },
      ofNamespace(refusal("namespace not found")),
    ),
    delete: logicalOperation(
      { summary: "Delete a namespace: there is none", answers: ["data"] },
      ofNamespace(async () => ({
        kind: "data",
        data: null,
        warnings: ["requested namespace does not exist"],
      })),
    ),
  }),
];

function ofNamespace(answer: () => Promise<LogicalReply>) {
  return async ({ parameter }: EndpointCall): Promise<LogicalReply> => {
    const name = parameter("path").replace(/\/$/, "");
    if (name.includes("/")) throw invalidRequest("namespace name cannot contain /");
    if (name === "root") {
      throw invalidRequest('"root/" is a reserved path and cannot be used as a namespace name');
    }
    return await answer();
  };
}

const QUOTA_FIELDS = {
  rate: text("requests per interval"),
  path: text("what it is for"),
  interval: text("how long the rate is counted"),
};

const QUOTA_CONFIG_FIELDS = {
  enable_rate_limit_audit_logging: boolean("write refusals to the audit trail"),
  enable_rate_limit_response_headers: boolean("tell clients what is left to them"),
  rate_limit_exempt_paths: textList("paths without limits"),
};

const QUOTAS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/quotas/config", {
    read: logicalOperation({ summary: "Show the settings of quotas" }, async () => ({
      kind: "data",
      data: {
        enable_rate_limit_audit_logging: false,
        enable_rate_limit_response_headers: false,
        rate_limit_exempt_paths: [],
      },
    })),
    update: logicalOperation(
      { summary: "Refused: there are no quotas to set anything for", fields: QUOTA_CONFIG_FIELDS },
      async (_request, sent) => {
        if (Object.keys(sent).length === 0) return DONE;
        throw invalidRequest(
          "cannot set quotas: the rate limit is set where the server is started",
        );
      },
    ),
  }),
  logicalEndpoint("sys/quotas/rate-limit", {
    list: logicalOperation({ summary: "List the rate limits set by request: none" }, nothing),
  }),
  logicalEndpoint("sys/quotas/rate-limit/{name}", {
    read: logicalOperation({ summary: "Show a rate limit" }, nothing),
    update: logicalOperation(
      {
        summary: "Refused: the rate limit is set where the server is started",
        fields: QUOTA_FIELDS,
      },
      refuseQuota,
    ),
    delete: logicalOperation({ summary: "Delete a rate limit" }, done),
  }),
];

async function refuseQuota(
  _request: LogicalCall,
  { rate = "" }: Sent<typeof QUOTA_FIELDS>,
): Promise<LogicalReply> {
  if (!(Number(rate) > 0)) throw invalidRequest("'rate' is invalid");
  throw invalidRequest("cannot create a quota: the rate limit is set where the server is started");
}

const MFA_FIELDS = {
  mfa_request_id: text("id that a login has answered with"),
  mfa_payload: object("what the methods ask for"),
};

const CONTROL_GROUP_FIELDS = { accessor: text("accessor of the wrapping token") };

const APPROVALS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/mfa/validate", {
    update: logicalOperation(
      { summary: "Refused: no login asks for a second factor", fields: MFA_FIELDS },
      async (_request, { mfa_request_id: id = "" }) => {
        throw invalidRequest(id === "" ? "missing request ID" : "invalid request ID");
      },
    ),
  }, { token: "ignored" }),
  ...["request", "authorize"].map((name) =>
    logicalEndpoint(`sys/control-group/${name}`, {
      update: logicalOperation(
        { summary: "Refused: no request waits for others", fields: CONTROL_GROUP_FIELDS },
        async (_request, { accessor = "" }) => {
          throw listedMistake(`${accessor === "" ? "missing" : "invalid"} accessor`);
        },
      ),
    })
  ),
];

const LEVEL_FIELDS = { level: text("the lowest level to write") };
/** The words of Vault's loggers. */
const LEVELS = ["trace", "debug", "info", "notice", "warn", "warning", "err", "error"];

const LOGGERS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/loggers", {
    read: logicalOperation({ summary: "Show the levels of loggers: none has its own" }, noLoggers),
    update: logicalOperation(
      { summary: "Refused: the level is set where the server is started", fields: LEVEL_FIELDS },
      async (request, sent) => {
        refuseLevel(request, sent);
        throw invalidRequest("cannot set the level: it is set where the server is started");
      },
    ),
    delete: logicalOperation({ summary: "Back to the level the server was started with" }, done),
  }),
  logicalEndpoint("sys/loggers/{name~}", {
    read: logicalOperation({ summary: "Show the level of a logger" }, noLoggers),
    update: logicalOperation(
      { summary: "Refused: no logger has a level of its own", fields: LEVEL_FIELDS },
      async (request, sent) => {
        refuseLevel(request, sent);
        throw noLogger(request);
      },
    ),
    delete: logicalOperation(
      { summary: "Refused: no logger has a level of its own" },
      async (request) => {
        throw noLogger(request);
      },
    ),
  }),
];

async function noLoggers(): Promise<LogicalReply> {
  return { kind: "data", data: {} };
}

function noLogger({ parameter }: EndpointCall) {
  return invalidRequest(`logger ${JSON.stringify(parameter("name"))} not found`);
}

function refuseLevel({ data }: LogicalCall, { level = "" }: Sent<typeof LEVEL_FIELDS>): void {
  if (!Object.hasOwn(data, "level")) throw invalidRequest("level is required");
  if (level === "") throw invalidRequest("level is empty");
  if (!LEVELS.includes(level.toLowerCase())) {
    throw invalidRequest(`invalid level provided: unknown log level: ${level}`);
  }
}

const HEADER_FIELDS = { hmac: boolean("show only a keyed hash of the value") };

const AUDITED_HEADERS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/config/auditing/request-headers", {
    read: logicalOperation(
      { summary: "List the request headers added to the audit trail: none" },
      async () => ({ kind: "data", data: { headers: {} } }),
    ),
  }, { copiesData: true, sudo: true }),
  logicalEndpoint("sys/config/auditing/request-headers/{header+}", {
    read: logicalOperation(
      { summary: "Show a request header added to the audit trail" },
      refusal("Could not find header in config"),
    ),
    update: logicalOperation(
      { summary: "Refused: the headers in the audit trail are fixed", fields: HEADER_FIELDS },
      refusal("cannot add a request header: those in the audit trail are fixed"),
    ),
    delete: logicalOperation({ summary: "Remove a header from the audit trail" }, done),
  }, { copiesData: true, sudo: true }),
];

export const ABSENT_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...NAMESPACES,
  ...QUOTAS,
  ...APPROVALS,
  ...LOGGERS,
  ...AUDITED_HEADERS,
];
