/** PATCH is refused for a wrong content type, whatever the path. */

import { invalidRequest } from "../../errors.ts";
import { rawOperation } from "./raw_endpoint.ts";
import { errorReply } from "./replies.ts";
import type { Call } from "./call.ts";

const MERGE_PATCH = "application/merge-patch+json";

/** Answered with 415. */
export class UnsupportedMediaType extends Error {
  override readonly name = "UnsupportedMediaType";

  constructor(given: string) {
    super(`PATCH requires Content-Type of ${MERGE_PATCH}, provided ${given}`);
  }
}

/** In the words of Go's mime.ParseMediaType. Throws `invalid_request`, `UnsupportedMediaType`. */
export function refusePatchType(request: Request): void {
  const [type = "", ...parameters] = (request.headers.get("content-type") ?? "").split(";");
  const media = type.trim().toLowerCase();
  if (media === "") throw invalidRequest("mime: no media type");
  if (!/^[^\s/]+(\/[^\s/]+)?$/.test(media)) {
    throw invalidRequest("mime: expected slash after first token");
  }
  const written = parameters.map((parameter) => parameter.trim()).filter((each) => each !== "");
  if (written.some((each) => !/^[^\s=]+\s*=\s*\S/.test(each))) {
    throw invalidRequest("mime: invalid media parameter");
  }
  if (media !== MERGE_PATCH) throw new UnsupportedMediaType(media);
}

export const PATCH_REFUSED = rawOperation(
  { summary: "Refused", answer: null },
  async (call) => {
    await judgePatch(call);
    return errorReply(405, []);
  },
);

/** Throws if a PATCH request is malformed. To be called before the token is checked. */
export async function judgePatch(call: Call): Promise<void> {
  if (call.method !== "PATCH") return;
  refusePatchType(call.request);
  await call.jsonBody();
}
