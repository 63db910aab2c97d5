/**
 * Structured log lines. A logger writes one JSON object or one text line per entry to its sink;
 * it never throws and never buffers.
 *
 * @module
 */

/** Severity, least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Named values of a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes structured lines. */
export interface Logger {
  /** Writes at level debug. */
  debug(message: string, fields?: LogFields): void;
  /** Writes at level info. */
  info(message: string, fields?: LogFields): void;
  /** Writes at level warn. */
  warn(message: string, fields?: LogFields): void;
  /** Writes at level error. */
  error(message: string, fields?: LogFields): void;
  /** A logger that adds fields to every line. */
  with(fields: LogFields): Logger;
}

/** How a logger is made. */
export interface LoggerOptions {
  /** Least level that is written. @default "info" */
  readonly level?: LogLevel;
  /** Shape of a line. @default "json" */
  readonly format?: "json" | "text";
  /** Takes one finished line without its newline. */
  readonly sink: (line: string) => void;
  /** Unix time in milliseconds. */
  readonly nowMs: () => number;
}

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};

/**
 * Makes a logger.
 *
 * @param options level, shape, sink and time.
 * @returns the logger.
 */
export function createLogger(options: LoggerOptions): Logger {
  return loggerWith(options, {});
}

function loggerWith(options: LoggerOptions, bound: LogFields): Logger {
  const least = ORDER[options.level ?? "info"];
  const format = options.format === "text" ? textLine : jsonLine;
  const write = (level: LogLevel, message: string, fields: LogFields | undefined) => {
    if (ORDER[level] < least) return;
    options.sink(format(timeText(options.nowMs()), level, message, bound, fields));
  };
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    with: (fields) => loggerWith(options, { ...bound, ...fields }),
  };
}

let lastMs = NaN;
let lastTime = "";

/** A server writes many lines in one millisecond. */
function timeText(nowMs: number): string {
  if (nowMs !== lastMs) [lastMs, lastTime] = [nowMs, new Date(nowMs).toISOString()];
  return lastTime;
}

function jsonLine(
  time: string,
  level: LogLevel,
  message: string,
  bound: LogFields,
  fields: LogFields | undefined,
): string {
  const entry: Record<string, unknown> = { time, level, message };
  addFields(entry, bound);
  if (fields !== undefined) addFields(entry, fields);
  return JSON.stringify(entry);
}

function textLine(
  time: string,
  level: LogLevel,
  message: string,
  bound: LogFields,
  fields: LogFields | undefined,
): string {
  const entry: Record<string, unknown> = {};
  addFields(entry, bound);
  if (fields !== undefined) addFields(entry, fields);
  const pairs = Object.entries(entry).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  // Control characters in a text line could forge further lines or drive a terminal.
  const shown = message.replace(/\p{Cc}/gu, "\uFFFD");
  return [time, level.toUpperCase().padEnd(5), shown, ...pairs].join(" ");
}

function addFields(entry: Record<string, unknown>, fields: LogFields): void {
  for (const key in fields) {
    if (fields[key] !== undefined) entry[key] = plainValue(fields[key]);
  }
}

function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause === undefined ? {} : { cause: plainValue(cause) }) };
}
