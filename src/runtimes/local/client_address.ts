/**
 * The address of a client behind proxies. `X-Forwarded-For` is trusted only as far as proxies named
 * by the operator wrote it: the client is the first hop from the right that is not such a proxy.
 */

import { blockMatcher, canonicalAddress } from "../../access/cidr.ts";
import { PROXY_HOPS_MAX } from "../../limits.ts";

/** `peer` is the address of the connection; null if unknown. */
export type ClientAddress = (peer: string | null, forwardedFor: string | null) => string | null;

/** `trusted` holds addresses and blocks, as `parseAddresses` returns them. */
export function clientAddressBehind(trusted: readonly string[]): ClientAddress {
  if (trusted.length === 0) return (peer) => peer;
  const isTrusted = blockMatcher(trusted);
  return (peer, forwardedFor) => {
    if (forwardedFor === null || !isTrusted(peer)) return peer;
    let client = peer;
    // Untrusted text is left of what proxies wrote. No real chain is longer than this bound.
    for (const written of forwardedFor.split(",").slice(-PROXY_HOPS_MAX).toReversed()) {
      const hop = addressOf(written.trim());
      if (hop === null) return client;
      client = hop;
      if (!isTrusted(hop)) return client;
    }
    return client;
  };
}

/** Drops a port after the address. Null if `hop` is not an address, such as "unknown". */
function addressOf(hop: string): string | null {
  const [, bracketed, plain] = /^\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?$|^([0-9.]+):[0-9]+$/.exec(hop) ??
    [];
  return canonicalAddress(bracketed ?? plain ?? hop);
}
