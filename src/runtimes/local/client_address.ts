/**
 * The address of a client behind proxies. What `X-Forwarded-For` says is believed as far as it was
 * written by proxies that the operator has named: from the right, the first hop that is none of them.
 */

import { blockMatcher, canonicalAddress } from "../../access/cidr.ts";
import { PROXY_HOPS_MAX } from "../../limits.ts";

/** `peer`: who is connected; null when the server cannot tell. */
export type ClientAddress = (peer: string | null, forwardedFor: string | null) => string | null;

/** `trusted`: addresses and blocks, as `parseAddresses` answers them. */
export function clientAddressBehind(trusted: readonly string[]): ClientAddress {
  if (trusted.length === 0) return (peer) => peer;
  const isTrusted = blockMatcher(trusted);
  return (peer, forwardedFor) => {
    if (forwardedFor === null || !isTrusted(peer)) return peer;
    let client = peer;
    // What a stranger has written stands left of what proxies have; so many hops nobody has.
    for (const written of forwardedFor.split(",").slice(-PROXY_HOPS_MAX).toReversed()) {
      const hop = addressOf(written.trim());
      if (hop === null) return client;
      client = hop;
      if (!isTrusted(hop)) return client;
    }
    return client;
  };
}

/** A port behind an address is left out; null for what is no address, as "unknown". */
function addressOf(hop: string): string | null {
  const [, bracketed, plain] = /^\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?$|^([0-9.]+):[0-9]+$/.exec(hop) ??
    [];
  return canonicalAddress(bracketed ?? plain ?? hop);
}
