import { expect, it } from "vitest";
import { BodyTooLarge, readBodyText } from "../../src/http/json.ts";
import { REQUEST_BODY_MAX_BYTES } from "../../src/limits.ts";

const CHUNK = new Uint8Array(1024 * 1024).fill(0x20);

/** A request whose body never ends, and how many bytes of it were taken. */
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

it("a body is the same text with and without a declared length, byte order mark included", async () => {
  const text = '\ufeff{"key":"\u{1f511}"}';
  const length = String(new TextEncoder().encode(text).length);
  expect(await readBodyText(request(text, { "content-length": length }))).toBe(text);
  expect(await readBodyText(request(text, {}))).toBe(text);
  expect(await readBodyText(new Request("http://vault.test", { method: "PUT" }))).toBe("");
});

it("a body that declares too much is not read", async () => {
  const length = String(REQUEST_BODY_MAX_BYTES + 1);
  const { request, taken } = endlessRequest({ "content-length": length });
  await expect(readBodyText(request)).rejects.toThrow(BodyTooLarge);
  expect(taken()).toBe(0);
});

it.each([
  {},
  { "content-length": "2", "transfer-encoding": "chunked" },
])("a body that comes in chunks is read up to the limit: %j", async (headers) => {
  const { request, taken } = endlessRequest(headers as Readonly<Record<string, string>>);
  await expect(readBodyText(request)).rejects.toThrow(BodyTooLarge);
  expect(taken()).toBeLessThanOrEqual(REQUEST_BODY_MAX_BYTES + 2 * CHUNK.length);
});
