/**
 * Bundles the Worker into dist/: a small start-up module, and chunks loaded on demand (openpgp).
 * Prints the gzipped size of what a start loads and fails if it is too large.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
const START = "src/runtimes/workers/workers.ts";
const ENTRY = "worker.js";
export const STARTUP_MAX_BYTES = 90 * 1024;

/**
 * Keeps the start-up code in one chunk. esbuild makes a chunk for every set of entry points that
 * share a file, and each module loaded on demand is an entry point: the start-up code would end up
 * in dozens of chunks that compress badly. So each such module imports it, loaded by then anyway.
 */
const startInOneChunk = {
  name: "start-in-one-chunk",
  setup({ onResolve, onLoad }) {
    onResolve(
      { filter: /^\.{1,2}\// },
      ({ kind, path, resolveDir }) =>
        kind === "dynamic-import"
          ? { path: join(resolveDir, path), namespace: "on-demand" }
          : undefined,
    );
    onLoad({ filter: /.*/, namespace: "on-demand" }, ({ path }) => ({
      contents: [
        `import ${JSON.stringify(join(ROOT, START))};`,
        `export * from ${JSON.stringify(path)};`,
      ].join("\n"),
      resolveDir: ROOT,
    }));
  },
};

/** The modules as `{ name, text }`, entry first; the names and gzipped bytes a start loads. */
export async function bundleWorker() {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: { worker: START },
    outdir: DIST,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2024",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "silent",
    plugins: [startInOneChunk],
  });
  const texts = new Map(result.outputFiles.map((file) => [basename(file.path), file.text]));
  const outputs = new Map(
    Object.entries(result.metafile.outputs).map(([path, output]) => [basename(path), output]),
  );
  const startup = reachable(ENTRY, outputs);
  const startupBytes = [...startup].reduce(
    (sum, name) => sum + gzipSync(texts.get(name)).length,
    0,
  );
  const names = [ENTRY, ...[...texts.keys()].filter((name) => name !== ENTRY).sort()];
  const modules = names.map((name) => ({ name, text: texts.get(name) }));
  return { modules, startup: [...startup], startupBytes };
}

/** `name` and everything it imports statically. */
function reachable(name, outputs, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const { kind, path, external } of outputs.get(name).imports) {
    if (kind === "import-statement" && !external) reachable(basename(path), outputs, found);
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { modules, startupBytes } = await bundleWorker();
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST);
  for (const { name, text } of modules) writeFileSync(join(DIST, name), text);
  const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
  process.stdout.write(
    `dist/${ENTRY}: ${kib(startupBytes)} gzipped at start, of at most ${kib(STARTUP_MAX_BYTES)}; ` +
      `${modules.length - 1} chunk(s) loaded when needed or shared\n`,
  );
  if (startupBytes > STARTUP_MAX_BYTES) process.exitCode = 1;
}
