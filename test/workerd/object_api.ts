/** Runs the API contract on a vault's Durable Object; a restart is a real eviction. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { DurableObjectStub } from "@cloudflare/workers-types";
import type { Api, ApiRequest, ApiResponse, SealKind } from "../contract/api.contract.ts";
import { evidence } from "./evidence.ts";
import { STATIC_KEY } from "./main.ts";
import { newObject } from "./objects.ts";

const ORIGIN = "http://vault.test";

export interface ObjectApi extends Api {
  readonly stub: DurableObjectStub;
  /** Delivers the alarm to the object as the platform does, which may be more than once. */
  deliverAlarm(times: number): Promise<void>;
}

export function startObject(seal: SealKind): ObjectApi {
  if (seal === "static") evidence.credential(STATIC_KEY, "static seal key");
  const stub = newObject(seal === "static" ? "STATIC_VAULT" : "AUDITED_VAULT");
  return {
    stub,
    request: (method, path, request = {}) => ask(stub, method, path, request),
    restart: async () => await evictDurableObject(stub),
    // A running alarm must not outlive the test.
    stop: async () => {
      await runInDurableObject(stub, async (_instance, { storage }) => await storage.deleteAlarm());
    },
    deliverAlarm: async (times) => {
      await runInDurableObject(stub, async (instance: { alarm?(): Promise<void> }) => {
        await Promise.all(Array.from({ length: times }, () => instance.alarm?.()));
      });
    },
  };
}

async function ask(
  stub: DurableObjectStub,
  method: string,
  path: string,
  request: ApiRequest,
): Promise<ApiResponse> {
  const { body, token, headers, rawBody } = request;
  const sent = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
  const allHeaders = { ...(token === undefined ? {} : { "X-Vault-Token": token }), ...headers };
  const response = await stub.fetch(ORIGIN + path, {
    method,
    headers: allHeaders,
    ...(sent === undefined ? {} : { body: sent }),
    redirect: "manual",
  });
  const text = await response.text();
  evidence.exchange({
    method,
    target: path,
    headers: Object.entries(allHeaders),
    sent: typeof sent === "string" ? sent : "",
    received: text,
  });
  return {
    status: response.status,
    headers: response.headers as unknown as Headers,
    text,
    json: text === "" ? null : JSON.parse(text),
  };
}
