/** The network of an address, by which work is shared out and attempts are counted. Pure. */

/** A household gets an IPv6 /64, so its addresses count as one. So do unknown addresses. */
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
