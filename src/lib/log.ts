// The log: one JSON object a line on standard error, made without a library because the root helper writes it too.
import { describeError } from './errors.ts';

type Fields = Record<string, unknown>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A log that adds `fields` to every line. */
  child(fields: Fields): Log;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;

export function jsonLog(write: (line: string) => void, minimum: (typeof levels)[number] = 'info', base: Fields = {}): Log {
  const at =
    (level: (typeof levels)[number]) =>
    (message: string, fields: Fields = {}) => {
      if (levels.indexOf(level) < levels.indexOf(minimum)) return;
      const plain = Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? describeError(value) : value]);
      write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...base, ...Object.fromEntries(plain) })}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => jsonLog(write, minimum, { ...base, ...fields }),
  };
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };
