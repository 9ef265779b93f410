/** What an engine sees of the barrier: its own records, by paths relative to its mount. */

import type { Barrier } from "./barrier.ts";
import type { EngineStorage } from "../engines/engine.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { PATH_MAX_BYTES } from "../limits.ts";

const PAGE = 256;
/** Sorts after every continuation of a folder's name. */
const LAST_CODE_POINT = "\u{10ffff}";

export function createMountStorage(
  barrier: Barrier,
  prefix: string,
  wrapsPath: (path: string) => boolean,
): EngineStorage {
  return {
    async get(path) {
      refuseLongPath(prefix + path);
      return await barrier.get(prefix + path);
    },

    async has(path) {
      refuseLongPath(prefix + path);
      return await barrier.has(prefix + path);
    },

    async list(below, after, limit) {
      const paths = await barrier.list(prefix + below, after === "" ? "" : prefix + after, limit);
      return paths.map((path) => path.slice(prefix.length));
    },

    async listChildren(below) {
      const full = prefix + below;
      const children: string[] = [];
      for (let after = "";;) {
        const paths = await barrier.list(full, after, PAGE);
        for (const path of paths) {
          const name = path.slice(full.length);
          const slash = name.indexOf("/");
          const child = slash === -1 ? name : name.slice(0, slash + 1);
          if (child !== children.at(-1)) children.push(child);
        }
        const last = children.at(-1);
        if (paths.length < PAGE || last === undefined) return children;
        // A large folder is skipped at once instead of being paged through.
        after = last.endsWith("/") ? full + last + LAST_CODE_POINT : full + last;
      }
    },

    async commit(writes) {
      for (const write of writes) refuseLongPath(prefix + write.path);
      const outcome = await barrier.commit({
        entries: writes.map((write) => ({
          path: prefix + write.path,
          value: write.value,
          sealWrap: wrapsPath(write.path),
        })),
        expect: writes.flatMap((write) =>
          write.expected === undefined
            ? []
            : [{ path: prefix + write.path, revision: write.expected }]
        ),
      });
      return outcome.kind === "committed";
    },
  };
}

function refuseLongPath(path: string): void {
  if (new TextEncoder().encode(path).length > PATH_MAX_BYTES) {
    throw invalidRequest(`path is longer than ${PATH_MAX_BYTES} bytes`);
  }
  if (!path.isWellFormed()) throw new VaultError("invalid_request", "path is not valid UTF-8");
}
