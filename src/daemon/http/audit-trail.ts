// The way into the audit log: an entry before anything is done, another before it is answered. What cannot be written is not done; an
// outcome that cannot be written leaves a request without one, which says that much.
import type { IncomingMessage } from 'node:http';
import type { Endpoint } from '../../api/endpoint.ts';
import { CaissonError, describeError, toCaissonError } from '../../lib/errors.ts';
import { harmlessLine } from '../../lib/harmless.ts';
import type { Log } from '../../lib/log.ts';
import type { Job } from '../../model/job.ts';
import type { LogEntry, LogOutcome, NewLogEntry } from '../../model/log-entry.ts';
import type { AuditLog } from '../../store/audit-log.ts';
import { describeRequest } from './logged-request.ts';
import type { RawRequest } from './parse-call.ts';

export interface RequestToLog {
  id: string;
  endpoint: Endpoint;
  /** Checked. */
  call: RawRequest;
  actor: string;
  from: string;
}

export interface LoginToLog {
  /** Who it is, or says to be. */
  actor: string;
  from: string;
  /** The way: `password`, `token`, … */
  by: string;
  outcome: LogOutcome;
}

const maxMessageChars = 1000;
const maxActorChars = 200;
/** Refused logins and attempts at what is forbidden that are written one by one in a minute: a flood of them must not fill the disk. */
const maxRefused = 60;
const refusedWindowMs = 60_000;
const lookMs = 10 * 60_000;
/** That are remembered. */
const mostLooks = 1000;

export class AuditTrail {
  readonly #auditLog: AuditLog;
  readonly #log: Log;
  readonly #guestName: (uid: string) => string | undefined;
  #unknown = { since: 0, count: 0 };
  /** When something was looked at that is in the log, the oldest first. */
  readonly #looks = new Map<string, number>();
  #refused = { since: 0, written: 0, left: 0 };

  /** `guestName`: of the guest with this uid, as long as there is one. */
  constructor(auditLog: AuditLog, log: Log, guestName: (uid: string) => string | undefined = () => undefined) {
    this.#auditLog = auditLog;
    this.#log = log;
    this.#guestName = guestName;
  }

  /** Does `work` between its two entries. Throws `unavailable`, and has done nothing, when the first cannot be written. */
  async record<T>(request: RequestToLog, work: () => Promise<T>): Promise<T> {
    const { id: operation, endpoint, call, actor, from } = request;
    if (actor === 'anonymous') this.#boundUnknown();
    const head = { actor: actor.slice(0, maxActorChars), from, operation };
    const begun = await this.#begin({ ...head, kind: 'request', ...describeRequest(endpoint, call, this.#guestName) });
    const end = (outcome: LogOutcome, job?: string) =>
      this.#try({ ...head, kind: 'outcome', request: begun.number, outcome, ...(job === undefined ? {} : { job }) });
    try {
      const value = await work();
      if (endpoint.job) await end({ result: 'accepted' }, (value as { uid: string }).uid);
      else await end({ result: 'succeeded' });
      return value;
    } catch (error) {
      await end(outcomeOf(error));
      throw error;
    }
  }

  /** The same for what only shows something: once in ten minutes for who looks at what from where. */
  async look<T>(request: RequestToLog, work: () => Promise<T>): Promise<T> {
    const { id, endpoint, call, actor, from } = request;
    const key = JSON.stringify([actor, from, id, describeRequest(endpoint, call, this.#guestName).object]);
    const now = performance.now();
    for (const [each, at] of this.#looks) {
      if (now - at < lookMs && this.#looks.size <= mostLooks) break;
      this.#looks.delete(each);
    }
    if (this.#looks.has(key)) return work();
    const value = await this.record(request, work);
    this.#looks.set(key, now);
    return value;
  }

  /** Throws `unavailable` when a login that succeeds cannot be written: then it does not. */
  async login({ actor, from, by, outcome }: LoginToLog): Promise<void> {
    const entry: NewLogEntry = {
      kind: 'login',
      actor: harmlessLine(actor).slice(0, maxActorChars),
      from,
      operation: 'login',
      parameters: { by },
      outcome,
    };
    if (outcome.result === 'succeeded') await this.#begin(entry);
    else await this.#writeRefused(entry);
  }

  /** What somebody wanted to do and may not. Never throws. */
  async forbidden({ id: operation, endpoint, call, actor, from }: RequestToLog, error: unknown): Promise<void> {
    await this.#writeRefused({
      kind: 'request',
      actor: actor.slice(0, maxActorChars),
      from,
      operation,
      ...describeRequest(endpoint, call, this.#guestName),
      outcome: outcomeOf(error),
    });
  }

  /** Of a job that somebody asked for; the reconcilers' own are in the journal alone. */
  jobEnded({ uid, kind, state, actor, error }: Job): void {
    if (state === 'running' || actor === 'system') return;
    const outcome: LogOutcome = {
      result: state,
      ...(error ? { code: error.code, message: harmlessLine(error.message).slice(0, maxMessageChars) } : {}),
    };
    void this.#try({ kind: 'job', actor: actor.slice(0, maxActorChars), from: 'daemon', operation: kind, job: uid, outcome });
  }

  async #begin(entry: NewLogEntry): Promise<LogEntry> {
    try {
      return await this.#auditLog.append(entry);
    } catch (cause) {
      this.#log.error('the audit log cannot be written; what should be in it is refused', { error: cause, operation: entry.operation });
      throw new CaissonError('unavailable', 'nothing was changed, since it could not be written to the audit log', {
        cause,
        details: { nothingChanged: true },
      });
    }
  }

  async #try(entry: NewLogEntry): Promise<void> {
    try {
      await this.#auditLog.append(entry);
    } catch (error) {
      const { kind, operation, request, job, outcome } = entry;
      this.#log.error('the audit log cannot be written', { error, kind, operation, request, job, result: outcome?.result });
    }
  }

  /** What nobody has signed in for is written too, and must not fill the disk. */
  #boundUnknown(): void {
    const now = performance.now();
    if (now - this.#unknown.since > refusedWindowMs) this.#unknown = { since: now, count: 0 };
    if (++this.#unknown.count > maxRefused)
      throw new CaissonError('too-many', 'too many requests from people who have not signed in: wait a minute');
  }

  async #writeRefused(entry: NewLogEntry): Promise<void> {
    const now = performance.now();
    if (now - this.#refused.since > refusedWindowMs) {
      const { left } = this.#refused;
      this.#refused = { since: now, written: 0, left: 0 };
      if (left > 0) {
        const message = `${left} more were refused, too many to be written one by one`;
        await this.#try({
          kind: 'login',
          actor: 'several',
          from: 'several',
          operation: 'several',
          outcome: { result: 'refused', message },
        });
      }
    }
    if (this.#refused.written >= maxRefused) {
      this.#refused.left++;
      return;
    }
    this.#refused.written++;
    await this.#try(entry);
  }
}

/** The address of the other side, or `unix`. */
export function originOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unix';
}

/** What handlers refuse before they do anything has a code that says so; `failed` and `internal` may have done a part. */
function outcomeOf(error: unknown): LogOutcome {
  const { code } = toCaissonError(error);
  const message = code === 'internal' ? 'a defect of Caisson' : harmlessLine(describeError(error)).slice(0, maxMessageChars);
  return { result: code === 'failed' || code === 'internal' || code === 'timeout' ? 'failed' : 'refused', code, message };
}
