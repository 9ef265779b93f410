/** PATCH is refused for its content type alone, whatever the path. */

import { invalidRequest } from "../errors.ts";

const MERGE_PATCH = "application/merge-patch+json";

/** Answered with 415. */
export class UnsupportedMediaType extends Error {
  override readonly name = "UnsupportedMediaType";

  constructor(given: string) {
    super(`PATCH requires Content-Type of ${MERGE_PATCH}, provided ${given}`);
  }
}

export function refusePatchType(request: Request): void {
  const type = request.headers.get("content-type")?.trim() ?? "";
  if (type === "") throw invalidRequest("mime: no media type");
  const media = type.split(";")[0]?.trim().toLowerCase() ?? "";
  if (media !== MERGE_PATCH) throw new UnsupportedMediaType(media);
}
