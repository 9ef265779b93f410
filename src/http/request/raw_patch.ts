/** PATCH where a raw endpoint has no use for it: its content type and body are judged all the same. */

import type { Call } from "./call.ts";
import { refusePatchType } from "./media_type.ts";
import { rawOperation } from "./raw_endpoint.ts";
import { errorReply } from "./replies.ts";

export const PATCH_REFUSED = rawOperation(
  { summary: "Refused", answer: null },
  async (call) => {
    await judgePatch(call);
    return errorReply(405, []);
  },
);

/** For endpoints that ask for a token: comes before it. Throws what is wrong with the request as a patch. */
export async function judgePatch(call: Call): Promise<void> {
  if (call.method !== "PATCH") return;
  refusePatchType(call.request);
  await call.jsonBody();
}
