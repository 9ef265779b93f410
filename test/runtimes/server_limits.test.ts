/** How a server's bounds follow from the limits; server_bounds.test.ts tests that it keeps them. */

import { describe, expect, it } from "vitest";
import {
  CONNECTIONS_MAX,
  DESCRIPTORS_RESERVED,
  HEAD_MAX_MS,
  IDLE_MAX_MS,
  TRANSFER_FREE_BYTES,
  TRANSFER_STALL_MAX_MS,
  TRANSFERS_MAX_BYTES,
} from "../../src/limits.ts";
import { boundsFor } from "../../src/runtimes/local/descriptors.ts";
import { Transfers } from "../../src/runtimes/local/http1/transfers.ts";

describe("bounds of a local server", () => {
  it("boundsFor() gives the limits of the source and reserves descriptors for other files", () => {
    expect(boundsFor(1_000_000)).toEqual({
      connections: CONNECTIONS_MAX,
      transfersBytes: TRANSFERS_MAX_BYTES,
      headMs: HEAD_MAX_MS,
      stallMs: TRANSFER_STALL_MAX_MS,
      idleMs: IDLE_MAX_MS,
    });
    expect(boundsFor(1024).connections).toBe(1024 - DESCRIPTORS_RESERVED);
    expect(boundsFor(10).connections).toBe(1);
  });

  it("small transfers are not counted, and the longest-stalled is given up when memory runs out", () => {
    const transfers = new Transfers(2 * TRANSFER_FREE_BYTES);
    const given: string[] = [];
    const open = (name: string) => {
      const transfer = transfers.open(() => {
        given.push(name);
        transfer.close();
      });
      return transfer;
    };
    for (let count = 0; count < 10; count++) open("small").hold(TRANSFER_FREE_BYTES);
    expect(transfers.bytes).toBe(0);
    expect(open("first").hold(2 * TRANSFER_FREE_BYTES)).toBe(true);
    expect(open("second").hold(2 * TRANSFER_FREE_BYTES)).toBe(true);
    expect(given).toEqual(["first"]);
    expect(open("too much").hold(2 * TRANSFER_FREE_BYTES + 1)).toBe(false);
  });
});
