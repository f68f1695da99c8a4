// The contract of the audit log: entries are added, never changed, and removed from its beginning alone, by who shows that they have them. Local to the host. Implemented by `sqlite/` and `memory/`; both
// pass test/contract/audit-log.contract.ts.
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { CaissonError } from '../lib/errors.ts';
import type { LogEntry, LoggedAction, LogHead, NewLogEntry } from '../model/log-entry.ts';

export const defaultActionLimit = 100;

export interface ActionFilter {
  /** Only actions older than this number: the next page. */
  before?: number | undefined;
  /** Default 100. */
  limit?: number | undefined;
  actor?: string | undefined;
  operation?: string | undefined;
  object?: string | undefined;
  kind?: LoggedAction['kind'] | undefined;
}

export interface AuditLog {
  /** On the disk when it resolves. Throws when it could not be written; then nothing of it is there. */
  append(entry: NewLogEntry): Promise<LogEntry>;
  /** Requests and logins with what became of them, newest first. */
  listActions(filter?: ActionFilter): Promise<LoggedAction[]>;
  /** Entries as they were written, after the number, oldest first. */
  read(range: { after: number; limit: number }): Promise<LogEntry[]>;
  /** The last entry that was ever written, whether it is still there or not. */
  head(): Promise<LogHead>;
  /** The last entry that was archived: what is here goes on from it. Number 0: none. */
  archived(): Promise<LogHead>;
  /**
   * Removes all entries up to `through`, at once or not at all, and keeps its number and hash. `sha256` is that of their JSON texts, each with a line feed after it:
   * only who has read them all knows it. Returns how many. Throws `conflict` when it is another, or `through` is no entry of this log.
   */
  archive(through: LogHead, sha256: string): Promise<number>;
  close(): Promise<void>;
}

/** A request or login with its outcome and the end of its job. */
export function actionOf(entry: LogEntry, outcome: LogEntry | undefined, end: LogEntry | undefined): LoggedAction {
  const { previous: _, hash: __, request: ___, kind, ...rest } = entry;
  return {
    ...rest,
    kind: kind as LoggedAction['kind'],
    ...(outcome?.outcome ? { outcome: outcome.outcome } : {}),
    ...(outcome?.job === undefined ? {} : { job: outcome.job }),
    ...(end?.outcome ? { end: end.outcome } : {}),
  };
}

/** In pieces of this many entries, so that others are served meanwhile. */
const digestedAtOnce = 1000;

/** What an archive of these entries must have as its digest, and how many they are. */
export async function digestEntries(
  log: Pick<AuditLog, 'read'>,
  after: number,
  through: number,
): Promise<{ sha256: string; entries: number }> {
  const digest = createHash('sha256');
  let entries = 0;
  for (let at = after; at < through;) {
    const items = (await log.read({ after: at, limit: digestedAtOnce })).filter(({ number }) => number <= through);
    const last = items.at(-1)?.number;
    if (last === undefined || !(last > at)) break;
    for (const entry of items) digest.update(`${JSON.stringify(entry)}\n`);
    entries += items.length;
    at = last;
    await setImmediate();
  }
  return { sha256: digest.digest('hex'), entries };
}

/** Both implementations refuse in these words. */
export function notInTheLog(number: number): CaissonError {
  return new CaissonError('conflict', `entry ${number} is not in the audit log as it was shown, or not any more: nothing was removed`);
}

export function otherDigest(number: number): CaissonError {
  return new CaissonError('conflict', `the archive does not hold what the audit log holds up to entry ${number}: nothing was removed`);
}
