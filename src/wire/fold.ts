/** Names without letter case. Pure. */

/**
 * Each character is folded by itself, as in Go: so the beginning of a name is folded to the beginning
 * of the folded name.
 */
export function foldCase(text: string): string {
  let folded = "";
  for (const character of text) folded += character.toLowerCase();
  return folded;
}
