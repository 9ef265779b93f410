/**
 * Templates in policy paths: `{{identity.entity.id}}` stands for a part of the path that depends on
 * the token. There are no groups, and time templates have no value. Pure. Source: OpenBao
 * sdk/helper/identitytpl.
 */

import type { Entity } from "../identity/entity.ts";
import { PolicyError } from "./policy_source.ts";

/** Fills the templates of a path; null if one of them has no value. */
export type FillTemplates = (path: string) => string | null;

const TEMPLATE = /\{\{([^{}]*)\}\}/g;
/** Values that never change during the life of an entity. */
const CONSTANT: ReadonlySet<string> = new Set(["identity.entity.id", "identity.entity.name"]);

export interface TemplateRules {
  readonly allowsSlashesInTemplates: boolean;
  readonly allowsWildcardsInTemplates: boolean;
}

/** For tokens without an entity, and for checking a policy. */
export const NO_VALUES: FillTemplates = (path) => isTemplated(path) ? null : path;

/** Unless `rules` allow it, a value that would change a path's meaning counts as absent. */
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

/** Throws `PolicyError` for unbalanced template braces. */
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
 * Whether a template's value may change at the next login, as alias metadata may. The templates of
 * the default policy, which nearly every token has, never change.
 */
export function isVariable(text: string): boolean {
  return [...text.matchAll(TEMPLATE)].some(([, selector = ""]) => !CONSTANT.has(selector.trim()));
}

/** "" if the template has no value. */
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
