import { describe, expect, it } from "vitest";
import { drainedRequest } from "../../src/runtimes/workers/drained_request.ts";
import { DRAIN_MAX_BYTES } from "../../src/limits.ts";

const CHUNK_BYTES = 1024 * 1024;

/** A request whose body has `chunks` chunks, with a count of those that were read. */
function upload(chunks: number) {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (taken === chunks) return controller.close();
      taken += 1;
      controller.enqueue(new Uint8Array(CHUNK_BYTES));
    },
  }, { highWaterMark: 0 });
  const init = { method: "PUT", body, duplex: "half", headers: { "x-vault-token": "t" } };
  const request = new Request("http://vault.invalid/v1/a?b", init as RequestInit);
  return { ...drainedRequest(request), taken: () => taken };
}

describe("drained request", () => {
  it("a drained request looks unchanged to the application", async () => {
    const { request, drain } = upload(3);
    expect(request.method).toBe("PUT");
    expect(request.url).toBe("http://vault.invalid/v1/a?b");
    expect(request.headers.get("x-vault-token")).toBe("t");
    expect((await request.arrayBuffer()).byteLength).toBe(3 * CHUNK_BYTES);
    await drain();
  });

  it("a body that the application never read is drained to its end", async () => {
    const { drain, taken } = upload(8);
    await drain();
    expect(taken()).toBe(8);
  });

  it("a body that the application cancelled half way is drained to its end", async () => {
    const { request, drain, taken } = upload(8);
    const reader = request.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await drain();
    expect(taken()).toBe(8);
  });

  it("draining an endless body is given up", async () => {
    const { drain, taken } = upload(Infinity);
    await drain();
    expect(taken() * CHUNK_BYTES).toBeGreaterThan(DRAIN_MAX_BYTES);
    expect(taken() * CHUNK_BYTES).toBeLessThan(2 * DRAIN_MAX_BYTES);
  });

  it("a request without a body needs no draining", async () => {
    const request = new Request("http://vault.invalid/");
    const drained = drainedRequest(request);
    expect(drained.request).toBe(request);
    await drained.drain();
  });
});
