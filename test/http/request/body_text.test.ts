/** `readBodyText()`: how a body is decoded, in slices, and when it is refused as too large. */

import { expect, it, vi } from "vitest";
import { BodyTooLarge, readBodyText } from "../../../src/http/request/json.ts";
import { REQUEST_BODY_MAX_BYTES } from "../../../src/limits.ts";

const CHUNK = new Uint8Array(1024 * 1024).fill(0x20);

/** A request whose body never ends, and how many of its bytes were taken. */
function endlessRequest(headers: Readonly<Record<string, string>>) {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      taken += CHUNK.length;
      controller.enqueue(CHUNK);
    },
  }, { highWaterMark: 0 });
  const init = { method: "PUT", headers, body, duplex: "half" };
  return { request: new Request("http://vault.test", init as RequestInit), taken: () => taken };
}

const request = (text: string, headers: Readonly<Record<string, string>>) =>
  new Request("http://vault.test", { method: "PUT", headers, body: text });

it("a body gives the same text with and without a declared length, byte order mark included", async () => {
  const text = '\ufeff{"key":"\u{1f511}"}';
  const length = String(new TextEncoder().encode(text).length);
  expect(await readBodyText(request(text, { "content-length": length }))).toBe(text);
  expect(await readBodyText(request(text, {}))).toBe(text);
  expect(await readBodyText(new Request("http://vault.test", { method: "PUT" }))).toBe("");
});

it("a body decoded in slices gives the same text, even with characters across slice edges", async () => {
  const slice = 4 * 1024 * 1024;
  const text = `\ufeff{"a":"${"\u{1f511}".repeat(slice / 2)}"}`;
  const bytes = new TextEncoder().encode(text);
  const make = (body: Uint8Array<ArrayBuffer>) => {
    const headers = { "content-length": String(body.length) };
    return new Request("http://vault.test", { method: "PUT", headers, body });
  };
  expect(await readBodyText(make(bytes)) === text).toBe(true);
  const broken = bytes.slice(0, 2 * slice - 1);
  const wanted = new TextDecoder("utf-8", { ignoreBOM: true }).decode(broken);
  expect(await readBodyText(make(broken)) === wanted).toBe(true);
});

it("other tasks run between the slices of a body that is being decoded", async () => {
  let turns = 0;
  let goesOn = true;
  const count = (): void => {
    turns += 1;
    if (goesOn) setImmediate(count);
  };
  const body = new Uint8Array(16 * 1024 * 1024).fill(0xff);
  const headers = { "content-length": String(body.length) };
  const sent = new Request("http://vault.test", { method: "PUT", headers, body });
  const seen: number[] = [];
  const decode = vi.spyOn(TextDecoder.prototype, "decode").mockImplementation(() => {
    if (seen.length === 0) setImmediate(count);
    seen.push(turns);
    return "";
  });
  await readBodyText(sent);
  decode.mockRestore();
  goesOn = false;
  expect(seen.length).toBeGreaterThanOrEqual(4);
  expect(seen.slice(1, 4)).toEqual([...new Set(seen.slice(1, 4))]);
});

it("a body whose declared length is too large is not read", async () => {
  const length = String(REQUEST_BODY_MAX_BYTES + 1);
  const { request, taken } = endlessRequest({ "content-length": length });
  await expect(readBodyText(request)).rejects.toThrow(BodyTooLarge);
  expect(taken()).toBe(0);
});

it.each([
  {},
  { "content-length": "2", "transfer-encoding": "chunked" },
])("a chunked body is read up to the limit and then refused: %j", async (headers) => {
  const { request, taken } = endlessRequest(headers as Readonly<Record<string, string>>);
  await expect(readBodyText(request)).rejects.toThrow(BodyTooLarge);
  expect(taken()).toBeLessThanOrEqual(REQUEST_BODY_MAX_BYTES + 2 * CHUNK.length);
});
