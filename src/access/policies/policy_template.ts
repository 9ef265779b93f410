/**
 * Paths that name whoever asks: `{{identity.entity.id}}` stands for a part of the path that depends on
 * the token. Pure. Source: OpenBao sdk/helper/identitytpl. Groups there are none, and no template of
 * the time has a value here.
 */

import type { Entity } from "../identity/entity.ts";
import { PolicyError } from "./policy_source.ts";

/** A path with its templates filled; null when one of them has no value. */
export type FillTemplates = (path: string) => string | null;

const TEMPLATE = /\{\{([^{}]*)\}\}/g;
/** What an entity keeps for as long as there is one. */
const CONSTANT: ReadonlySet<string> = new Set(["identity.entity.id", "identity.entity.name"]);

export interface TemplateRules {
  readonly allowsSlashesInTemplates: boolean;
  readonly allowsWildcardsInTemplates: boolean;
}

/** For a token without an entity, and for who only checks a policy. */
export const NO_VALUES: FillTemplates = (path) => isTemplated(path) ? null : path;

/** A value that would change the meaning of the path is none, unless the policy says otherwise. */
export function valuesOf(entity: Entity, rules: TemplateRules): FillTemplates {
  const blocked = [
    ...(rules.allowsSlashesInTemplates ? [] : ["/"]),
    ...(rules.allowsWildcardsInTemplates ? [] : ["*", "+"]),
  ];
  return (path) => {
    let isComplete = true;
    const filled = path.replace(TEMPLATE, (_template, selector: string) => {
      const value = valueOf(entity, selector.trim());
      if (value === "" || blocked.some((character) => value.includes(character))) {
        isComplete = false;
      }
      return value;
    });
    return isComplete ? filled : null;
  };
}

/** Throws `PolicyError` where a template begins and does not end, or the other way round. */
export function refuseUnbalanced(path: string): void {
  const literal = path.replace(TEMPLATE, "");
  if (literal.includes("{{") || literal.includes("}}")) {
    throw new PolicyError(
      "failed to validate policy templating: unbalanced templating characters",
    );
  }
}

export function isTemplated(path: string): boolean {
  return path.replace(TEMPLATE, "") !== path;
}

/**
 * Whether some template may have another value after the next login, as the alias's metadata does.
 * Those of the default policy, which nearly every token has, never do.
 */
export function isVariable(text: string): boolean {
  return [...text.matchAll(TEMPLATE)].some(([, selector = ""]) => !CONSTANT.has(selector.trim()));
}

/** "" when there is none. */
function valueOf({ id, name, alias }: Entity, selector: string): string {
  if (selector === "identity.entity.id") return id;
  if (selector === "identity.entity.name") return name;
  const ofAlias = `identity.entity.aliases.${alias.accessor}.`;
  if (!selector.startsWith(ofAlias)) return "";
  const field = selector.slice(ofAlias.length);
  if (field === "id") return alias.id;
  if (field === "name") return alias.name;
  if (!field.startsWith("metadata.")) return "";
  const key = field.slice("metadata.".length);
  return alias.meta !== null && Object.hasOwn(alias.meta, key) ? alias.meta[key] ?? "" : "";
}
