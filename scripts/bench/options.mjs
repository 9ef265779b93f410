/** Reads the bench's settings from environment variables. Throws Error for an unusable value. */

const RUNTIMES = ["deno", "node", "bun"];
const PARTS = ["rewrap", "ceremony", "requests"];

export function readOptions(env) {
  const number = (name, fallback, least) => {
    const value = Number(env[name] || fallback);
    if (Number.isFinite(value) && value >= least) return value;
    throw new Error(`${name} must be a number of at least ${least}: got "${env[name]}"`);
  };
  const words = (name, fallback, known) => {
    const values = (env[name] || fallback).split(",");
    if (values.every((value) => known.includes(value))) return values;
    throw new Error(`${name} must be of ${known.join(", ")}: got "${env[name]}"`);
  };
  return {
    runtime: words("RUNTIME", "deno", RUNTIMES)[0],
    parts: words("BENCH_PARTS", PARTS.join(","), PARTS),
    entries: Math.ceil(number("BENCH_ENTRIES", 50_000, 1)),
    valueBytes: Math.ceil(number("BENCH_BYTES", 1024, 16)),
    runs: Math.ceil(number("BENCH_RUNS", 3, 1)),
    seconds: number("BENCH_SECONDS", 2, 0.05),
    readsPerSecond: number("BENCH_READ_RATE", 100, 0),
  };
}
