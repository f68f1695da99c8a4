// The contract of the audit log: entries are added, never changed, never removed. Local to the host. Implemented by `sqlite/` and `memory/`; both
// pass test/contract/audit-log.contract.ts.
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
