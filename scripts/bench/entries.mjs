/** The bench's entries: names spread over folders, and JSON values of a given size. */

const ENTRIES_PER_FOLDER = 1000;

export function entryName(index) {
  return `folder-${Math.floor(index / ENTRIES_PER_FOLDER)}/entry-${index}`;
}

/** An object whose JSON has `bytes` bytes. */
export function entryValue(bytes) {
  const frame = JSON.stringify({ value: "" }).length;
  return { value: "x".repeat(Math.max(0, bytes - frame)) };
}
