/** TLS connections. Each takes a place when accepted and has a deadline for its handshake. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { TlsIdentity } from "../server.ts";
import type { Occupant, Places } from "./places.ts";

export interface TlsPorts {
  readonly places: Places;
  readonly handshakeMs: number;
  readonly nowMs: () => number;
  /** Called with each connection whose handshake has succeeded. */
  readonly serve: (socket: Socket) => void;
}

/** Returns the handler of accepted connections. Throws an Error that is safe to show. */
export function createTlsAcceptance(
  identity: TlsIdentity,
  { places, handshakeMs, nowMs, serve }: TlsPorts,
): (socket: Socket) => void {
  checkIdentity(identity);
  const secureContext = createSecureContext({ cert: identity.cert, key: identity.key });
  return (socket) => {
    const handshake = new Handshake(socket, nowMs() + handshakeMs);
    socket.on("close", () => places.leave(handshake));
    // A failed handshake concerns only the client.
    socket.on("error", () => socket.destroy());
    if (!places.take(handshake)) return handshake.destroy();
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      ALPNProtocols: ["http/1.1"],
    });
    const fail = (): void => handshake.destroy();
    secured.on("error", fail);
    secured.on("close", fail);
    secured.once("secure", () => {
      places.leave(handshake);
      serve(secured);
    });
  };
}

/** Deno accepts any key, and Node one of another type; then no client could connect. */
export function checkIdentity({ cert, key }: TlsIdentity): void {
  let isPair: boolean;
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new Error("the TLS certificate or its key is not readable PEM", { cause });
  }
  if (!isPair) throw new Error("the TLS key is not the key of the TLS certificate");
}

class Handshake implements Occupant {
  readonly peerAddress: string | null;
  readonly isWaiting = true;
  readonly isReceiving = false;
  readonly #socket: Socket;
  readonly #deadlineMs: number;

  constructor(socket: Socket, deadlineMs: number) {
    this.#socket = socket;
    this.#deadlineMs = deadlineMs;
    this.peerAddress = socket.remoteAddress ?? null;
  }

  checkTime(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
