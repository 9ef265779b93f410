/** Audit sinks for tests: they record lines in memory and fail on demand. */

import type { AuditSettings } from "../../src/audit/devices.ts";
import type { ConfiguredDevice } from "../../src/audit/device.ts";
import { invalidRequest } from "../../src/errors.ts";
import { evidence } from "../secrecy/evidence.ts";

export interface RecordingSinks {
  readonly settings: AuditSettings;
  /** Lines of the device whose option `name`, or else type, is this. */
  lines(name: string): readonly string[];
  /** Every line of every device. */
  all(): readonly string[];
  /** What happened to devices: `open a`, `reopen a`, `close a`. */
  readonly events: string[];
  /** Names of devices that refuse every line from now on. */
  readonly broken: Set<string>;
  /** Names of devices that cannot be opened. */
  readonly unopenable: Set<string>;
  /** Which lines a broken device refuses; by default all. */
  refuses: (line: string) => boolean;
}

export function createRecordingSinks(devices: readonly ConfiguredDevice[] = []): RecordingSinks {
  const written = new Map<string, string[]>();
  const recording: RecordingSinks = {
    lines: (name) => written.get(name) ?? [],
    all: () => [...written.values()].flat(),
    events: [],
    broken: new Set(),
    unopenable: new Set(),
    refuses: () => true,
    settings: {
      devices,
      sinks: {
        settle: (type, options) => {
          if (type !== "test") throw invalidRequest(`unknown backend type: "${type}"`);
          return options;
        },
        open: async (type, options, origin) => {
          recording.settings.sinks.settle(type, options, origin);
          const name = options["name"] ?? type;
          if (recording.unopenable.has(name)) throw new Error(`no device ${name}`);
          recording.events.push(`open ${name}`);
          const lines = written.get(name) ?? [];
          written.set(name, lines);
          return {
            write: async (line) => {
              if (recording.broken.has(name) && recording.refuses(line)) throw new Error("full");
              lines.push(line);
              evidence.line("audit-in-process", line);
            },
            reopen: () => void recording.events.push(`reopen ${name}`),
            close: async () => void recording.events.push(`close ${name}`),
          };
        },
      },
    },
  };
  return recording;
}
