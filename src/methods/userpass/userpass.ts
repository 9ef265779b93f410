/** `auth/<mount>/…` of userpass: users, their passwords, and logging in. */

import type { AuthMount } from "../../access/auth_mount.ts";
import type { Waiting } from "./hash_queue.ts";
import type { TokenRules } from "../../access/tokens/login_token.ts";
import { noPassword, type Userpass } from "./users.ts";
import { cleanPolicies } from "../../access/tokens/token_policies.ts";
import { duration, type Sent, text, textList } from "../../wire/fields.ts";
import { LIST_FIELDS } from "../../wire/paging.ts";
import { operation, parameter } from "../../wire/served_path.ts";
import { invalidRequest, type VaultError } from "../../errors.ts";
import {
  describeTokenRules,
  elderNames,
  mergeTokenRules,
  POLICIES_FIELDS,
  TOKEN_RULE_FIELDS,
} from "../token_rule_fields.ts";
import type { Call } from "../../http/request/call.ts";
import { DONE, type LogicalCall, type LogicalReply, MISSING } from "../../http/request/logical.ts";
import {
  findLoginPath,
  listNames,
  type LoginCall,
  type LoginPath,
  loginPath,
  serveLoginPath,
} from "../method.ts";
import { answerLogin, refuseLocked } from "../../http/mounted/login_reply.ts";

export interface UserpassCall extends LoginCall {
  readonly users: Userpass;
}

const PASSWORD_FIELDS = {
  password: text("the password"),
  password_hash: text("refused: bcrypt is not at hand on every platform"),
};

const USER_FIELDS = {
  ...PASSWORD_FIELDS,
  ...TOKEN_RULE_FIELDS,
  ...POLICIES_FIELDS,
  ttl: duration("older name of token_ttl"),
  max_ttl: duration("older name of token_max_ttl"),
  bound_cidrs: textList("older name of token_bound_cidrs"),
};

/** Version, cost, salt and hash. */
const BCRYPT = /^\$2[a-z]?\$([0-9]{2})\$[^$]{53}/;
const BCRYPT_COST_MIN = 5;
const BCRYPT_COST_MAX = 12;

const WRITE_USER = operation(
  { summary: "Create or change a user", fields: USER_FIELDS },
  writeUser,
);

export const USERPASS_PATHS: readonly LoginPath<UserpassCall>[] = [
  loginPath("users", {
    list: operation(
      { summary: "List the users", fields: LIST_FIELDS },
      async ({ users }: UserpassCall, sent) => listNames(await users.list(), sent),
    ),
  }),
  loginPath("users/{username}", {
    read: operation({ summary: "Show a user, without the password" }, readUser),
    create: WRITE_USER,
    update: WRITE_USER,
    delete: operation({ summary: "Delete a user" }, removeUser),
  }, { checksExistence: true }),
  loginPath("users/{username}/password", {
    update: operation(
      { summary: "Give a user another password", fields: PASSWORD_FIELDS },
      changePassword,
    ),
  }),
  loginPath("users/{username}/policies", {
    update: operation(
      { summary: "Give a user other policies", fields: POLICIES_FIELDS },
      changePolicies,
    ),
  }),
  loginPath("login/{username}", {
    update: operation({
      summary: "Log in with a password",
      fields: { password: PASSWORD_FIELDS.password },
      needs: ["password"],
      answers: ["auth"],
    }, login),
  }, { before: (request) => refuseLocked(request, aliasOf(request)) }),
];

/** Serves a request; `rest` is its path below the mount. */
export async function serveUserpass(
  request: LogicalCall,
  mount: AuthMount,
  rest: string,
): Promise<LogicalReply> {
  const users = await request.open.logins.userpass(mount);
  const ask = (parameter: LoginCall["parameter"]) => ({ ...request, mount, users, parameter });
  return await serveLoginPath(USERPASS_PATHS, rest, request, ask);
}

/** Whether a write below the mount would overwrite: `update`, not `create`. */
export async function userpassExists(users: Userpass, rest: string): Promise<boolean> {
  const found = findLoginPath(USERPASS_PATHS, rest);
  if (found?.served.checksExistence !== true) return true;
  return await users.exists(parameter(found.parameters, "username"));
}

async function login(
  request: UserpassCall,
  { password = "" }: { readonly password?: string | undefined },
): Promise<LogicalReply> {
  if (password === "") throw invalidRequest("missing password");
  const { users, call } = request;
  const { address, signal } = waitingOf(call);
  const outcome = await users.login(aliasOf(request), password, address, signal);
  return await answerLogin(request, outcome);
}

function aliasOf({ parameter }: UserpassCall): string {
  return parameter("username");
}

async function readUser({ users, parameter }: UserpassCall): Promise<LogicalReply> {
  const rules = await users.rules(parameter("username"));
  return rules === null ? MISSING : { kind: "data", data: describeTokenRules(rules) };
}

/** Who waits while a password is hashed. */
function waitingOf(call: Call): Waiting {
  return { address: call.remoteAddress, signal: call.signal };
}

async function writeUser(
  { users, parameter, call }: UserpassCall,
  sent: Sent<typeof USER_FIELDS>,
): Promise<LogicalReply> {
  const password = newPassword(sent);
  const change = (rules: TokenRules) => mergeTokenRules(sent, rules);
  await users.write(parameter("username"), password, change, waitingOf(call));
  return DONE;
}

async function removeUser({ users, parameter }: UserpassCall): Promise<LogicalReply> {
  await users.remove(parameter("username"));
  return DONE;
}

async function changePassword(
  { users, parameter, call }: UserpassCall,
  sent: Sent<typeof PASSWORD_FIELDS>,
): Promise<LogicalReply> {
  await users.refuseUnknown(parameter("username"));
  const password = newPassword(sent);
  if (password === null) throw noPassword();
  await users.update(parameter("username"), password, (rules) => rules, waitingOf(call));
  return DONE;
}

async function changePolicies(
  { users, parameter }: UserpassCall,
  sent: Sent<typeof POLICIES_FIELDS>,
): Promise<LogicalReply> {
  const policies = sent.token_policies ?? sent.policies;
  await users.update(parameter("username"), null, (rules) => ({
    ...rules,
    policies: policies === undefined ? rules.policies : cleanPolicies(policies),
    elderNames: elderNames(sent, rules.elderNames),
  }));
  return DONE;
}

/** Null: the one there is stays. */
function newPassword(
  { password = "", password_hash: hash = "" }: Sent<typeof PASSWORD_FIELDS>,
): string | null {
  if (hash === "") return password === "" ? null : password;
  if (password !== "") {
    throw invalidRequest("only one of password or password_hash may be provided");
  }
  throw refusedHash(hash);
}

/** Why a hash is not taken: in the reference's words where it would not take it either. */
function refusedHash(hash: string): VaultError {
  const cost = Number(BCRYPT.exec(hash)?.[1] ?? NaN);
  if (!(cost >= 4 && cost <= 31)) {
    return invalidRequest("password_hash is not a valid bcrypt hash");
  }
  if (cost < BCRYPT_COST_MIN) {
    return invalidRequest(
      `bcrypt cost of ${cost} is too low, want ${BCRYPT_COST_MIN} at minimum`,
    );
  }
  if (cost > BCRYPT_COST_MAX) {
    return invalidRequest(`bcrypt cost of ${cost} exceeds maximum cost of ${BCRYPT_COST_MAX}`);
  }
  return invalidRequest("password_hash is not supported: send the password");
}
