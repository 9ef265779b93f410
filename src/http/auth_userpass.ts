/** `auth/<mount>/…` of userpass: users, their passwords, and logging in. */

import type { LoginMount } from "../access/logins/login_mounts.ts";
import type { Userpass } from "../access/logins/userpass.ts";
import { duration, type Sent, text, textList } from "../engines/fields.ts";
import { LIST_FIELDS } from "../engines/listing.ts";
import { operation, parameter } from "../engines/served_path.ts";
import { invalidRequest } from "../errors.ts";
import {
  describeTokenRules,
  mergeTokenRules,
  POLICIES_FIELDS,
  TOKEN_RULE_FIELDS,
} from "./auth_token_rules.ts";
import type { LogicalCall, LogicalReply } from "./logical.ts";
import {
  DONE,
  findLoginPath,
  listNames,
  type LoginCall,
  type LoginPath,
  loginPath,
  MISSING,
  serveLoginPath,
} from "./login_paths.ts";
import { answerLogin } from "./login_reply.ts";

export interface UserpassCall extends LoginCall {
  readonly users: Userpass;
}

const PASSWORD_FIELDS = {
  password: text("the password"),
  password_hash: text("refused: hashes are of this server's own making"),
};

const USER_FIELDS = {
  ...PASSWORD_FIELDS,
  ...TOKEN_RULE_FIELDS,
  ...POLICIES_FIELDS,
  ttl: duration("older name of token_ttl"),
  max_ttl: duration("older name of token_max_ttl"),
  bound_cidrs: textList("older name of token_bound_cidrs"),
};

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
      answers: ["auth"],
    }, login),
  }),
];

/** Serves a request; `rest` is its path below the mount. */
export async function serveUserpass(
  request: LogicalCall,
  mount: LoginMount,
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
  const login = await users.login(request.parameter("username"), password, call.remoteAddress);
  return await answerLogin(request, request.mount, login);
}

async function readUser({ users, parameter }: UserpassCall): Promise<LogicalReply> {
  const rules = await users.rules(parameter("username"));
  return rules === null ? MISSING : { kind: "data", data: describeTokenRules(rules) };
}

async function writeUser(
  { users, parameter }: UserpassCall,
  sent: Sent<typeof USER_FIELDS>,
): Promise<LogicalReply> {
  const password = newPassword(sent);
  await users.write(parameter("username"), password, (rules) => mergeTokenRules(sent, rules));
  return DONE;
}

async function removeUser({ users, parameter }: UserpassCall): Promise<LogicalReply> {
  await users.remove(parameter("username"));
  return DONE;
}

async function changePassword(
  { users, parameter }: UserpassCall,
  sent: Sent<typeof PASSWORD_FIELDS>,
): Promise<LogicalReply> {
  const password = newPassword(sent);
  if (password === null) throw invalidRequest("missing password");
  await users.update(parameter("username"), password, (rules) => rules);
  return DONE;
}

async function changePolicies(
  { users, parameter }: UserpassCall,
  sent: Sent<typeof POLICIES_FIELDS>,
): Promise<LogicalReply> {
  const policies = sent.token_policies ?? sent.policies ?? [];
  await users.update(parameter("username"), null, (rules) => ({ ...rules, policies }));
  return DONE;
}

/** Null: the one there is stays. */
function newPassword(
  { password = "", password_hash: hash = "" }: Sent<typeof PASSWORD_FIELDS>,
): string | null {
  if (hash !== "") throw invalidRequest("password_hash is not supported: send the password");
  return password === "" ? null : password;
}
