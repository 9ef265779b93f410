/** The requests being served, each from its first step to its answer. */

import type { MiddlewareHandler } from "hono";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import type { AppContext } from "./call.ts";
import type { JsonObject } from "../../wire/json_value.ts";

interface Flight {
  readonly startedAtMs: number;
  readonly address: string | null;
  readonly path: string;
  readonly method: string;
}

/** Maps each request to the id it was first shown under; "" before. */
const FLIGHTS = new WeakMap<AppContext["vault"], Map<Flight, string>>();

export function followRequests({ vault, options, nowMs }: AppContext): MiddlewareHandler {
  const flights = new Map<Flight, string>();
  FLIGHTS.set(vault, flights);
  return async function follow(c, next) {
    const flight: Flight = {
      startedAtMs: nowMs(),
      address: options.clientAddress(c.req.raw, c.env),
      path: c.req.path,
      method: c.req.method,
    };
    flights.set(flight, "");
    try {
      await next();
    } finally {
      flights.delete(flight);
    }
  };
}

/** By id. Omits the query, which may hold a token. */
export function requestsInFlight(vault: AppContext["vault"], random: RandomBytes): JsonObject {
  const flights = FLIGHTS.get(vault) ?? new Map<Flight, string>();
  const shown = [...flights].map(([flight, known]) => {
    const id = known === "" ? randomUuid(random) : known;
    flights.set(flight, id);
    return [id, {
      start_time: new Date(flight.startedAtMs).toISOString(),
      client_remote_address: flight.address ?? "",
      request_path: flight.path,
      request_method: flight.method,
      client_id: "",
    }];
  });
  return Object.fromEntries(shown);
}
