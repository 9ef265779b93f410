import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { Connection } from "../../src/runtimes/connection.ts";

/** Records what each write to the operating system would carry. */
class RecordingSocket extends Duplex {
  readonly sent: string[][] = [];

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.sent.push([String(chunk)]);
    done();
  }

  override _writev(parts: readonly { readonly chunk: Uint8Array }[], done: () => void): void {
    this.sent.push(parts.map(({ chunk }) => String(chunk)));
    done();
  }

  setTimeout(): this {
    return this;
  }
}

it("head and body of an answer leave in one write, as do single parts", async () => {
  const socket = new RecordingSocket();
  const connection = new Connection(socket as unknown as Socket);
  connection.cork();
  connection.write("head");
  const written = new Promise<void>((resolve) => connection.write("body", () => resolve()));
  connection.uncork();
  await written;
  await new Promise<void>((resolve) => connection.write("alone", () => resolve()));
  expect(socket.sent).toEqual([["head", "body"], ["alone"]]);
  connection.destroy();
});
