// What rooms may ask of a log. The adapter (pino) is chosen by the composition root.

export type LogFields = Readonly<Record<string, unknown>>;

/** ERROR means a person must act; a healthy system logs none. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
