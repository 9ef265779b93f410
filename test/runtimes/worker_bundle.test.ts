/** The bundle of the Worker: how much a start loads, and what it leaves to be loaded on demand. */

import { describe, expect, it } from "vitest";

const SCRIPT = new URL("../../scripts/build_worker.mjs", import.meta.url).href;

interface Bundle {
  readonly modules: readonly { readonly name: string; readonly text: string }[];
  readonly startup: readonly string[];
  readonly startupBytes: number;
}

interface Script {
  readonly STARTUP_MAX_BYTES: number;
  bundleWorker(): Promise<Bundle>;
}

describe("Worker bundle", () => {
  const script: Promise<Script> = import(SCRIPT);
  const bundled = script.then(({ bundleWorker }) => bundleWorker());

  it("a start loads no more than its bound, gzipped", async () => {
    const { STARTUP_MAX_BYTES } = await script;
    expect((await bundled).startupBytes).toBeLessThanOrEqual(STARTUP_MAX_BYTES);
  });

  it("a start loads few chunks, since each is compressed by itself", async () => {
    expect((await bundled).startup.length).toBeLessThanOrEqual(3);
  });

  it.each(["openpgp_adapter", "endpoints", "transit", "approle", "userpass", "kv2"])(
    "a start does not load %s",
    async (module) => {
      const { modules, startup } = await bundled;
      const named = modules.filter(({ name }) => name.startsWith(`${module}-`));
      expect(named).toHaveLength(1);
      expect(startup).not.toContain(named[0]?.name);
    },
  );
});
