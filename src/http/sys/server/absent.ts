/**
 * Vault's features that this server lacks, and the answers of their paths. Lists are empty, lookups
 * find nothing, and creating something is refused with a reason. Data only: one row per imitated
 * path.
 */

import { boolean, object, text, textList } from "../../../wire/fields.ts";
import { multiError } from "../../../wire/multi_error.ts";
import { DONE, type EndpointCall, type LogicalEndpoint, MISSING } from "../../request/logical.ts";
import {
  type AbsentPath,
  type Answer,
  type Exception,
  imitatedPath,
  type Imitation,
  refused,
} from "../imitation.ts";

const EMPTY: Answer = { kind: "data", data: {} };

/** Holds if a text field is empty or absent. */
function lacks(name: string): Exception["when"] {
  return (sent) => (sent[name] ?? "") === "";
}

/** Both errors have multierror's form, as in the reference. */
const ACCESSOR_NEEDED: Imitation = {
  summary: "Refused: no request waits for others",
  fields: { accessor: text("accessor of the wrapping token") },
  exceptions: [{ when: lacks("accessor"), answer: refused(multiError(["missing accessor"])) }],
  answer: refused(multiError(["invalid accessor"])),
};

const INTROSPECTION_OFF: Imitation = {
  summary: "Tell that inner tables are not shown",
  answer: refused(
    'the Vault configuration must set "introspection_endpoint" to true to enable this endpoint',
  ),
};

function namespaceOf({ parameter }: EndpointCall): string {
  return parameter("path").replace(/\/$/, "");
}

const NAMESPACE_NAME_MISTAKES: readonly Exception[] = [
  {
    when: (_sent, request) => namespaceOf(request).includes("/"),
    answer: refused("namespace name cannot contain /"),
  },
  {
    when: (_sent, request) => namespaceOf(request) === "root",
    answer: refused('"root/" is a reserved path and cannot be used as a namespace name'),
  },
];

const LEVEL_FIELDS = { level: text("the lowest level to write") };
/** The level names of Vault's loggers. */
const LEVELS = ["trace", "debug", "info", "notice", "warn", "warning", "err", "error"];
const LEVEL_MISTAKES: readonly Exception[] = [
  { when: ({ level }) => level === undefined, answer: refused("level is required") },
  { when: lacks("level"), answer: refused("level is empty") },
  {
    when: ({ level }) => !LEVELS.includes(String(level).toLowerCase()),
    answer: ({ level }) => refused(`invalid level provided: unknown log level: ${String(level)}`),
  },
];
const NO_SUCH_LOGGER: Answer = (_sent, { parameter }) =>
  refused(`logger ${JSON.stringify(parameter("name"))} not found`);

const AUDITED_HEADER_RULES = { copiesData: true, sudo: true };

const ABSENT: readonly AbsentPath[] = [
  {
    path: "sys/namespaces",
    list: { summary: "List the namespaces: only the root one exists", answer: MISSING },
    scan: { summary: "List the namespaces: only the root one exists", answer: MISSING },
  },
  {
    path: "sys/namespaces/api-lock/lock",
    update: {
      summary: "Refused: the root namespace cannot be locked",
      answer: refused("root namespace cannot be locked/unlocked"),
    },
  },
  {
    path: "sys/namespaces/api-lock/lock/{path+}",
    update: {
      summary: "Refused: there is no namespace to lock",
      answer: refused("requested namespace does not exist"),
    },
  },
  {
    path: "sys/namespaces/api-lock/unlock",
    update: {
      summary: "Refused: the root namespace cannot be unlocked",
      answer: refused("root namespace cannot be locked/unlocked"),
    },
  },
  {
    path: "sys/namespaces/api-lock/unlock/{path+}",
    update: {
      summary: "Refused: there is no namespace to unlock",
      answer: refused("requested namespace does not exist"),
    },
  },
  {
    path: "sys/namespaces/{path+}",
    read: { summary: "Show a namespace", exceptions: NAMESPACE_NAME_MISTAKES, answer: MISSING },
    update: {
      summary: "Refused: only the root namespace exists",
      exceptions: NAMESPACE_NAME_MISTAKES,
      answer: refused("cannot create a namespace: only the root namespace exists here"),
    },
    patch: {
      summary: "Refused: only the root namespace exists",
      exceptions: NAMESPACE_NAME_MISTAKES,
      answer: refused("namespace not found"),
    },
    delete: {
      summary: "Delete a namespace: there is none",
      answers: ["data"],
      exceptions: NAMESPACE_NAME_MISTAKES,
      answer: { kind: "data", data: null, warnings: ["requested namespace does not exist"] },
    },
  },
  {
    path: "sys/internal/ui/namespaces",
    rules: { token: "optional" },
    read: {
      summary: "List the namespaces, of which there are none",
      exceptions: [{
        when: (_sent, { call }) => call.token === null,
        answer: refused("client token empty"),
      }],
      answer: EMPTY,
    },
  },
  {
    path: "sys/quotas/config",
    read: {
      summary: "Show the settings of quotas",
      answer: {
        kind: "data",
        data: {
          enable_rate_limit_audit_logging: false,
          enable_rate_limit_response_headers: false,
          rate_limit_exempt_paths: [],
        },
      },
    },
    update: {
      summary: "Refused: there are no quotas to set anything for",
      fields: {
        enable_rate_limit_audit_logging: boolean("write refusals to the audit trail"),
        enable_rate_limit_response_headers: boolean("tell clients what is left to them"),
        rate_limit_exempt_paths: textList("paths without limits"),
      },
      exceptions: [{ when: (sent) => Object.keys(sent).length === 0, answer: DONE }],
      answer: refused("cannot set quotas: the rate limit is set where the server is started"),
    },
  },
  {
    path: "sys/quotas/rate-limit",
    list: { summary: "List the rate limits set by request: none", answer: MISSING },
  },
  {
    path: "sys/quotas/rate-limit/{name}",
    read: { summary: "Show a rate limit", answer: MISSING },
    update: {
      summary: "Refused: the rate limit is set where the server is started",
      fields: {
        rate: text("requests per interval"),
        path: text("what it is for"),
        interval: text("how long the rate is counted"),
      },
      exceptions: [{
        when: ({ rate }) => !(Number(rate) > 0),
        answer: refused("'rate' is invalid"),
      }],
      answer: refused(
        "cannot create a quota: the rate limit is set where the server is started",
      ),
    },
    delete: { summary: "Delete a rate limit", answer: DONE },
  },
  {
    path: "sys/mfa/validate",
    rules: { token: "ignored" },
    update: {
      summary: "Refused: no login asks for a second factor",
      fields: {
        mfa_request_id: text("id that a login has answered with"),
        mfa_payload: object("what the methods ask for"),
      },
      exceptions: [{ when: lacks("mfa_request_id"), answer: refused("missing request ID") }],
      answer: refused("invalid request ID"),
    },
  },
  { path: "sys/control-group/request", update: ACCESSOR_NEEDED },
  { path: "sys/control-group/authorize", update: ACCESSOR_NEEDED },
  {
    path: "sys/loggers",
    read: { summary: "Show the levels of loggers: none has its own", answer: EMPTY },
    update: {
      summary: "Refused: the level is set where the server is started",
      fields: LEVEL_FIELDS,
      exceptions: LEVEL_MISTAKES,
      answer: refused("cannot set the level: it is set where the server is started"),
    },
    delete: { summary: "Back to the level the server was started with", answer: DONE },
  },
  {
    path: "sys/loggers/{name~}",
    read: { summary: "Show the level of a logger", answer: EMPTY },
    update: {
      summary: "Refused: no logger has a level of its own",
      fields: LEVEL_FIELDS,
      exceptions: LEVEL_MISTAKES,
      answer: NO_SUCH_LOGGER,
    },
    delete: {
      summary: "Refused: no logger has a level of its own",
      answer: NO_SUCH_LOGGER,
    },
  },
  {
    path: "sys/config/auditing/request-headers",
    rules: AUDITED_HEADER_RULES,
    read: {
      summary: "List the request headers added to the audit trail: none",
      answer: { kind: "data", data: { headers: {} } },
    },
  },
  {
    path: "sys/config/auditing/request-headers/{header+}",
    rules: AUDITED_HEADER_RULES,
    read: {
      summary: "Show a request header added to the audit trail",
      answer: refused("Could not find header in config"),
    },
    update: {
      summary: "Refused: the headers in the audit trail are fixed",
      fields: { hmac: boolean("show only a keyed hash of the value") },
      answer: refused("cannot add a request header: those in the audit trail are fixed"),
    },
    delete: { summary: "Remove a header from the audit trail", answer: DONE },
  },
  {
    path: "sys/internal/counters/requests",
    read: {
      summary: "Tell that requests are not counted any more",
      answer: refused("The functionality has been removed on this path", "not_found"),
    },
  },
  {
    path: "sys/internal/inspect/router/{tag}",
    rules: { sudo: true },
    read: INTROSPECTION_OFF,
  },
  { path: "sys/internal/inspect/request", rules: { sudo: true }, read: INTROSPECTION_OFF },
];

export const ABSENT_ENDPOINTS: readonly LogicalEndpoint[] = ABSENT.map(imitatedPath);
