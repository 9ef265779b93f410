/**
 * Global setup of the suite: prepares the evidence of a run, which is a folder and a local server that
 * takes the evidence of tests in workerd, where there are no files. The folder is removed at the end
 * unless a leak was found.
 */

import { appendFileSync, existsSync, globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { TestProject } from "vitest/node";
import { FOUND_FILE } from "./found.ts";

export interface Evidence {
  readonly root: string;
  readonly directory: string;
  /** Takes `POST /<folder>/<file>` and appends the body. */
  readonly collector: string;
  /** All tests of all files run, so the check may demand a minimum of evidence. */
  readonly isWholeSuite: boolean;
}

declare module "vitest" {
  interface ProvidedContext {
    evidence: Evidence;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { root } = project.config;
  const directory = mkdtempSync(join(tmpdir(), "sealwright-secrecy-"));
  const collector = createServer(async (incoming, outgoing) => {
    const file = resolve(directory, `.${decodeURIComponent(incoming.url ?? "")}`);
    const isInside = file.startsWith(`${directory}/`);
    if (isInside) {
      mkdirSync(dirname(file), { recursive: true });
      appendFileSync(file, await text(incoming));
    }
    outgoing.writeHead(isInside ? 204 : 400).end();
  });
  await new Promise<void>((listening) => collector.listen(0, "127.0.0.1", listening));
  const { port } = collector.address() as AddressInfo;

  const planned = new Set(project.vitest.state.getPaths());
  const all = globSync("test/**/*.test.ts", { cwd: root }).map((file) => join(root, file));
  project.provide("evidence", {
    root,
    directory,
    collector: `http://127.0.0.1:${port}`,
    isWholeSuite: project.vitest.config.testNamePattern === undefined &&
      all.every((file) => planned.has(file)),
  });
  return async () => {
    collector.closeAllConnections();
    await new Promise((closed) => collector.close(closed));
    if (!existsSync(join(directory, FOUND_FILE))) {
      rmSync(directory, { recursive: true, force: true });
    }
  };
}
