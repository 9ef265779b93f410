/**
 * The operator's log: one line per event, as a JSON object or as readable text. It takes a clock
 * and a line writer, and knows nothing of consoles, files or runtimes. It filters nothing, so
 * callers must never pass secrets, shares, tokens or request bodies.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  /** Receives one line, without its line break. */
  readonly write: (line: string) => void;
  readonly style: "json" | "text";
  readonly nowMs: () => number;
}

export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export function createLog(options: LogOptions): Log {
  const lowest = LOG_LEVELS.indexOf(options.level);
  const format = options.style === "json" ? formatJson : formatText;
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}): void => {
    if (LOG_LEVELS.indexOf(level) < lowest) return;
    options.write(format(new Date(options.nowMs()).toISOString(), level, message, fields));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** `time`, `level` and `message` come first and override fields of the same name. */
function formatJson(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const head = { time, level, message };
  return escapeControls(JSON.stringify({ ...head, ...fields, ...head }));
}

function formatText(time: string, level: LogLevel, message: string, fields: LogFields): string {
  let line = `${time} ${`[${level.toUpperCase()}]`.padEnd(7)} ${escapeControls(message)}`;
  for (const [name, value] of Object.entries(fields)) line += ` ${name}=${formatValue(value)}`;
  return line;
}

/** Quotes values with spaces, quotes or control characters, which could forge a field or a line. */
function formatValue(value: string | number | boolean | null): string {
  if (typeof value !== "string") return String(value);
  return /^[!#-<>-~]+$/.test(value) ? value : escapeControls(JSON.stringify(value));
}

/** JSON leaves C1 controls alone, and a terminal may obey them. */
function escapeControls(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
