/** A barrier's seal that counts each wrap and unwrap in the metrics. */

import type { OuterLayer } from "../../barrier/barrier.ts";
import type { Metrics } from "../../metrics.ts";

export function countedSeal(seal: OuterLayer, metrics: Metrics): OuterLayer {
  return {
    keyId: seal.keyId,
    wrap: (path, value) => counted("wrapped", seal.wrap(path, value), metrics),
    unwrap: (path, wrapped) => counted("unwrapped", seal.unwrap(path, wrapped), metrics),
  };
}

async function counted<Result>(
  work: "wrapped" | "unwrapped",
  result: Promise<Result>,
  metrics: Metrics,
): Promise<Result> {
  let worked = false;
  try {
    const value = await result;
    worked = true;
    return value;
  } finally {
    metrics.countSealWork(work, worked);
  }
}
