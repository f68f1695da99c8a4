// What SQLite says, as an error of ours that tells what to do.
import { CaissonError } from '../../lib/errors.ts';

/** Primary result codes (https://www.sqlite.org/rescode.html). */
const busy = 5;
const readOnly = 8;
const ioError = 10;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notADatabase = 26;
/** Extended codes: the kernel could not make data durable, and may have forgotten it. */
const syncFailures = new Set([ioError | (4 << 8), ioError | (5 << 8)]);

/** Whether it is no longer known what is on the disk. */
export function isSyncFailure(error: unknown): boolean {
  return syncFailures.has(codeOf(error) ?? 0);
}

/** `what` is the thing for people, e.g. `store`. */
export function sqliteError(error: unknown, what: string, path: string): CaissonError {
  if (error instanceof CaissonError) return error;
  const code = codeOf(error);
  const make = (kind: 'conflict' | 'failed' | 'unavailable', message: string) =>
    new CaissonError(kind, message, { cause: error, details: { path, sqliteCode: code } });
  switch (code === undefined ? undefined : code & 0xff) {
    case busy:
      return make('conflict', `the ${what} ${path} is in use: another daemon runs on this data directory`);
    case full:
      return make('failed', `the ${what} ${path} cannot be written: the disk is full; make space, then try again`);
    case readOnly:
    case cannotOpen:
      return make(
        'failed',
        `the ${what} ${path} cannot be opened for writing: look at its owner, its mode and whether the disk is read-only`,
      );
    case corrupt:
    case notADatabase:
      return make(
        'failed',
        `the ${what} ${path} is damaged or not a database; it was left as it is: restore it from a backup, or move it away to look into it`,
      );
    case ioError:
      return make('unavailable', `the ${what} ${path}: the disk cannot be read or written; look at the kernel's messages and the disk`);
    default:
      return new CaissonError('internal', `the ${what} ${path} refused what it was asked`, {
        cause: error,
        details: { path, sqliteCode: code },
      });
  }
}

function codeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code : undefined;
}
