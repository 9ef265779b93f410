/** `auth/<mount>/…` of userpass: users, their passwords, and logins. */

import { tokenPolicies, type TokenRules } from "../../access/tokens/login_token.ts";
import { noPassword, Userpass } from "./users.ts";
import { cleanPolicies } from "../../access/tokens/token_policies.ts";
import { duration, type Sent, text, textList } from "../../wire/fields.ts";
import { LIST_FIELDS } from "../../wire/paging.ts";
import { operation } from "../../wire/served_path.ts";
import { invalidRequest, type VaultError } from "../../errors.ts";
import {
  describeTokenRules,
  legacyNames,
  mergeTokenRules,
  POLICIES_FIELDS,
  TOKEN_RULE_FIELDS,
} from "../token_rule_fields.ts";
import {
  createMethod,
  DONE,
  listNames,
  type MethodCall,
  type MethodPath,
  methodPath,
  type MethodReply,
  MISSING,
  type OpenMethod,
} from "../method.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { DEFAULT_POLICY_NAME } from "../../access/policies/policy_names.ts";
import { Passwords } from "./passwords.ts";
import { BCRYPT_COST_MAX, BCRYPT_COST_MIN } from "../../limits.ts";

interface UserpassParts {
  readonly users: Userpass;
}

type UserpassCall = MethodCall & UserpassParts;

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

const WRITE_USER = operation(
  { summary: "Create or change a user", fields: USER_FIELDS },
  writeUser,
);

export const USERPASS_PATHS: readonly MethodPath<UserpassParts>[] = [
  methodPath("users", {
    list: operation(
      { summary: "List the users", fields: LIST_FIELDS },
      async ({ users }: UserpassCall, sent) => listNames(await users.list(), sent),
    ),
  }),
  methodPath("users/{username}", {
    read: operation({ summary: "Show a user, without the password" }, readUser),
    create: WRITE_USER,
    update: WRITE_USER,
    delete: operation({ summary: "Delete a user" }, removeUser),
  }, { overwrites: ({ users }, parameter) => users.exists(parameter("username")) }),
  methodPath("users/{username}/password", {
    update: operation(
      { summary: "Give a user another password", fields: PASSWORD_FIELDS },
      changePassword,
    ),
  }),
  methodPath("users/{username}/policies", {
    update: operation(
      { summary: "Give a user other policies", fields: POLICIES_FIELDS },
      changePolicies,
    ),
  }),
  methodPath("login/{username}", {
    update: operation({
      summary: "Log in with a password",
      fields: { password: PASSWORD_FIELDS.password },
      needs: ["password"],
      answers: ["auth"],
    }, login),
  }, { loginAlias: aliasOf }),
];

/** All mounts share one queue, so only one password is hashed at a time. */
export const openUserpass: OpenMethod = ({ barrier, random }) => {
  // Reading the keyring throws `sealed` once the vault is sealed.
  const passwords = new Passwords(random, undefined, () => void barrier.keyring);
  return (_mountUuid, records) => {
    const users = new Userpass(records, passwords);
    return createMethod({
      paths: USERPASS_PATHS,
      own: { users },
      renewalRules: async ({ meta, policies }) => {
        const rules = await users.rules(meta?.["username"] ?? "");
        if (rules !== null && withoutDefault(tokenPolicies(rules)) !== withoutDefault(policies)) {
          throw listedMistake("failed to renew entry: policies have changed, not renewing");
        }
        return rules;
      },
    });
  };
};

function withoutDefault(policies: readonly string[]): string {
  return policies.filter((name) => name !== DEFAULT_POLICY_NAME).join("\n");
}

async function login(
  call: UserpassCall,
  { password = "" }: { readonly password?: string | undefined },
): Promise<MethodReply> {
  if (password === "") throw invalidRequest("missing password");
  const { users, client } = call;
  const outcome = await users.login(aliasOf(call), password, client.address, client.signal);
  return { kind: "login", outcome };
}

function aliasOf({ parameter }: UserpassCall): string {
  return parameter("username");
}

async function readUser({ users, parameter }: UserpassCall): Promise<MethodReply> {
  const rules = await users.rules(parameter("username"));
  return rules === null ? MISSING : { kind: "data", data: describeTokenRules(rules) };
}

async function writeUser(
  { users, parameter, client }: UserpassCall,
  sent: Sent<typeof USER_FIELDS>,
): Promise<MethodReply> {
  const password = newPassword(sent);
  const change = (rules: TokenRules) => mergeTokenRules(sent, rules);
  await users.write(parameter("username"), password, change, client);
  return DONE;
}

async function removeUser({ users, parameter }: UserpassCall): Promise<MethodReply> {
  await users.remove(parameter("username"));
  return DONE;
}

async function changePassword(
  { users, parameter, client }: UserpassCall,
  sent: Sent<typeof PASSWORD_FIELDS>,
): Promise<MethodReply> {
  await users.refuseUnknown(parameter("username"));
  const password = newPassword(sent);
  if (password === null) throw noPassword();
  await users.update(parameter("username"), password, (rules) => rules, client);
  return DONE;
}

async function changePolicies(
  { users, parameter }: UserpassCall,
  sent: Sent<typeof POLICIES_FIELDS>,
): Promise<MethodReply> {
  const policies = sent.token_policies ?? sent.policies;
  await users.update(parameter("username"), null, (rules) => ({
    ...rules,
    policies: policies === undefined ? rules.policies : cleanPolicies(policies),
    legacyNames: legacyNames(sent, rules.legacyNames),
  }));
  return DONE;
}

/** The new password; null keeps the current one. */
function newPassword(
  { password = "", password_hash: hash = "" }: Sent<typeof PASSWORD_FIELDS>,
): string | null {
  if (hash === "") return password === "" ? null : password;
  if (password !== "") {
    throw invalidRequest("only one of password or password_hash may be provided");
  }
  throw refusedHash(hash);
}

/** Why a hash is refused, in the reference's words where it would refuse it too. */
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
