/**
 * A runtime's audit devices: `console` and `http` everywhere, `file` where there are files. Options
 * have Vault's names. Never formats or reads a line.
 */

import type { ConfiguredDevice } from "../audit/device.ts";
import type { AuditSettings } from "../audit/devices.ts";
import type { AuditSink, AuditSinks, DeviceOptions, DeviceOrigin } from "../audit/sinks.ts";
import { invalidRequest } from "../errors.ts";
import type { FileDevices } from "./audit_file.ts";
import { boundSink, SINK_BOUNDS, type SinkBounds } from "./bounded_sink.ts";
import { LineQueue } from "./line_queue.ts";
import { type AuditDeviceSettings, isCollectorUrl } from "./settings.ts";

export interface RuntimeSinks {
  /** Writes a line passed without its line break. Throws or rejects on failure. */
  readonly writeConsole: (line: string) => void | Promise<void>;
  /** Null where there are no files. */
  readonly files: FileDevices | null;
}

/** A device type. Both functions behave as in `AuditSinks`. */
interface DeviceType {
  settle(options: DeviceOptions, origin: DeviceOrigin): DeviceOptions;
  open(options: DeviceOptions, origin: DeviceOrigin): Promise<AuditSink>;
}

/** Builds the audit port of `VaultPorts` from the runtime's devices and settings. */
export function createAuditSettings(
  runtime: RuntimeSinks,
  settings: AuditDeviceSettings,
  bounds: SinkBounds = SINK_BOUNDS,
): AuditSettings {
  const devices: ConfiguredDevice[] = [];
  const { filePath, httpUrl, console } = settings;
  if (filePath !== null) devices.push({ type: "file", options: { file_path: filePath } });
  if (httpUrl !== null) devices.push({ type: "http", options: { uri: httpUrl } });
  if (console) devices.push({ type: "console", options: {} });
  return { sinks: createSinks(runtime, bounds), devices };
}

function createSinks({ writeConsole, files }: RuntimeSinks, bounds: SinkBounds): AuditSinks {
  const types: ReadonlyMap<string, DeviceType> = new Map([
    ["console", {
      settle: (options) => options,
      open: async () => createConsoleSink(writeConsole),
    }],
    ["http", {
      settle: (options) => {
        parseCollector(options);
        return options;
      },
      open: async (options) => createHttpSink(parseCollector(options), bounds.maxMs),
    }],
    ["file", files ?? NO_FILES],
  ]);
  const typeOf = (name: string): DeviceType => {
    const type = types.get(name);
    if (type === undefined) throw invalidRequest(`unknown backend type: ${JSON.stringify(name)}`);
    return type;
  };
  const settle: AuditSinks["settle"] = (type, options, origin) => {
    refuseOptions(options);
    return typeOf(type).settle(options, origin);
  };
  const open: AuditSinks["open"] = async (type, options, origin) =>
    boundSink(await typeOf(type).open(settle(type, options, origin), origin), bounds);
  return { settle, open };
}

const NO_FILES: DeviceType = { settle: refuseFile, open: async () => refuseFile() };

function refuseFile(): never {
  throw invalidRequest("cannot open a file here: there are none");
}

/** Refuses Vault options that would change every line; ignoring them would mislead the operator. */
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

/** Posts lines, all waiting ones in one body. Any 2xx status accepts them. */
function createHttpSink(url: URL, maxMs: number): AuditSink {
  const queue = new LineQueue(async (lines) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: `${lines.join("\n")}\n`,
      redirect: "manual",
      signal: AbortSignal.timeout(maxMs),
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

function parseCollector(options: DeviceOptions): URL {
  const text = options["uri"] ?? options["address"] ?? "";
  if (!isCollectorUrl(text)) {
    throw invalidRequest("uri must be an http or https URL without user name and password");
  }
  return new URL(text);
}
