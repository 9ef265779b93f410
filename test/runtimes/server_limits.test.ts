/** What the server of a process gets of its limits; that it keeps to them is in server_bounds.test.ts. */

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

describe("the bounds of a local server", () => {
  it("are those of the source, and connections always leave descriptors for the rest", () => {
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

  it("do not count a transfer that is small, and give up what stands still when it is too much", () => {
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
