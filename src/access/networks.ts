/** Whom an address stands for where work is shared out or tries are counted. Pure. */

/** One household gets a /64 of IPv6: its addresses count as one. Those that are unknown do, too. */
export function networkOf(address: string | null): string {
  if (address === null) return "unknown";
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail = ""] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === "" ? 0 : tail.split(":").length;
  const padded = address.includes("::")
    ? [...groups, ...Array.from({ length: Math.max(0, 8 - groups.length - rest) }, () => "0")]
    : groups;
  return padded.slice(0, 4).join(":");
}
