/** Test helper: an unsealed vault with audit devices whose lines a test can read, refuse and break. */

import { expect } from "vitest";
import { createRecordingSinks, type RecordingSinks } from "../audit/recording_sinks.ts";
import { initialiseOpen } from "../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi } from "./memory_api.ts";
import { mountEngines } from "./stages.ts";

export interface Line {
  readonly type: string;
  readonly error?: string;
  readonly auth: Readonly<Record<string, unknown>>;
  readonly request: Readonly<Record<string, unknown>>;
  readonly response?: Readonly<Record<string, unknown>>;
}

export interface Audited {
  readonly api: MemoryApi;
  readonly root: string;
  readonly shares: readonly string[];
  readonly sinks: RecordingSinks;
  /** Lines of device `a` since the last call. */
  fresh(): readonly Line[];
}

export async function enable(api: MemoryApi, token: string, name: string, type = "test") {
  const body = { type, description: `device ${name}`, options: { name } };
  return await api.request("PUT", `/v1/sys/audit/${name}`, { token, body });
}

export async function startAudited(names: readonly string[] = ["a"]): Promise<Audited> {
  const sinks = createRecordingSinks();
  const api = await startMemoryApi({ audit: sinks.settings });
  const { root, shares } = await initialiseOpen(api, 3, 2);
  await mountEngines(api, root);
  for (const name of names) expect((await enable(api, root, name)).status).toBe(204);
  let seen = sinks.lines("a").length;
  const fresh = (): readonly Line[] => {
    const lines = sinks.lines("a").slice(seen).map((line) => JSON.parse(line) as Line);
    seen += lines.length;
    return lines;
  };
  return { api, root, shares, sinks, fresh };
}
