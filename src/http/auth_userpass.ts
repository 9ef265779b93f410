/** `auth/<mount>/…` of userpass: users, their passwords, and logging in. */

import type { LoginMount } from "../access/logins/login_mounts.ts";
import type { Userpass } from "../access/logins/userpass.ts";
import { type Fields, readText, requestFields } from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { describeTokenRules, mergeTokenRules, readPolicies } from "./auth_token_rules.ts";
import type { LogicalCall, LogicalReply } from "./logical.ts";
import { answerLogin } from "./login_reply.ts";

const DONE: LogicalReply = { kind: "done" };

/** Serves a request; `rest` is its path below the mount. */
export async function serveUserpass(
  request: LogicalCall,
  mount: LoginMount,
  rest: string,
): Promise<LogicalReply> {
  const users = await request.open.logins.userpass(mount);
  const [first = "", name = "", field, ...more] = rest.split("/");
  if (more.length > 0) throw unsupported("unsupported_path");
  if (first === "login" && name !== "" && field === undefined) {
    return await login(request, mount, users, name);
  }
  if (first !== "users") throw unsupported("unsupported_path");
  if (name === "") {
    if (request.operation !== "list") throw unsupported("unsupported_operation");
    const keys = await users.list();
    return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
  }
  switch (field) {
    case undefined:
      return await serveUser(request, users, name);
    case "password":
      return await changePassword(request, users, name);
    case "policies":
      return await changePolicies(request, users, name);
    default:
      throw unsupported("unsupported_path");
  }
}

/** Whether a write below the mount would overwrite: `update`, not `create`. */
export async function userpassExists(users: Userpass, rest: string): Promise<boolean> {
  const name = /^users\/([^/]+)$/.exec(rest)?.[1];
  return name === undefined || await users.exists(name);
}

function unsupported(code: "unsupported_path" | "unsupported_operation"): VaultError {
  return new VaultError(code, code.replace("_", " "));
}

async function login(
  request: LogicalCall,
  mount: LoginMount,
  users: Userpass,
  name: string,
): Promise<LogicalReply> {
  if (request.operation !== "update") throw unsupported("unsupported_operation");
  const password = readText(requestFields(request.data), "password") ?? "";
  if (password === "") throw invalidRequest("missing password");
  return await answerLogin(request, mount, await users.login(name, password));
}

async function serveUser(
  request: LogicalCall,
  users: Userpass,
  name: string,
): Promise<LogicalReply> {
  switch (request.operation) {
    case "read": {
      const rules = await users.rules(name);
      return rules === null ? { kind: "missing" } : {
        kind: "data",
        data: describeTokenRules(rules),
      };
    }
    case "create":
    case "update": {
      const fields = requestFields(request.data);
      const password = readPassword(fields);
      await users.write(name, password, (rules) => mergeTokenRules(fields, rules));
      return DONE;
    }
    case "delete":
      await users.remove(name);
      return DONE;
    default:
      throw unsupported("unsupported_operation");
  }
}

function readPassword(fields: Fields): string | null {
  if ((readText(fields, "password_hash") ?? "") !== "") {
    throw invalidRequest("password_hash is not supported: send the password");
  }
  const password = readText(fields, "password") ?? "";
  return password === "" ? null : password;
}

async function changePassword(
  request: LogicalCall,
  users: Userpass,
  name: string,
): Promise<LogicalReply> {
  if (request.operation !== "update") throw unsupported("unsupported_operation");
  const password = readPassword(requestFields(request.data));
  if (password === null) throw invalidRequest("missing password");
  await users.update(name, password, (rules) => rules);
  return DONE;
}

async function changePolicies(
  request: LogicalCall,
  users: Userpass,
  name: string,
): Promise<LogicalReply> {
  if (request.operation !== "update") throw unsupported("unsupported_operation");
  const policies = readPolicies(requestFields(request.data)) ?? [];
  await users.update(name, null, (rules) => ({ ...rules, policies }));
  return DONE;
}
