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
  const write = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (ORDER[level] < least) return;
    const entry = { time: new Date(options.nowMs()).toISOString(), level, message };
    options.sink(formatLine(options.format ?? "json", entry, { ...bound, ...fields }));
  };
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    with: (fields) => loggerWith(options, { ...bound, ...fields }),
  };
}

function formatLine(
  format: "json" | "text",
  entry: { time: string; level: LogLevel; message: string },
  fields: LogFields,
): string {
  const plain = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, plainValue(value)]),
  );
  if (format === "json") return JSON.stringify({ ...entry, ...plain });
  const pairs = Object.entries(plain).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  // Control characters in a text line could forge further lines or drive a terminal.
  const message = entry.message.replace(/\p{Cc}/gu, "\uFFFD");
  return [entry.time, entry.level.toUpperCase().padEnd(5), message, ...pairs].join(" ");
}

function plainValue(value: unknown): unknown {
  if (value instanceof Error) {
    return {
      name: value.name,
      message: value.message,
      stack: value.stack,
      cause: plainValue(value.cause),
    };
  }
  return typeof value === "bigint" ? value.toString() : value;
}
