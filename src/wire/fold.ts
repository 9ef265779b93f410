/** Case-insensitive names. Pure. */

/**
 * Folds each character by itself, as Go does, so that the fold of a prefix is a prefix of the fold.
 */
export function foldCase(text: string): string {
  let folded = "";
  for (const character of text) folded += character.toLowerCase();
  return folded;
}
