/**
 * The audit devices of a runtime: `console` and `http` everywhere, `file` where there are files.
 * Options have Vault's names. Never formats or reads a line.
 */

import type { ConfiguredDevice } from "../audit/device.ts";
import type { AuditSettings } from "../audit/devices.ts";
import type { AuditSink, AuditSinks, DeviceOptions, DeviceOrigin } from "../audit/sinks.ts";
import { invalidRequest } from "../errors.ts";
import { LineQueue } from "./line_queue.ts";
import { type AuditDeviceSettings, isCollectorUrl } from "./settings.ts";

/** Requests wait for the entry, so a collector that hangs must not hold them for long. */
const HTTP_MAX_MS = 10_000;

export interface RuntimeSinks {
  /** Writes one line, without its break. Throws or rejects when it could not. */
  readonly writeConsole: (line: string) => void | Promise<void>;
  /** Null where there are no files. */
  readonly openFile: ((options: DeviceOptions, origin: DeviceOrigin) => Promise<AuditSink>) | null;
}

/** What `VaultPorts` takes: the runtime's devices, and those of its settings. */
export function createAuditSettings(
  runtime: RuntimeSinks,
  settings: AuditDeviceSettings,
): AuditSettings {
  const devices: ConfiguredDevice[] = [];
  const { filePath, httpUrl, console } = settings;
  if (filePath !== null) devices.push({ type: "file", options: { file_path: filePath } });
  if (httpUrl !== null) devices.push({ type: "http", options: { uri: httpUrl } });
  if (console) devices.push({ type: "console", options: {} });
  return { sinks: createSinks(runtime), devices };
}

function createSinks({ writeConsole, openFile }: RuntimeSinks): AuditSinks {
  return {
    open: async (type, options, origin) => {
      refuseOptions(options);
      switch (type) {
        case "console":
          return createConsoleSink(writeConsole);
        case "http":
          return createHttpSink(options);
        case "file":
          if (openFile === null) throw invalidRequest("cannot open a file here: there are none");
          return await openFile(options, origin);
        default:
          throw invalidRequest(`unknown backend type: ${JSON.stringify(type)}`);
      }
    },
  };
}

/** What Vault has and would change every line. To take it silently would promise too much. */
function refuseOptions(options: DeviceOptions): void {
  if ((options["format"] ?? "json") !== "json") {
    throw invalidRequest("unknown format type: only json is supported");
  }
  const isRaw = !["", "0", "f", "false"].includes((options["log_raw"] ?? "").toLowerCase());
  if (isRaw) throw invalidRequest("log_raw is not supported: lines never hold secrets");
  if ((options["prefix"] ?? "") !== "") throw invalidRequest("prefix is not supported");
}

function createConsoleSink(writeConsole: RuntimeSinks["writeConsole"]): AuditSink {
  return {
    write: async (line) => await writeConsole(line),
    reopen: () => {},
    close: async () => {},
  };
}

/** Lines are sent by POST, those that wait together in one body; any 2xx takes them. */
function createHttpSink(options: DeviceOptions): AuditSink {
  const url = parseCollector(options["uri"] ?? options["address"] ?? "");
  const queue = new LineQueue(async (lines) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: `${lines.join("\n")}\n`,
      redirect: "manual",
      signal: AbortSignal.timeout(HTTP_MAX_MS),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the collector answered ${response.status}`);
  });
  return {
    write: (line) => queue.write(line),
    reopen: () => {},
    close: () => queue.drained(),
  };
}

function parseCollector(text: string): URL {
  if (!isCollectorUrl(text)) {
    throw invalidRequest("uri must be an http or https URL without user name and password");
  }
  return new URL(text);
}
