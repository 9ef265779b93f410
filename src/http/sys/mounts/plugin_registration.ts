/**
 * Answers to registering and forgetting external plugins, which this server does not load. Data
 * only, like `server/absent.ts`. `plugins.ts` serves the real catalog.
 */

import { boolean, text, textList } from "../../../wire/fields.ts";
import { multiError } from "../../../wire/multi_error.ts";
import { DONE } from "../../request/logical.ts";
import {
  type AbsentPath,
  type Answer,
  type Exception,
  type Imitation,
  refused,
} from "../imitation.ts";
import { canonicalVersion, isBuiltinVersion } from "./plugin_versions.ts";

export const VERSION_FIELDS = { version: text("of the plugin; empty for the one that runs") };

function builtinRefused(why: string): Exception {
  return {
    when: ({ version = "" }) =>
      version !== "" && isBuiltinVersion(canonicalVersion(String(version))),
    answer: ({ version }) =>
      refused(`version ${JSON.stringify(canonicalVersion(String(version)))} ${why}`),
  };
}

function deprecated(what: string): Answer {
  return (_sent, { parameter }) => {
    const name = JSON.stringify(parameter("name"));
    const warning = `Deprecated API endpoint, cannot ${what} from catalog for ${name}`;
    return { kind: "data", data: null, warnings: [warning] };
  };
}

function digestOf({ sha256, sha_256 }: Readonly<Record<string, unknown>>): string {
  return String(sha256 || sha_256 || "");
}

/** Valid input fails as in a reference without a plugin directory. */
export const REGISTER_PLUGIN: Imitation = {
  summary: "Register a plugin: never done",
  fields: {
    ...VERSION_FIELDS,
    type: text("auth, database or secret"),
    sha256: text("of the program"),
    sha_256: text("the same"),
    command: text("the program"),
    args: textList("its arguments"),
    env: textList("its environment"),
    oci: boolean("whether it is an image"),
  },
  exceptions: [
    builtinRefused("is not allowed because 'builtin' is a reserved metadata identifier"),
    { when: (sent) => digestOf(sent) === "", answer: refused("missing SHA-256 value") },
    { when: ({ command = "" }) => command === "", answer: refused("missing command value") },
    {
      when: ({ command, args }) =>
        String(command).includes(" ") && Array.isArray(args) && args.length > 0,
      answer: refused("must not specify args in command and args field"),
    },
    {
      when: (sent) => !/^([0-9a-fA-F]{2})*$/.test(digestOf(sent)),
      answer: refused("Could not decode SHA-256 value from Hex"),
    },
  ],
  answer: refused(multiError(["could not set plugin, plugin directory is not configured"])),
};

export const FORGET_PLUGIN: Imitation = {
  summary: "Forget a plugin; what is built in stays",
  fields: VERSION_FIELDS,
  answers: ["nothing", "data"],
  exceptions: [builtinRefused("cannot be deleted")],
  answer: DONE,
};

/** The older path, without a type. Nothing is ever found under it. */
export const UNTYPED_PLUGIN: AbsentPath = {
  path: "sys/plugins/catalog/{name+}",
  rules: { sudo: true },
  read: {
    summary: "Show one thing that can be mounted",
    fields: VERSION_FIELDS,
    answer: deprecated("read plugin information"),
  },
  update: REGISTER_PLUGIN,
  delete: { ...FORGET_PLUGIN, answer: deprecated("deregister plugin") },
};
